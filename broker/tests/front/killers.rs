//! What has brought other brokers down, or made them lose messages in silence. None of it does anything here.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::harness::Front;
use crate::process::{LIVE_QUEUE_BYTES_MAX, Process};
use crate::raw::{Publish, Raw, text};
use crate::subscribing::{publish_and_wait, qos, subscribe};

/// 3.1.1 without clean session.
async fn lasting(front: &Front, client: &str) -> Raw {
    let mut raw = Raw::connect_v3(front.mqtt, client, 0x00).await;
    assert_eq!(raw.read_packet().await.expect("a CONNACK").0, 0x20);
    raw
}

/// Somebody new is let in, publishes and is acknowledged.
async fn still_serves(front: &Front) {
    let mut raw = Raw::v3(front.mqtt, "somebody").await;
    publish_and_wait(&mut raw, &qos(1, "alive", b"", 1)).await;
}

/// The payload and packet id of the next QoS 1 message; `topic` is one byte long.
async fn message(raw: &mut Raw) -> (Vec<u8>, [u8; 2]) {
    let (first, body) = raw.read_packet().await.expect("a message");
    assert_eq!(first & 0xF7, 0x32);
    (body[5..].to_vec(), [body[3], body[4]])
}

#[tokio::test]
async fn the_last_lasting_member_of_a_share_group_may_leave_with_a_message_unanswered() {
    let mut front = Front::start().await;
    let mut member = lasting(&front, "m").await;
    subscribe(&mut member, "$share/g/a", 1).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"x", 1)).await;
    for crash in [false, false, true] {
        assert_eq!(message(&mut member).await.0, b"x");
        drop(member);
        still_serves(&front).await;
        if crash {
            front = Front::start_in(front.kill().await).await;
        }
        member = lasting(&front, "m").await;
    }
    let (payload, [high, low]) = message(&mut member).await;
    assert_eq!(payload, b"x");
    member.send(&[0x40, 2, high, low]).await;
    member.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn a_client_identifier_of_wildcards_may_connect_again_and_again() {
    let front = Front::start().await;
    for client in ["+", "$", "#", "/", "a+$#/b", "\u{1F17F}"] {
        for _ in 0..3 {
            let mut raw = lasting(&front, client).await;
            subscribe(&mut raw, "#", 0).await;
            subscribe(&mut raw, "$share/+x/#".replace('+', "p").as_str(), 1).await;
        }
    }
    still_serves(&front).await;
    front.stop().await;
}

#[tokio::test]
async fn an_answer_out_of_order_costs_no_message() {
    let front = Front::start().await;
    let mut subscriber = lasting(&front, "s").await;
    subscribe(&mut subscriber, "a", 1).await;
    let mut member = lasting(&front, "m").await;
    subscribe(&mut member, "$share/g/a", 1).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for payload in [b"1", b"2", b"3"] {
        publish_and_wait(&mut publisher, &qos(1, "a", payload, 1)).await;
    }
    for raw in [&mut subscriber, &mut member] {
        message(raw).await;
        for _ in 0..2 {
            let (_, [high, low]) = message(raw).await;
            raw.send(&[0x40, 2, high, low]).await;
        }
        // An id that was never given is nobody's.
        raw.send(&[0x40, 2, 0x7F, 0x7F]).await;
        raw.expect_silence().await;
    }
    drop((subscriber, member));
    let front = Front::start_in(front.stop().await).await;
    for client in ["s", "m"] {
        let mut raw = lasting(&front, client).await;
        assert_eq!(message(&mut raw).await.0, b"1", "{client}");
    }
    front.stop().await;
}

#[tokio::test]
async fn two_filters_under_one_share_name_get_all_of_their_messages() {
    let front = Front::start().await;
    let mut members = [Raw::v3(front.mqtt, "m1").await, Raw::v3(front.mqtt, "m2").await];
    for member in &mut members {
        for filter in ["$share/g/a", "$share/g/b"] {
            subscribe(member, filter, 1).await;
        }
    }
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for payload in 0..50u8 {
        publish_and_wait(&mut publisher, &qos(1, if payload % 2 == 0 { "a" } else { "b" }, &[payload], 1)).await;
    }
    let [mut first, second] = members;
    // What the other was handed and did not answer is the first one's now.
    drop(second);
    let mut payloads = Vec::new();
    while payloads.len() < 50 {
        let (payload, [high, low]) = message(&mut first).await;
        payloads.extend(payload);
        first.send(&[0x40, 2, high, low]).await;
    }
    payloads.sort_unstable();
    assert_eq!(payloads, (0..50).collect::<Vec<u8>>());
    front.stop().await;
}

#[tokio::test]
async fn each_member_of_a_share_group_gets_its_messages_under_its_own_options() {
    let front = Front::start().await;
    let mut live = Raw::v3(front.mqtt, "live").await;
    subscribe(&mut live, "$share/g/a", 0).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"1", 1)).await;
    live.expect(&qos(0, "a", b"1", 0)).await;
    let mut lasting = lasting(&front, "lasting").await;
    subscribe(&mut lasting, "$share/g/a", 1).await;
    drop(live);
    while front.handle.connections() > 2 {
        tokio::task::yield_now().await;
    }
    publish_and_wait(&mut publisher, &qos(1, "a", b"2", 1)).await;
    assert_eq!(message(&mut lasting).await.0, b"2");
    front.stop().await;
}

