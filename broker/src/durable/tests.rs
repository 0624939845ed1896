//! Facts of the fold: what each change leaves behind.

use domain::{Position, Timestamp};

use super::*;
use crate::packet::SubscribeOptions;

struct Fold {
    durable: Durable,
    position: u64,
}

impl Fold {
    fn new() -> Self {
        Self { durable: Durable::default(), position: 0 }
    }

    fn apply(&mut self, change: Change) -> &mut Self {
        self.position += 1;
        self.durable.apply(change, Position(self.position), Timestamp::from_micros(0));
        self
    }

    fn open(&mut self, clean: bool) -> &mut Self {
        self.apply(Change::Opened { client: "c".into(), clean, expiry_s: 60 })
    }

    fn subscribe(&mut self, filter: &str, qos: u8) -> &mut Self {
        let options = SubscribeOptions { qos, no_local: false, retain_as_published: false, retain_handling: 0 };
        let subscription = Subscription::new(options, None);
        self.apply(Change::Subscribed { client: "c".into(), filter: filter.into(), subscription })
    }

    fn kept(&self) -> &Kept {
        &self.durable.sessions["c"]
    }
}

#[test]
fn a_clean_start_forgets_the_session_and_its_share() {
    let mut fold = Fold::new();
    fold.open(false).subscribe("a", 1).subscribe("$share/g/b", 1);
    assert_eq!(fold.durable.shares.len(), 1);
    fold.open(true);
    assert!(fold.kept().subscriptions.is_empty());
    assert!(fold.durable.shares.is_empty());
}

#[test]
fn the_cursor_begins_at_the_first_subscription_that_needs_it() {
    let mut fold = Fold::new();
    fold.open(false).subscribe("live", 0).subscribe("a", 1).subscribe("b", 1);
    assert_eq!(fold.kept().cursor, Position(3));
    assert_eq!(fold.kept().subscriptions["b"].since, Position(4));
    fold.subscribe("a", 2);
    assert_eq!(fold.kept().subscriptions["a"].since, Position(3), "subscribing again misses nothing");
}

#[test]
fn a_qos_2_message_is_sent_once_whatever_dies() {
    let mut fold = Fold::new();
    let client = Text::from("c");
    fold.open(false).subscribe("a", 2);
    fold.apply(Change::Sent { client: client.clone(), ids: vec![(1, Position(7)), (2, Position(8))] });
    fold.apply(Change::Received { client: client.clone(), ids: vec![1] });
    assert_eq!(fold.kept().sent, [(2, Position(8))].into());
    assert_eq!(fold.kept().done, [Position(7)].into());
    assert_eq!(fold.kept().received, [1].into());
    fold.apply(Change::Completed { client: client.clone(), ids: vec![1] });
    assert!(fold.kept().received.is_empty());
    fold.apply(Change::Cursors { clients: vec![(client, Position(7))], shares: Vec::new() });
    assert!(fold.kept().done.is_empty());
}

#[test]
fn a_session_is_over_once_its_time_after_the_connection_has_passed() {
    let mut fold = Fold::new();
    fold.open(false);
    let later = Timestamp::from_micros(60_000_000);
    assert!(!fold.kept().is_over(later), "while connected");
    fold.apply(Change::Closed { client: "c".into(), expiry_s: 60 });
    assert!(!fold.kept().is_over(Timestamp::from_micros(59_999_999)));
    assert!(fold.kept().is_over(later));
    fold.apply(Change::Closed { client: "c".into(), expiry_s: u32::MAX });
    assert!(!fold.kept().is_over(Timestamp::from_micros(i64::MAX)), "for ever");
}

#[test]
fn an_open_id_of_a_publisher_lasts_until_its_release() {
    let mut fold = Fold::new();
    fold.durable.opened("nobody", 1);
    fold.open(false);
    fold.durable.opened("c", 5);
    assert!(fold.kept().open.contains(&5));
    fold.apply(Change::Released { client: "c".into(), id: 5 });
    assert!(fold.kept().open.is_empty());
}
