//! Facts of a feed: what it holds, what it gives, and where its cursor stands.

use domain::Timestamp;
use domain::record::{Publish, Source};

use super::*;
use crate::packet::SubscribeOptions;

fn message(position: u64, qos: u8) -> Message {
    let mut publish = Publish::new(Source::Mqtt, "a", bytes::Bytes::from_static(b"x"));
    publish.qos = qos;
    Message { position: Position(position), received_at: Timestamp::UNIX_EPOCH, publish }
}

fn live(cursor: u64) -> Feed {
    let feed = Feed::new("c".into(), Position(cursor), Position(cursor));
    let options = SubscribeOptions { qos: 1, no_local: false, retain_as_published: false, retain_handling: 0 };
    feed.subscribe("a".into(), Subscription::new(options, None));
    assert!(feed.go_live(Position(cursor)));
    feed
}

fn matched() -> Matched {
    Matched { qos: 1, ..Matched::default() }
}

fn taken(feed: &Feed) -> Option<Delivery> {
    match feed.take() {
        Taken::Message(delivery) => Some(*delivery),
        _ => None,
    }
}

#[test]
fn the_cursor_stands_before_the_oldest_unanswered_message() {
    let feed = live(10);
    assert_eq!(feed.cursor(Position(20)), Position(20));
    for position in [21, 22, 23] {
        feed.offer(&message(position, 1), matched());
    }
    assert_eq!(feed.cursor(Position(30)), Position(20));
    feed.answered(Position(22));
    assert_eq!(feed.cursor(Position(30)), Position(20));
    assert_eq!(feed.park(Position(30)), (Position(20), vec![Position(22)]));
    feed.answered(Position(21));
    assert_eq!(feed.cursor(Position(30)), Position(22));
    feed.answered(Position(23));
    assert_eq!(feed.park(Position(30)), (Position(30), vec![]));
}

#[test]
fn a_full_feed_falls_behind_and_catches_up_without_a_gap() {
    let feed = live(0);
    let total = 3 * FEED_MESSAGES_MAX as u64;
    for position in 1..=total {
        feed.offer(&message(position, 1), matched());
    }
    let mut seen = Vec::new();
    while seen.len() < total as usize {
        while let Some(delivery) = taken(&feed) {
            seen.push(delivery.message.position.0);
            feed.answered(delivery.message.position);
        }
        if feed.wants_catch_up() {
            let after = feed.considered().0;
            (after + 1..=total).map(|position| message(position, 1)).all(|message| feed.consider(&message));
            feed.unschedule();
            feed.go_live(Position(total));
        }
    }
    assert_eq!(seen, (1..=total).collect::<Vec<_>>());
    assert!(!feed.wants_catch_up(), "live again");
}

#[test]
fn what_was_sent_before_keeps_its_id_and_what_is_done_is_left_out() {
    let feed = Feed::new("c".into(), Position(10), Position(20));
    let options = SubscribeOptions { qos: 1, no_local: false, retain_as_published: false, retain_handling: 0 };
    feed.subscribe("a".into(), Subscription::new(options, None));
    feed.resume([(7, Position(11))], [Position(12)].into());
    assert!(feed.is_reserved(7));
    for (position, qos) in [(11, 1), (12, 1), (13, 0), (14, 1), (21, 0)] {
        assert!(feed.consider(&message(position, qos)));
    }
    let all: Vec<_> = std::iter::from_fn(|| taken(&feed)).map(|delivery| (delivery.message.position.0, delivery.id)).collect();
    assert_eq!(all, [(11, Some(7)), (14, None), (21, None)], "QoS 0 of the absence is left out, too");
    assert!(!feed.is_reserved(7));
}

#[test]
fn announcements_that_found_no_room_make_the_state_due() {
    let feed = live(0);
    for _ in 0..=FEED_MESSAGES_MAX {
        feed.announce(&message(0, 1), matched());
    }
    for _ in 0..FEED_MESSAGES_MAX {
        assert!(taken(&feed).is_some());
    }
    assert!(matches!(feed.take(), Taken::StateDue));
    assert!(matches!(feed.take(), Taken::Nothing));
}

#[test]
fn what_a_member_gives_back_comes_first_and_in_order() {
    let feed = live(0);
    for position in 1..=4 {
        feed.offer(&message(position, 1), matched());
    }
    let first: Vec<Delivery> = std::iter::from_fn(|| taken(&feed)).take(3).collect();
    feed.give_back(first.into_iter().rev().collect());
    let order: Vec<u64> = std::iter::from_fn(|| taken(&feed)).map(|delivery| delivery.message.position.0).collect();
    assert_eq!(order, [1, 2, 3, 4]);
    assert_eq!(feed.cursor(Position(9)), Position(0));
}
