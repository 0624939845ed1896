//! Wills: sent for who went without a word, silent for who said goodbye.

use crate::harness::Front;
use crate::raw::{Publish, Raw, text};

/// MQTT 5 with a will on `gone/c` and a will delay.
async fn with_will(front: &Front, delay_s: u8, expiry_s: u8, clean: u8) -> Raw {
    let mut body = b"\0\x04MQTT\x05".to_vec();
    body.extend([0x0C | clean, 0, 0, 5, 0x11, 0, 0, 0, expiry_s]);
    text(&mut body, "c");
    body.extend([5, 0x18, 0, 0, 0, delay_s]);
    text(&mut body, "gone/c");
    text(&mut body, "bye");
    let mut raw = Raw::open(front.mqtt).await;
    raw.packet(0x10, &body).await;
    assert_eq!(raw.read_packet().await.expect("a CONNACK").0, 0x20);
    raw
}

async fn watcher(front: &Front) -> Raw {
    let mut raw = Raw::v3(front.mqtt, "w").await;
    raw.packet(0x82, b"\0\x01\0\x06gone/+\0").await;
    raw.expect(&[0x90, 3, 0, 1, 0]).await;
    raw
}

fn will() -> Vec<u8> {
    Publish { topic: "gone/c", payload: b"bye", flags: 0, id: 0, properties: None }.bytes()
}

#[tokio::test]
async fn a_will_is_sent_for_a_lost_client_and_not_for_one_that_left() {
    let front = Front::start().await;
    let mut watcher = watcher(&front).await;
    for goodbye in [&[0xE0, 0][..], &[0xE0, 1, 0], &[0xE0, 2, 0, 0]] {
        let mut raw = with_will(&front, 0, 0, 2).await;
        raw.send(goodbye).await;
        raw.expect_closed().await;
    }
    watcher.expect_silence().await;
    drop(with_will(&front, 0, 0, 2).await);
    watcher.expect(&will()).await;
    let mut raw = with_will(&front, 0, 0, 2).await;
    raw.send(&[0xE0, 1, 4]).await;
    watcher.expect(&will()).await;
    let mut raw = with_will(&front, 0, 0, 2).await;
    raw.send(&[0xF0, 0]).await;
    watcher.expect(&will()).await;
    front.stop().await;
}

#[tokio::test]
async fn a_delayed_will_is_silenced_by_who_comes_back_in_time() {
    let front = Front::start().await;
    let mut watcher = watcher(&front).await;
    drop(with_will(&front, 1, 60, 0).await);
    let mut back = with_will(&front, 1, 60, 0).await;
    crate::harness::clock().sleep(std::time::Duration::from_millis(2_500)).await;
    watcher.expect_silence().await;
    back.expect_silence().await;
    drop(back);
    watcher.expect(&will()).await;
    front.stop().await;
}

#[tokio::test]
async fn a_will_that_begins_a_new_session_does_not_wait() {
    let front = Front::start().await;
    let mut watcher = watcher(&front).await;
    drop(with_will(&front, 100, 120, 0).await);
    let _anew = with_will(&front, 100, 120, 2).await;
    watcher.expect(&will()).await;
    front.stop().await;
}

#[tokio::test]
async fn a_will_survives_a_crash_of_the_front() {
    let front = Front::start().await;
    let _raw = with_will(&front, 0, 0, 2).await;
    let front = Front::start_in(front.kill().await).await;
    let mut watcher = watcher(&front).await;
    watcher.expect(&will()).await;
    front.stop().await;
}
