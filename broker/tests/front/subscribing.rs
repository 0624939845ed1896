//! Subscribing: what a client is sent, once, in order, and what it finds when it comes back.

use bytes::Bytes;

use crate::harness::Front;
use crate::raw::{Publish, Raw, text};

const LASTING: &[u8] = &[0x11, 0, 0, 0, 60];

pub fn qos(level: u8, topic: &str, payload: &[u8], id: u16) -> Vec<u8> {
    Publish { topic, payload, flags: level << 1, id, properties: None }.bytes()
}

fn retained(topic: &str, payload: &[u8]) -> Vec<u8> {
    Publish { topic, payload, flags: 0x03, id: 1, properties: None }.bytes()
}

/// A SUBSCRIBE of 3.1.1 and its answer.
pub async fn subscribe(raw: &mut Raw, filter: &str, qos: u8) {
    let mut body = vec![0, 77];
    text(&mut body, filter);
    body.push(qos);
    raw.packet(0x82, &body).await;
    raw.expect(&[0x90, 3, 0, 77, qos]).await;
}

/// A SUBSCRIBE of 5 and its answer.
async fn subscribe_v5(raw: &mut Raw, properties: &[u8], filter: &str, options: u8) {
    let mut body = vec![0, 77, properties.len() as u8];
    body.extend(properties);
    text(&mut body, filter);
    body.push(options);
    raw.packet(0x82, &body).await;
    let (first, suback) = raw.read_packet().await.expect("a SUBACK");
    assert_eq!((first, &suback[..3]), (0x90, &[0, 77, 0][..]));
    assert!(suback[3] <= 2, "{suback:?}");
}

pub async fn publish_and_wait(raw: &mut Raw, bytes: &[u8]) {
    raw.send(bytes).await;
    assert_eq!(raw.read_packet().await.expect("a PUBACK").0, 0x40);
}

#[tokio::test]
async fn a_live_subscriber_gets_what_matches_in_order() {
    let front = Front::start().await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "a/+", 0).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for id in 1..=300u16 {
        publisher.send(&qos(1, "a/b", id.to_string().as_bytes(), id)).await;
        publisher.send(&qos(0, "b", b"other", 0)).await;
    }
    for id in 1..=300u16 {
        subscriber.expect(&qos(0, "a/b", id.to_string().as_bytes(), 0)).await;
    }
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn overlapping_live_filters_bring_one_copy() {
    let front = Front::start().await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    for filter in ["a/#", "a/b", "#"] {
        subscribe(&mut subscriber, filter, 0).await;
    }
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for payload in [b"1", b"2"] {
        publish_and_wait(&mut publisher, &qos(1, "a/b", payload, 1)).await;
        subscriber.expect(&qos(0, "a/b", payload, 0)).await;
    }
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn topics_that_kill_the_engine_are_only_topics_here() {
    let front = Front::start().await;
    let mut subscriber = Raw::v3(front.mqtt, "+/#$").await;
    subscribe(&mut subscriber, "#", 0).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for topic in ["ế/a", "/", "//", "a", "k"] {
        publish_and_wait(&mut publisher, &qos(1, topic, b"", 1)).await;
        subscriber.expect(&qos(0, topic, b"", 0)).await;
    }
    front.stop().await;
}

#[tokio::test]
async fn a_qos_1_subscriber_gets_messages_at_the_lower_qos() {
    let front = Front::start().await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "a", 1).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publisher.send(&qos(0, "a", b"0", 0)).await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"1", 1)).await;
    publisher.send(&qos(2, "a", b"2", 2)).await;
    subscriber.expect(&qos(0, "a", b"0", 0)).await;
    subscriber.expect(&qos(1, "a", b"1", 1)).await;
    subscriber.expect(&qos(1, "a", b"2", 2)).await;
    front.stop().await;
}

