//! Share groups: each message to one member, and none to nobody.

use crate::harness::Front;
use crate::raw::Raw;
use crate::subscribing::{publish_and_wait, qos, subscribe};

#[tokio::test]
async fn a_share_group_gets_each_message_once_and_the_unanswered_of_who_leaves() {
    let front = Front::start().await;
    let mut members = [Raw::v3(front.mqtt, "m1").await, Raw::v3(front.mqtt, "m2").await];
    for member in &mut members {
        subscribe(member, "$share/g/a/#", 1).await;
    }
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    for id in 0..10u8 {
        publish_and_wait(&mut publisher, &qos(1, "a/b", &[b'0' + id], 1)).await;
    }
    let [mut first, second] = members;
    drop(second);
    let mut payloads = Vec::new();
    while payloads.len() < 10 {
        let (kind, body) = first.read_packet().await.expect("a message");
        assert_eq!(kind & 0xF7, 0x32);
        payloads.push(body[7]);
        first.send(&[0x40, 2, body[5], body[6]]).await;
    }
    payloads.sort_unstable();
    assert_eq!(payloads, b"0123456789");
    first.expect_silence().await;
    front.stop().await;
}

#[tokio::test]
async fn a_lasting_share_group_goes_on_from_its_cursor_after_a_restart() {
    let mut front = Front::start().await;
    let mut member = Raw::connect_v3(front.mqtt, "m", 0x00).await;
    member.expect(&[0x20, 2, 0, 0]).await;
    subscribe(&mut member, "$share/g/a", 1).await;
    let mut publisher = Raw::v3(front.mqtt, "p").await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"1", 1)).await;
    let (_, body) = member.read_packet().await.expect("a message");
    member.send(&[0x40, 2, body[3], body[4]]).await;
    member.send(&[0xE0, 0]).await;
    member.expect_closed().await;
    publish_and_wait(&mut publisher, &qos(1, "a", b"2", 1)).await;
    front = Front::start_in(front.stop().await).await;
    let mut member = Raw::connect_v3(front.mqtt, "m", 0x00).await;
    member.expect(&[0x20, 2, 1, 0]).await;
    let (_, body) = member.read_packet().await.expect("a message");
    assert_eq!(&body[5..], b"2");
    member.expect_silence().await;
    front.stop().await;
}
