//! Limits: who is over one is told which, in the words of its version, and nobody else is disturbed.

use std::time::Duration;

use broker::Options;
use domain::access::TopicPattern;
use tempfile::TempDir;

use crate::harness::{Front, clock};
use crate::raw::{Publish, Raw, text};
use crate::subscribing::{publish_and_wait, qos, subscribe};

async fn start(set: impl FnOnce(&mut Options)) -> Front {
    Front::start_with(TempDir::new().expect("a temporary directory"), set).await
}

#[tokio::test]
async fn a_client_over_the_connections_is_told_so_and_the_place_is_free_again_later() {
    let front = start(|options| options.connections_max = 2).await;
    let first = Raw::v3(front.mqtt, "a").await;
    let _second = Raw::v3(front.mqtt, "b").await;
    for _ in 0..50 {
        let (mut third, connack) = Raw::v5_with_texts(front.mqtt, "c", 0x02, &[]).await;
        assert_eq!(connack[..2], [0, 0x97]);
        assert!(has(&connack, b"as many connections"));
        third.expect_closed().await;
        let mut third = Raw::connect_v3(front.mqtt, "c", 0x02).await;
        third.expect(&[0x20, 2, 0, 3]).await;
        third.expect_closed().await;
    }
    drop(first);
    while front.handle.connections() > 1 {
        tokio::task::yield_now().await;
    }
    // The socket's end comes a moment after the client's.
    loop {
        let (_, connack) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
        if connack[1] == 0 {
            break;
        }
    }
    front.stop().await;
}

