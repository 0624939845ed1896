//! Connecting: versions, identifiers, takeover, keep alive, and what is turned away.

use broker::{Broker, Deps, Error, Options};
use domain::access::Anonymous;
use domain::rng::Rng;
use std::sync::Arc;

use crate::harness::{Front, clock};
use crate::raw::Raw;

#[tokio::test]
async fn a_version_that_nobody_speaks_is_answered_in_its_own_words() {
    let front = Front::start().await;
    let mut raw = Raw::open(front.mqtt).await;
    raw.packet(0x10, b"\0\x04MQTT\x06\x02\0\0\0\0\x01c").await;
    raw.expect(&[0x20, 3, 0, 0x84, 0]).await;
    raw.expect_closed().await;
    let mut raw = Raw::open(front.mqtt).await;
    raw.packet(0x10, b"\0\x04MQTT\x02\x02\0\0\0\x01c").await;
    raw.expect(&[0x20, 2, 0, 1]).await;
    raw.expect_closed().await;
    front.stop().await;
}

#[tokio::test]
async fn version_3_1_is_spoken_too() {
    let front = Front::start().await;
    let mut raw = Raw::open(front.mqtt).await;
    raw.packet(0x10, b"\0\x06MQIsdp\x03\x02\0\0\0\x01c").await;
    raw.expect(&[0x20, 2, 0, 0]).await;
    front.stop().await;
}

#[tokio::test]
async fn what_does_not_begin_with_a_connect_is_closed() {
    let front = Front::start().await;
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xC0, 0], &[0x10, 0xFF, 0xFF, 0xFF, 0xFF], b"\x16\x03\x01"] {
        let mut raw = Raw::open(front.mqtt).await;
        raw.send(bytes).await;
        raw.expect_closed().await;
    }
    front.stop().await;
}

#[tokio::test]
async fn an_empty_identifier_is_replaced_in_version_5_whatever_the_start() {
    let front = Front::start().await;
    for flags in [0x00, 0x02] {
        let (_raw, connack) = Raw::v5(front.mqtt, "", flags, &[]).await;
        assert_eq!(connack[..2], [0, 0]);
        let assigned = connack.windows(6).any(|window| window == [0x12, 0, 19, b'k', b'b', b'-']);
        assert!(assigned, "{connack:02x?}");
    }
    let mut raw = Raw::connect_v3(front.mqtt, "", 0x00).await;
    raw.expect(&[0x20, 2, 0, 2]).await;
    raw.expect_closed().await;
    let mut raw = Raw::connect_v3(front.mqtt, "", 0x02).await;
    raw.expect(&[0x20, 2, 0, 0]).await;
    front.stop().await;
}

#[tokio::test]
async fn identifiers_with_wildcards_and_slashes_are_only_names() {
    let front = Front::start().await;
    for client in ["a/b", "+", "#", "$x"] {
        let _first = Raw::v3(front.mqtt, client).await;
        let mut second = Raw::v3(front.mqtt, client).await;
        second.expect_silence().await;
    }
    front.stop().await;
}

#[tokio::test]
async fn the_newer_connection_of_a_client_takes_over() {
    let front = Front::start().await;
    let (mut first, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    let (mut second, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    first.expect(&[0xE0, 1, 0x8E]).await;
    first.expect_closed().await;
    second.expect_silence().await;
    assert_eq!(front.handle.connections(), 1);
    front.stop().await;
}

#[tokio::test]
async fn a_silent_client_is_disconnected_after_one_and_a_half_intervals() {
    let front = Front::start().await;
    let mut raw = Raw::open(front.mqtt).await;
    raw.packet(0x10, b"\0\x04MQTT\x05\x02\0\x01\x02\x17\0\0\x01c").await;
    raw.read_packet().await.expect("a CONNACK");
    raw.expect(&[0xE0, 1, 0x8D]).await;
    raw.expect_closed().await;
    front.stop().await;
}

#[tokio::test]
async fn extended_authentication_is_refused_properly() {
    let front = Front::start().await;
    let (mut raw, connack) = Raw::v5(front.mqtt, "c", 0x02, &[0x15, 0, 1, b'x']).await;
    assert_eq!(connack[..2], [0, 0x8C]);
    raw.expect_closed().await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    raw.send(&[0xF0, 0]).await;
    raw.expect(&[0xE0, 1, 0x82]).await;
    front.stop().await;
}

#[tokio::test]
async fn a_second_connect_ends_the_connection() {
    let front = Front::start().await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    raw.packet(0x10, b"\0\x04MQTT\x05\x02\0\0\0\0\x01c").await;
    raw.expect(&[0xE0, 1, 0x82]).await;
    raw.expect_closed().await;
    front.stop().await;
}

#[tokio::test]
async fn an_address_beyond_this_machine_is_refused_unless_asked_for_by_name() {
    let front = Front::start().await;
    let everywhere = Options { listen: "0.0.0.0:0".parse().expect("an address"), ..Options::default() };
    let deps = || Deps {
        journal: front.journal.clone(),
        clock: clock(),
        rng: Rng::from_seed(1),
        authority: Arc::new(Anonymous::LoopbackOnly),
        tls: None,
    };
    let refused = Broker::bind(everywhere.clone(), deps()).await;
    assert!(matches!(refused, Err(Error::Exposed { .. })));
    let dir = front.dir.path().join("second");
    let asked = Options { allow_plaintext_off_loopback: true, dir, ..everywhere };
    assert!(Broker::bind(asked, deps()).await.is_ok());
    let taken = Options { listen: front.mqtt, ..Options::default() };
    assert!(matches!(Broker::bind(taken, deps()).await, Err(Error::Listen { .. })));
    front.stop().await;
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_over_and_not_before() {
    let front = Front::start().await;
    let one_second = [0x11, 0, 0, 0, 1];
    let (raw, _) = Raw::v5(front.mqtt, "c", 0x02, &one_second).await;
    drop(raw);
    let (mut raw, connack) = Raw::v5(front.mqtt, "c", 0x00, &one_second).await;
    assert_eq!(connack[..2], [1, 0]);
    raw.send(&[0xE0, 0]).await;
    raw.expect_closed().await;
    clock().sleep(std::time::Duration::from_millis(1_050)).await;
    let (mut raw, connack) = Raw::v5(front.mqtt, "c", 0x00, &one_second).await;
    assert_eq!(connack[..2], [0, 0]);
    raw.send(&[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 0]).await;
    raw.expect_closed().await;
    let (_, connack) = Raw::v5(front.mqtt, "c", 0x00, &one_second).await;
    assert_eq!(connack[..2], [0, 0], "the DISCONNECT ended it");
    front.stop().await;
}