#[tokio::test]
async fn a_slow_qos_1_subscriber_loses_nothing() {
    let front = Front::start().await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "a", 1).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for window in 0..10u16 {
        let bytes: Vec<u8> = (1..=500u16).flat_map(|id| qos(1, "a", (window * 500 + id).to_string().as_bytes(), id)).collect();
        publisher.send(&bytes).await;
        for _ in 0..500 {
            publisher.read_packet().await.expect("a PUBACK");
        }
    }
    for number in 1..=5_000u16 {
        let (first, body) = subscriber.read_packet().await.expect("a message");
        assert_eq!(first, 0x32);
        assert_eq!(&body[5..], number.to_string().as_bytes());
        subscriber.send(&[0x40, 2, body[3], body[4]]).await;
    }
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn a_retained_message_waits_for_subscribers_until_an_empty_one() {
    let front = Front::start().await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &retained("state/a", b"old")).await;
    publish_and_wait(&mut publisher, &retained("state/a", b"new")).await;
    for level in [0, 1] {
        let mut subscriber = Raw::v3(front.mqtt, "s").await;
        subscribe(&mut subscriber, "state/#", level).await;
        let flags = 0x01 | level << 1;
        subscriber.expect(&Publish { topic: "state/a", payload: b"new", flags, id: 1, properties: None }.bytes()).await;
    }
    publish_and_wait(&mut publisher, &retained("state/a", b"")).await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "state/#", 1).await;
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn thousands_of_retained_messages_all_come() {
    let front = Front::start().await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    let bytes: Vec<u8> = (0..5_000).flat_map(|number| retained(&format!("state/{number}"), b"x")).collect();
    publisher.send(&bytes).await;
    for _ in 0..5_000 {
        publisher.read_packet().await.expect("a PUBACK");
    }
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "state/+", 1).await;
    for _ in 0..5_000 {
        let (first, body) = subscriber.read_packet().await.expect("a message");
        assert_eq!(first, 0x33);
        let id = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        subscriber.send(&[0x40, 2, body[id], body[id + 1]]).await;
    }
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn retained_messages_survive_a_crash_and_announcements_are_announced_anew() {
    let front = Front::start().await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &retained("state/a", b"kept")).await;
    let announce = |payload| vec![("kerbside/v1/state/parking/x".to_owned(), Bytes::from_static(payload))];
    front.handle.announce(announce(b"{}")).await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "kerbside/v1/state/#", 0).await;
    let topic = "kerbside/v1/state/parking/x";
    subscriber.expect(&Publish { topic, payload: b"{}", flags: 1, id: 0, properties: None }.bytes()).await;
    front.handle.announce(announce(b"[]")).await;
    subscriber.expect(&qos(0, topic, b"[]", 0)).await;
    let dir = front.kill().await;
    let front = Front::start_in(dir).await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "#", 0).await;
    subscriber.expect(&Publish { topic: "state/a", payload: b"kept", flags: 1, id: 0, properties: None }.bytes()).await;
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn a_live_subscriber_gets_every_announcement_of_a_look_over_the_city() {
    const SITES: usize = 1_000;
    let front = Front::start().await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "kerbside/v1/state/#", 0).await;
    let topics: Vec<String> = (0..SITES).map(|n| format!("kerbside/v1/state/parking/{n}")).collect();
    front.handle.announce(topics.iter().map(|topic| (topic.clone(), Bytes::from_static(b"{}"))).collect()).await;
    for topic in &topics {
        subscriber.expect(&qos(0, topic, b"{}", 0)).await;
    }
    front.stop().await;
}

#[tokio::test]
async fn a_lasting_session_gets_what_came_while_it_was_away() {
    let front = Front::start().await;
    let mut subscriber = Raw::connect_v3(front.mqtt, "s", 0x00).await;
    subscriber.expect(&[0x20, 2, 0, 0]).await;
    subscribe(&mut subscriber, "a", 1).await;
    subscriber.send(&[0xE0, 0]).await;
    subscriber.expect_closed().await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publisher.send(&qos(0, "a", b"not while away", 0)).await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"1", 1)).await;
    let mut front = front;
    for crash in [false, true] {
        front = Front::start_in(if crash { front.kill().await } else { front.stop().await }).await;
        let mut subscriber = Raw::connect_v3(front.mqtt, "s", 0x00).await;
        subscriber.expect(&[0x20, 2, 1, 0]).await;
        let (first, body) = subscriber.read_packet().await.expect("a message");
        assert_eq!((first & 0xF7, &body[5..]), (0x32, &b"1"[..]));
        subscriber.expect_silence().await;
    }
    let mut subscriber = Raw::connect_v3(front.mqtt, "s", 0x00).await;
    subscriber.expect(&[0x20, 2, 1, 0]).await;
    let (_, body) = subscriber.read_packet().await.expect("a message");
    subscriber.send(&[0x40, 2, body[3], body[4]]).await;
    subscriber.send(&[0xE0, 0]).await;
    subscriber.expect_closed().await;
    let mut subscriber = Raw::connect_v3(front.mqtt, "s", 0x00).await;
    subscriber.expect(&[0x20, 2, 1, 0]).await;
    subscriber.expect_silence().await;
    let mut subscriber = Raw::connect_v3(front.mqtt, "s", 0x02).await;
    subscriber.expect(&[0x20, 2, 0, 0]).await;
    front.stop().await;
}