#[tokio::test]
async fn one_address_takes_no_more_than_its_share_of_connections() {
    let front = start(|options| options.connections_per_address_max = Some(1)).await;
    let _first = Raw::v3(front.mqtt, "a").await;
    let (_, connack) = Raw::v5_with_texts(front.mqtt, "b", 0x02, &[]).await;
    assert_eq!(connack[..2], [0, 0x97]);
    assert!(has(&connack, b"from this address"));
    front.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_connect_in_time_is_closed() {
    let front = start(|options| options.handshake_max_s = 1).await;
    for bytes in [&b""[..], b"\x10", b"\x10\x0d\0\x04MQTT\x04\x02"] {
        let mut raw = Raw::open(front.mqtt).await;
        raw.send(bytes).await;
        raw.expect_closed().await;
    }
    front.stop().await;
}

#[tokio::test]
async fn the_announced_packet_size_is_the_one_that_is_kept() {
    let front = start(|options| options.packet_bytes_max = 2_000).await;
    let (mut raw, connack) = Raw::v5_with_texts(front.mqtt, "c", 0x02, &[]).await;
    assert!(has(&connack, &[0x27, 0, 0, 0x07, 0xD0]));
    raw.send(&publish("a", &[0; 1_900], 1)).await;
    raw.expect(&[0x40, 2, 0, 1]).await;
    raw.send(&publish("a", &[0; 2_000], 2)).await;
    expect_goodbye(&mut raw, 0x95, "Maximum Packet Size").await;
    front.stop().await;
}

#[tokio::test]
async fn the_announced_receive_maximum_is_the_one_that_is_kept() {
    let front = start(|options| options.receive_maximum = 2).await;
    let (mut raw, connack) = Raw::v5_with_texts(front.mqtt, "c", 0x02, &[]).await;
    assert!(has(&connack, &[0x21, 0, 2]));
    for id in 1..=3 {
        let publish = Publish { topic: "a", payload: b"", flags: 0x04, id, properties: Some(&[]) };
        raw.publish(publish).await;
    }
    raw.expect(&[0x50, 2, 0, 1, 0x50, 2, 0, 2]).await;
    expect_goodbye(&mut raw, 0x93, "Receive Maximum").await;
    front.stop().await;
}

#[tokio::test]
async fn who_publishes_faster_than_the_rate_is_slowed_down_and_loses_nothing() {
    let front = start(|options| options.publishes_per_second_max = Some(100)).await;
    let mut raw = Raw::v3(front.mqtt, "c").await;
    let mut other = Raw::v3(front.mqtt, "d").await;
    let clock = clock();
    let started = clock.elapsed();
    // The burst is 1,000; the rest takes a second.
    let flood: Vec<u8> = (1..=1_100u16).flat_map(|id| qos(1, "a", b"", id)).collect();
    raw.send(&flood).await;
    publish_and_wait(&mut other, &qos(1, "a", b"", 1)).await;
    assert!(clock.elapsed() - started < Duration::from_millis(900), "nobody else waits");
    for _ in 0..1_100 {
        assert_eq!(raw.read_packet().await.expect("a PUBACK").0, 0x40);
    }
    assert!(clock.elapsed() - started > Duration::from_millis(900), "{:?}", clock.elapsed() - started);
    assert_eq!(front.publishes().await.len(), 1_101);
    front.stop().await;
}

#[tokio::test]
async fn subscriptions_over_the_limit_are_refused_one_by_one() {
    let front = start(|options| options.subscriptions_max = 2).await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    raw.packet(0x82, &filters(&["a", "b", "c", "a"])).await;
    raw.expect(&[0x90, 7, 0, 1, 0, 1, 1, 0x97, 1]).await;
    raw.packet(0x82, &filters(&["b", "d"])).await;
    raw.expect(&[0x90, 5, 0, 1, 0, 1, 0x97]).await;
    let long = "x".repeat(60_000);
    let (mut raw, _) = Raw::v5(front.mqtt, "d", 0x02, &[]).await;
    for level in 0..6u8 {
        raw.packet(0x82, &filters(&[&format!("{level}{long}")])).await;
        raw.expect(&[0x90, 4, 0, 1, 0, if level < 2 { 1 } else { 0x97 }]).await;
    }
    front.stop().await;
}

#[tokio::test]
async fn the_store_of_sessions_and_wills_has_a_size() {
    let front = start(|options| options.session_store_bytes_max = 2_000).await;
    let lasting = [0x11, 0, 0, 0, 60];
    let (mut raw, _) = Raw::v5(front.mqtt, "a", 0x02, &lasting).await;
    let long = "x".repeat(1_000);
    raw.packet(0x82, &filters(&[&long])).await;
    raw.expect(&[0x90, 4, 0, 1, 0, 1]).await;
    raw.packet(0x82, &filters(&[&format!("{long}2")])).await;
    raw.expect(&[0x90, 4, 0, 1, 0, 0x97]).await;
    let (_second, connack) = Raw::v5(front.mqtt, "b", 0x02, &lasting).await;
    assert_eq!(connack[..2], [0, 0]);
    let (_, connack) = Raw::v5(front.mqtt, "c", 0x02, &lasting).await;
    assert_eq!(connack[..2], [0, 0x97]);
    let mut body = b"\0\x04MQTT\x05\x06\0\0\0".to_vec();
    text(&mut body, "w");
    body.push(0);
    text(&mut body, "will");
    text(&mut body, &long);
    let mut with_will = Raw::open(front.mqtt).await;
    with_will.packet(0x10, &body).await;
    assert_eq!(with_will.read_packet().await.expect("a CONNACK").1[..2], [0, 0x97]);
    raw.packet(0xA2, &[&[0, 1, 0][..], &filters(&[&long])[3..filters(&[&long]).len() - 1]].concat()).await;
    raw.expect(&[0xB0, 4, 0, 1, 0, 0]).await;
    let (_, connack) = Raw::v5(front.mqtt, "c", 0x02, &lasting).await;
    assert_eq!(connack[..2], [0, 0], "there is room again");
    front.stop().await;
}

#[tokio::test]
async fn sessions_over_their_number_are_refused_and_those_that_end_with_their_connection_are_not() {
    let front = start(|options| options.sessions_max = 1).await;
    let lasting = [0x11, 0, 0, 0, 60];
    let (_raw, connack) = Raw::v5(front.mqtt, "a", 0x02, &lasting).await;
    assert_eq!(connack[..2], [0, 0]);
    let (_, connack) = Raw::v5(front.mqtt, "b", 0x02, &lasting).await;
    assert_eq!(connack[..2], [0, 0x97]);
    let (_, connack) = Raw::v5(front.mqtt, "b", 0x02, &[]).await;
    assert_eq!(connack[..2], [0, 0]);
    front.stop().await;
}

#[tokio::test]
async fn a_live_subscriber_that_does_not_read_is_disconnected_and_told() {
    let front = start(|options| options.live_queue_bytes_max = 100_000).await;
    let (mut subscriber, _) = Raw::v5_with_texts(front.mqtt, "s", 0x02, &[]).await;
    let mut body = filters(&["a"]);
    *body.last_mut().expect("options") = 0;
    subscriber.packet(0x82, &body).await;
    subscriber.expect(&[0x90, 4, 0, 1, 0, 0]).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    // Far more than the socket's buffers take.
    while front.handle.connections() > 1 {
        publish_and_wait(&mut publisher, &qos(1, "a", &[0; 200_000], 1)).await;
    }
    let mut last = (0, Vec::new());
    while let Some(packet) = subscriber.read_packet().await {
        last = packet;
    }
    assert_eq!((last.0, last.1[0]), (0xE0, 0x97));
    assert!(has(&last.1, b"QoS 0"));
    front.stop().await;
}

#[tokio::test]
async fn private_topics_are_not_for_clients_without_credentials() {
    let private = |options: &mut Options| options.private_topics = vec![TopicPattern::parse("secret/#").expect("a filter")];
    let front = start(private).await;
    let (mut raw, _) = Raw::v5(front.mqtt, "s", 0x02, &[]).await;
    raw.packet(0x82, &filters(&["secret/a", "secret/+", "$share/g/#", "#", "$share/g/open"])).await;
    raw.expect(&[0x90, 8, 0, 1, 0, 0x87, 0x87, 0x87, 1, 1]).await;
    let mut live = Raw::v3(front.mqtt, "l").await;
    subscribe(&mut live, "#", 0).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &Publish { topic: "secret/a", payload: b"x", flags: 0x03, id: 1, properties: None }.bytes())
        .await;
    publish_and_wait(&mut publisher, &qos(1, "other", b"y", 1)).await;
    live.expect(&qos(0, "other", b"y", 0)).await;
    let (_, body) = raw.read_packet().await.expect("a message");
    assert_eq!(&body[2..7], b"other");
    let mut later = Raw::v3(front.mqtt, "later").await;
    subscribe(&mut later, "#", 0).await;
    later.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn settings_that_cannot_be_kept_are_refused_by_name() {
    let cases: [(fn(&mut Options), &str); 4] = [
        (|options| options.connections_max = 0, "broker.connections_max"),
        (|options| options.handshake_max_s = 0, "broker.handshake_max_s"),
        (|options| options.packet_bytes_max = 2 << 20, "broker.packet_bytes_max"),
        (|options| options.receive_maximum = 0, "broker.receive_maximum"),
    ];
    for (set, key) in cases {
        let mut options = Options::default();
        set(&mut options);
        assert_eq!(options.check().expect_err("refused").0, key);
    }
}

fn publish(topic: &str, payload: &[u8], id: u16) -> Vec<u8> {
    Publish { topic, payload, flags: 0x02, id, properties: Some(&[]) }.bytes()
}

/// The body of a SUBSCRIBE of 5 at QoS 1.
fn filters(filters: &[&str]) -> Vec<u8> {
    let mut body = vec![0, 1, 0];
    for filter in filters {
        text(&mut body, filter);
        body.push(1);
    }
    body
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A DISCONNECT that says why, and the end.
async fn expect_goodbye(raw: &mut Raw, reason: u8, why: &str) {
    let (first, body) = raw.read_packet().await.expect("a DISCONNECT");
    assert_eq!((first, body[0]), (0xE0, reason));
    assert!(has(&body, why.as_bytes()), "{}", String::from_utf8_lossy(&body));
    raw.expect_closed().await;
}
