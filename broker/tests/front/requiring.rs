//! Required sessions: they get everything that came since they were named, however long they stay away.

use std::time::Duration;

use broker::Options;
use tempfile::TempDir;

use crate::harness::Front;
use crate::raw::Raw;
use crate::subscribing::{publish_and_wait, qos, subscribe};

fn named(options: &mut Options) {
    options.required_sessions = vec!["ingest".to_owned()];
    options.session_expiry_max_s = 1;
}

async fn start() -> Front {
    Front::start_with(TempDir::new().expect("a temporary directory"), named).await
}

/// 3.1.1 without clean session.
async fn lasting(front: &Front, client: &str) -> Raw {
    let mut raw = Raw::connect_v3(front.mqtt, client, 0x00).await;
    let (first, connack) = raw.read_packet().await.expect("a CONNACK");
    assert_eq!((first, connack[1]), (0x20, 0));
    raw
}

#[tokio::test]
async fn what_came_before_its_first_subscription_is_its_own_from_when_it_was_named() {
    let front = start().await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"1", 1)).await;
    publish_and_wait(&mut publisher, &qos(1, "b", b"2", 1)).await;
    let front = Front::start_with(front.kill().await, named).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"3", 1)).await;
    let mut ingest = lasting(&front, "ingest").await;
    subscribe(&mut ingest, "a", 1).await;
    for payload in [b"1", b"3"] {
        let (first, body) = ingest.read_packet().await.expect("a message");
        assert_eq!((first, &body[5..]), (0x32, &payload[..]));
    }
    ingest.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn it_outlives_the_longest_expiry_and_keeps_the_journal_that_it_has_not_read() {
    let front = start().await;
    assert!(front.handle.trim_floor() <= front.journal.head());
    let mut ingest = lasting(&front, "ingest").await;
    subscribe(&mut ingest, "a", 1).await;
    drop(ingest);
    let mut other = lasting(&front, "other").await;
    subscribe(&mut other, "a", 1).await;
    drop(other);
    let before = front.journal.head();
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"1", 1)).await;
    // The other session is over by then; upkeep looks once a second.
    while front.handle.status().sessions > 1 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(front.handle.trim_floor() <= before);
    let mut ingest = lasting(&front, "ingest").await;
    let (_, body) = ingest.read_packet().await.expect("a message");
    assert_eq!(&body[5..], b"1");
    front.stop().await;
}

#[tokio::test]
async fn messages_of_qos_0_wait_for_it_too() {
    let front = start().await;
    let mut ingest = lasting(&front, "ingest").await;
    subscribe(&mut ingest, "a", 1).await;
    drop(ingest);
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publisher.send(&qos(0, "a", b"0", 0)).await;
    publish_and_wait(&mut publisher, &qos(1, "b", b"", 1)).await;
    let mut ingest = lasting(&front, "ingest").await;
    ingest.expect(&qos(0, "a", b"0", 0)).await;
    front.stop().await;
}