#[tokio::test]
async fn an_unanswered_message_comes_again_with_its_id_and_dup() {
    let front = Front::start().await;
    let (mut subscriber, _) = Raw::v5(front.mqtt, "s", 0x02, LASTING).await;
    subscribe_v5(&mut subscriber, &[], "a", 1).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for payload in [b"1", b"2", b"3"] {
        publish_and_wait(&mut publisher, &qos(1, "a", payload, 1)).await;
    }
    let message = |flags, payload, id| Publish { topic: "a", payload, flags, id, properties: Some(&[]) }.bytes();
    subscriber.expect(&message(0x02, b"1", 1)).await;
    subscriber.expect(&message(0x02, b"2", 2)).await;
    subscriber.expect(&message(0x02, b"3", 3)).await;
    subscriber.send(&[0x40, 2, 0, 2]).await;
    subscriber.expect_silence().await;
    drop(subscriber);
    let (mut subscriber, connack) = Raw::v5(front.mqtt, "s", 0x00, LASTING).await;
    assert_eq!(connack[..2], [1, 0]);
    subscriber.expect(&message(0x0A, b"1", 1)).await;
    subscriber.expect(&message(0x0A, b"3", 3)).await;
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn a_qos_2_message_arrives_once_whatever_dies() {
    let mut front = Front::start().await;
    let (mut subscriber, _) = Raw::v5(front.mqtt, "s", 0x02, LASTING).await;
    subscribe_v5(&mut subscriber, &[], "a", 2).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publisher.send(&qos(2, "a", b"x", 9)).await;
    publisher.expect(&[0x50, 2, 0, 9]).await;
    let message = |flags| Publish { topic: "a", payload: b"x", flags, id: 1, properties: Some(&[]) }.bytes();
    subscriber.expect(&message(0x04)).await;
    front = Front::start_in(front.kill().await).await;
    let (mut subscriber, _) = Raw::v5(front.mqtt, "s", 0x00, LASTING).await;
    subscriber.expect(&message(0x0C)).await;
    subscriber.send(&[0x50, 2, 0, 1]).await;
    subscriber.expect(&[0x62, 2, 0, 1]).await;
    front = Front::start_in(front.kill().await).await;
    let (mut subscriber, _) = Raw::v5(front.mqtt, "s", 0x00, LASTING).await;
    subscriber.expect(&[0x62, 2, 0, 1]).await;
    subscriber.send(&[0x70, 2, 0, 1]).await;
    subscriber.expect_silence().await;
    front = Front::start_in(front.stop().await).await;
    let (mut subscriber, _) = Raw::v5(front.mqtt, "s", 0x00, LASTING).await;
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn an_open_qos_2_publish_of_a_lasting_session_is_known_after_a_crash() {
    let mut front = Front::start().await;
    let publish = |flags| Publish { topic: "a", payload: b"x", flags, id: 9, properties: Some(&[]) }.bytes();
    let (mut publisher, _) = Raw::v5(front.mqtt, "p", 0x02, LASTING).await;
    publisher.send(&publish(0x04)).await;
    publisher.expect(&[0x50, 2, 0, 9]).await;
    front = Front::start_in(front.kill().await).await;
    let (mut publisher, connack) = Raw::v5(front.mqtt, "p", 0x00, LASTING).await;
    assert_eq!(connack[..2], [1, 0]);
    publisher.send(&publish(0x0C)).await;
    publisher.expect(&[0x50, 2, 0, 9]).await;
    publisher.send(&[0x62, 2, 0, 9]).await;
    publisher.expect(&[0x70, 2, 0, 9]).await;
    assert_eq!(front.publishes().await.len(), 1);
    front = Front::start_in(front.kill().await).await;
    let (mut publisher, _) = Raw::v5(front.mqtt, "p", 0x00, LASTING).await;
    publisher.send(&[0x62, 2, 0, 9]).await;
    publisher.expect(&[0x70, 3, 0, 9, 0x92]).await;
    publisher.send(&publish(0x04)).await;
    publisher.expect(&[0x50, 2, 0, 9]).await;
    assert_eq!(front.publishes().await.len(), 2, "the id names another publish");
    front.stop().await;
}

#[tokio::test]
async fn properties_options_and_identifiers_of_version_5_reach_the_subscriber() {
    let front = Front::start().await;
    let (mut subscriber, _) = Raw::v5(front.mqtt, "s", 0x02, &[]).await;
    // No local, retain as published, QoS 1, identifier 5.
    subscribe_v5(&mut subscriber, &[0x0B, 5], "a", 0x0D).await;
    let own = Publish { topic: "a", payload: b"own", flags: 0x02, id: 1, properties: Some(&[]) };
    subscriber.publish(own).await;
    subscriber.expect(&[0x40, 2, 0, 1]).await;
    let (mut publisher, _) = Raw::v5(front.mqtt, "p", 0x02, &[]).await;
    let mut properties = vec![0x01, 1, 0x02, 0, 0, 0, 100];
    for (kind, value) in [(0x03, "text/plain"), (0x08, "reply"), (0x09, "corr")] {
        properties.push(kind);
        text(&mut properties, value);
    }
    properties.push(0x26);
    text(&mut properties, "key");
    text(&mut properties, "value");
    publisher.publish(Publish { topic: "a", payload: b"x", flags: 0x03, id: 1, properties: Some(&properties) }).await;
    let (first, body) = subscriber.read_packet().await.expect("a message");
    assert_eq!(first, 0x33, "retain as published, and nothing of its own");
    let has = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
    for part in [&[0x01, 1][..], b"text/plain", b"reply", b"corr", b"key\0\x05value", &[0x0B, 5], &[0x02, 0, 0, 0, 100]] {
        assert!(has(part), "{part:?} in {body:?}");
    }
    front.stop().await;
}

#[tokio::test]
async fn an_expired_message_is_not_delivered() {
    let front = Front::start().await;
    let (mut publisher, _) = Raw::v5(front.mqtt, "p", 0x02, &[]).await;
    let short = [0x02, 0, 0, 0, 1];
    publisher.publish(Publish { topic: "a", payload: b"x", flags: 0x03, id: 1, properties: Some(&short) }).await;
    publisher.expect(&[0x40, 2, 0, 1]).await;
    let expired = crate::harness::clock();
    expired.sleep(std::time::Duration::from_millis(1_050)).await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "a", 1).await;
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn retain_handling_is_obeyed() {
    let front = Front::start().await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &retained("a", b"x")).await;
    let (mut subscriber, _) = Raw::v5(front.mqtt, "s", 0x02, &[]).await;
    subscribe_v5(&mut subscriber, &[], "a", 0x20).await;
    subscriber.expect_silence().await;
    subscribe_v5(&mut subscriber, &[], "a", 0x10).await;
    subscriber.expect_silence().await;
    subscribe_v5(&mut subscriber, &[], "a", 0x00).await;
    assert_eq!(subscriber.read_packet().await.expect("the retained message").0, 0x31);
    front.stop().await;
}

#[tokio::test]
async fn unsubscribing_ends_it_and_an_unknown_filter_is_told() {
    let front = Front::start().await;
    let (mut subscriber, _) = Raw::v5(front.mqtt, "s", 0x02, &[]).await;
    for (filter, level) in [("a", 0), ("b", 1)] {
        subscribe_v5(&mut subscriber, &[], filter, level).await;
    }
    let mut body = vec![0, 5, 0];
    for filter in ["a", "b", "c"] {
        text(&mut body, filter);
    }
    subscriber.packet(0xA2, &body).await;
    subscriber.expect(&[0xB0, 6, 0, 5, 0, 0, 0, 0x11]).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for topic in ["a", "b"] {
        publish_and_wait(&mut publisher, &qos(1, topic, b"", 1)).await;
    }
    subscriber.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn a_filter_that_is_invalid_is_refused_by_itself() {
    let front = Front::start().await;
    let mut raw = Raw::v3(front.mqtt, "s").await;
    let mut body = vec![0, 1];
    for filter in ["a/#/b", "ok", "$share//a"] {
        text(&mut body, filter);
        body.push(1);
    }
    raw.packet(0x82, &body).await;
    raw.expect(&[0x90, 5, 0, 1, 0x80, 1, 0x80]).await;
    front.stop().await;
}

#[tokio::test]
async fn the_journal_is_needed_from_the_cursor_of_who_is_away() {
    let front = Front::start().await;
    let mut subscriber = Raw::connect_v3(front.mqtt, "s", 0x00).await;
    subscriber.expect(&[0x20, 2, 0, 0]).await;
    subscribe(&mut subscriber, "a", 1).await;
    subscriber.send(&[0xE0, 0]).await;
    subscriber.expect_closed().await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for _ in 0..10 {
        publish_and_wait(&mut publisher, &qos(1, "a", b"", 1)).await;
    }
    let front = Front::start_in(front.stop().await).await;
    let floor = front.handle.trim_floor();
    assert!(floor < front.journal.head(), "{floor}");
    let mut subscriber = Raw::connect_v3(front.mqtt, "s", 0x02).await;
    subscriber.expect(&[0x20, 2, 0, 0]).await;
    let front = Front::start_in(front.stop().await).await;
    assert!(front.handle.trim_floor() > floor, "nobody needs it any more");
    front.stop().await;
}