#[tokio::test]
async fn an_empty_payload_without_the_retain_flag_takes_no_retained_message_away() {
    let front = Front::start().await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &Publish { topic: "a", payload: b"kept", flags: 0x03, id: 1, properties: None }.bytes())
        .await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"", 2)).await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "a", 0).await;
    subscriber.expect(&Publish { topic: "a", payload: b"kept", flags: 0x01, id: 0, properties: None }.bytes()).await;
    front.stop().await;
}

#[tokio::test]
async fn a_thousand_silent_slow_or_half_open_clients_slow_nobody_else() {
    const EACH: usize = 250;
    let front = Front::start().await;
    let mut crowd = Vec::new();
    for number in 0..EACH {
        // Says nothing, on either listener.
        crowd.push(Raw::open(front.mqtt).await);
        crowd.push(Raw::open(front.websocket).await);
        // Stops in the middle of its CONNECT.
        let mut slow = Raw::open(front.mqtt).await;
        slow.send(b"\x10\x10\0\x04MQTT\x04\x02").await;
        crowd.push(slow);
        // Was let in and stops in the middle of a publish.
        let mut half = Raw::v3(front.mqtt, &format!("half-{number}")).await;
        half.send(b"\x32\xFF\x7F\0\x01a").await;
        crowd.push(half);
    }
    let clock = crate::harness::clock();
    let started = clock.elapsed();
    for number in 0..20 {
        let mut raw = Raw::v3(front.mqtt, &format!("other-{number}")).await;
        publish_and_wait(&mut raw, &qos(1, "a", b"", 1)).await;
    }
    let took = clock.elapsed() - started;
    assert!(took.as_millis() < 5_000, "{took:?} for 20 clients one after the other");
    drop(crowd);
    front.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_packet_end_their_connection_only() {
    let front = Front::start().await;
    let mut subscriber = Raw::v3(front.mqtt, "s").await;
    subscribe(&mut subscriber, "#", 0).await;
    let nonsense: [&[u8]; 8] = [
        b"\x00\x00",
        b"\x10\x00",
        b"\x30\xFF\xFF\xFF\xFF",
        b"\x32\x02\0\0",
        b"\x82\x02\0\0",
        b"\x62\x00",
        b"\xF0\x00",
        b"\x30\x04\0\x02\xFF\xFE",
    ];
    for bytes in nonsense {
        let mut raw = Raw::v3(front.mqtt, "n").await;
        raw.send(bytes).await;
        raw.expect_closed().await;
    }
    still_serves(&front).await;
    subscriber.expect(&qos(0, "alive", b"", 0)).await;
    front.stop().await;
}

/// Clients that never read, of every kind of subscription; returns them so that they stay.
async fn never_readers(address: SocketAddr) -> Vec<Raw> {
    let mut crowd = Vec::new();
    for number in 0..10 {
        for (filter, level) in [("flood", 1), ("flood", 0), ("rare", 1), ("$share/g/flood", 1)] {
            let mut raw = Raw::v3(address, &format!("deaf-{number}-{level}-{filter}")).await;
            subscribe(&mut raw, filter, level).await;
            crowd.push(raw);
        }
    }
    crowd
}

/// 100 kB a message on `flood`, and every tenth time a small one on `rare`.
async fn flood(publisher: &mut Raw, messages: usize) {
    let large = vec![b'x'; 100_000];
    for number in 0..messages {
        publish_and_wait(publisher, &qos(1, "flood", &large, 1)).await;
        if number % 10 == 0 {
            publish_and_wait(publisher, &qos(1, "rare", b"small", 2)).await;
        }
    }
}

#[tokio::test]
async fn clients_that_never_read_do_not_grow_memory() {
    let front = Process::start(TempDir::new().expect("a temporary directory")).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    // The journal keeps its newest 64 MiB at hand; they are there before anything is measured.
    flood(&mut publisher, 1_000).await;
    let before = front.resident_bytes();
    let crowd = never_readers(front.mqtt).await;
    flood(&mut publisher, 1_500).await;
    let grown = front.resident_bytes().saturating_sub(before);
    // Left unbounded, thirty times 150 MB. Each may have a MiB waiting in its queue and some more on its way out.
    assert!(grown < crowd.len() * 2 * LIVE_QUEUE_BYTES_MAX, "{grown} bytes");
    drop(crowd);
    front.stop().await;
}

#[tokio::test]
async fn connecting_publishing_and_leaving_keeps_no_memory() {
    let front = Process::start(TempDir::new().expect("a temporary directory")).await;
    let round = async |numbers: std::ops::Range<usize>| {
        for number in numbers {
            let mut raw = Raw::v3(front.mqtt, &format!("client-{number}")).await;
            let mut body = vec![0, 1];
            text(&mut body, &format!("topic/{number}/+"));
            body.push((number % 3) as u8);
            raw.packet(0x82, &body).await;
            assert_eq!(raw.read_packet().await.expect("a SUBACK").0, 0x90);
            publish_and_wait(&mut raw, &qos(1, "a", b"", 1)).await;
            raw.send(&[0xE0, 0]).await;
            raw.expect_closed().await;
        }
    };
    round(0..500).await;
    let before = front.resident_bytes();
    round(500..2_000).await;
    let grown = front.resident_bytes().saturating_sub(before);
    // A third of them subscribes through the live engine, which keeps 15 kB for each until it is replaced; the journal's newest
    // records are at hand.
    assert!(grown < 24 << 20, "{grown} bytes for 1,500 clients");
    front.stop().await;
}
