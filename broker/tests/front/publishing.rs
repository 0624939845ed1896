//! Publishing: acknowledged once durable, in order, whatever is wrong with a message.

use domain::Reason;
use domain::record::{Content, Record};

use crate::harness::Front;
use crate::raw::{Publish, Raw};

const TOPIC: &str = "kerbside/v1/parking/bay-1";

fn qos1(topic: &str, payload: &[u8], id: u16) -> Vec<u8> {
    Publish { topic, payload, flags: 0x02, id, properties: None }.bytes()
}

#[tokio::test]
async fn a_qos_1_publish_is_in_the_journal_when_its_puback_comes() {
    let front = Front::start().await;
    let mut raw = Raw::v3(front.mqtt, "c").await;
    raw.send(&qos1(TOPIC, b"{}", 1)).await;
    raw.expect(&[0x40, 2, 0, 1]).await;
    assert_eq!(front.publishes().await, [(TOPIC.to_owned(), "{}".to_owned())]);
    front.stop().await;
}

#[tokio::test]
async fn a_whole_window_is_acknowledged_in_order() {
    let front = Front::start().await;
    let mut raw = Raw::v3(front.mqtt, "c").await;
    let window: Vec<u8> = (1..=500u16).flat_map(|id| qos1(TOPIC, id.to_string().as_bytes(), id)).collect();
    raw.send(&window).await;
    for id in 1..=500u16 {
        let [high, low] = id.to_be_bytes();
        raw.expect(&[0x40, 2, high, low]).await;
    }
    let payloads: Vec<_> = front.publishes().await.into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(payloads, (1..=500).map(|id| id.to_string()).collect::<Vec<_>>());
    front.stop().await;
}

#[tokio::test]
async fn a_qos_2_publish_that_comes_twice_is_journaled_once() {
    let front = Front::start().await;
    let mut raw = Raw::v3(front.mqtt, "c").await;
    let publish = |flags| Publish { topic: TOPIC, payload: b"once", flags, id: 9, properties: None };
    raw.publish(publish(0x04)).await;
    raw.expect(&[0x50, 2, 0, 9]).await;
    raw.publish(publish(0x0C)).await;
    raw.expect(&[0x50, 2, 0, 9]).await;
    raw.send(&[0x62, 2, 0, 9]).await;
    raw.expect(&[0x70, 2, 0, 9]).await;
    assert_eq!(front.publishes().await.len(), 1);
    raw.publish(publish(0x04)).await;
    raw.expect(&[0x50, 2, 0, 9]).await;
    assert_eq!(front.publishes().await.len(), 2, "the id was free again");
    front.stop().await;
}

#[tokio::test]
async fn a_qos_0_publish_is_journaled_without_an_answer() {
    let front = Front::start().await;
    let mut raw = Raw::v3(front.mqtt, "c").await;
    raw.publish(Publish { topic: TOPIC, payload: b"0", flags: 0, id: 0, properties: None }).await;
    raw.send(&qos1(TOPIC, b"1", 1)).await;
    raw.expect(&[0x40, 2, 0, 1]).await;
    assert_eq!(front.publishes().await.len(), 2);
    front.stop().await;
}

#[tokio::test]
async fn what_is_refused_unread_is_kept_and_acknowledged() {
    let front = Front::start().await;
    let mut raw = Raw::v3(front.mqtt, "c").await;
    let large = vec![b'x'; 300_000];
    raw.send(&qos1(TOPIC, &large, 1)).await;
    raw.send(&qos1("kerbside/v1/noise/a", b"?", 2)).await;
    raw.send(&qos1("kerbside/v1/state/parking/site", b"?", 3)).await;
    for id in 1..=3 {
        raw.expect(&[0x40, 2, 0, id]).await;
    }
    let refused = front.records().await.into_iter().filter_map(|record| match record {
        Record::Refused(refused) => Some((refused.reason, refused.length, refused.head.len(), refused.count)),
        _ => None,
    });
    let refused: Vec<_> = refused.collect();
    let expected = [(Reason::TooLarge, 300_000, 4_096, 1), (Reason::UnknownTopic, 1, 1, 1), (Reason::NotAuthorised, 1, 1, 1)];
    assert_eq!(refused, expected);
    front.stop().await;
}

#[tokio::test]
async fn a_state_topic_is_not_authorised_and_version_5_says_so() {
    let front = Front::start().await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    let topic = "kerbside/v1/state/air/s";
    raw.publish(Publish { topic, payload: b"", flags: 0x02, id: 1, properties: Some(&[]) }).await;
    raw.expect(&[0x40, 3, 0, 1, 0x87]).await;
    raw.publish(Publish { topic: "kerbside/v1/nothing", payload: b"", flags: 0x02, id: 2, properties: Some(&[]) }).await;
    raw.expect(&[0x40, 2, 0, 2]).await;
    front.stop().await;
}

#[tokio::test]
async fn refusals_beyond_the_rate_are_summed_and_none_is_missing() {
    let front = Front::start().await;
    let mut raw = Raw::v3(front.mqtt, "c").await;
    let flood: Vec<u8> = (1..=1_000u16).flat_map(|id| qos1("kerbside/v1/x", b"12", id)).collect();
    raw.send(&flood).await;
    for _ in 0..1_000 {
        assert_eq!(raw.read_packet().await.expect("acknowledged").0, 0x40);
    }
    // Whatever dies after the acknowledgement.
    let front = Front::start_in(front.kill().await).await;
    let mut kept = 0;
    let mut counted = 0;
    for record in front.records().await {
        if let Record::Refused(refused) = record {
            kept += 1;
            counted += refused.count;
            assert_eq!(refused.length, 2 * u64::from(refused.count));
        }
    }
    assert_eq!(counted, 1_000);
    assert!(kept < 1_000, "{kept} records");
    front.stop().await;
}

#[tokio::test]
async fn a_topic_alias_stands_for_its_topic_and_an_unknown_one_ends_the_connection() {
    let front = Front::start().await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    let alias = |topic, id, alias| {
        let properties = [0x23, 0, alias];
        Publish { topic, payload: b"v", flags: 0x02, id, properties: Some(&properties) }.bytes()
    };
    raw.send(&alias(TOPIC, 1, 5)).await;
    raw.send(&alias("", 2, 5)).await;
    raw.expect(&[0x40, 2, 0, 1, 0x40, 2, 0, 2]).await;
    assert!(front.publishes().await.iter().all(|(topic, _)| topic == TOPIC));
    raw.send(&alias("", 3, 6)).await;
    raw.expect(&[0xE0, 1, 0x82]).await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    raw.send(&alias(TOPIC, 1, 65)).await;
    raw.expect(&[0xE0, 1, 0x94]).await;
    raw.expect_closed().await;
    front.stop().await;
}

#[tokio::test]
async fn content_type_cbor_is_kept_for_the_decoder() {
    let front = Front::start().await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    let mut properties = vec![0x03];
    crate::raw::text(&mut properties, "application/cbor");
    raw.publish(Publish { topic: TOPIC, payload: b"\xA0", flags: 0x02, id: 1, properties: Some(&properties) }).await;
    raw.expect(&[0x40, 2, 0, 1]).await;
    let records = front.records().await;
    assert!(matches!(&records[..], [Record::Publish(publish)] if publish.content == Content::Cbor && publish.client == "c"));
    front.stop().await;
}

#[tokio::test]
async fn a_topic_with_a_wildcard_or_a_nul_ends_the_connection() {
    let front = Front::start().await;
    for (topic, reason) in [("a/+", 0x90), ("a/#", 0x90), ("a\0", 0x81)] {
        let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
        raw.publish(Publish { topic, payload: b"", flags: 0x02, id: 1, properties: Some(&[]) }).await;
        raw.expect(&[0xE0, 1, reason]).await;
        raw.expect_closed().await;
    }
    front.stop().await;
}

#[tokio::test]
async fn a_packet_over_the_announced_size_ends_the_connection_and_what_came_before_is_acknowledged() {
    let front = Front::start().await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    raw.publish(Publish { topic: TOPIC, payload: b"", flags: 0x02, id: 1, properties: Some(&[]) }).await;
    raw.send(&[0x32, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1]).await;
    raw.expect(&[0x40, 2, 0, 1, 0xE0, 1, 0x95]).await;
    front.stop().await;
}

#[tokio::test]
async fn more_than_the_receive_maximum_in_flight_ends_the_connection() {
    let front = Front::start().await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    let flood: Vec<u8> = (1..=1_001u16)
        .flat_map(|id| Publish { topic: TOPIC, payload: b"", flags: 0x04, id, properties: Some(&[]) }.bytes())
        .collect();
    raw.send(&flood).await;
    let mut last = (0, Vec::new());
    while let Some(packet) = raw.read_packet().await {
        last = packet;
    }
    assert_eq!(last, (0xE0, vec![0x93]));
    front.stop().await;
}

#[tokio::test]
async fn stopping_tells_version_5_clients_after_everything_received_is_acknowledged() {
    let front = Front::start().await;
    let (mut raw, _) = Raw::v5(front.mqtt, "c", 0x02, &[]).await;
    raw.publish(Publish { topic: TOPIC, payload: b"", flags: 0x02, id: 1, properties: Some(&[]) }).await;
    raw.expect(&[0x40, 2, 0, 1]).await;
    let dir = front.stop().await;
    raw.expect(&[0xE0, 1, 0x8B]).await;
    raw.expect_closed().await;
    let front = Front::start_in(dir).await;
    assert_eq!(front.publishes().await.len(), 1);
    front.stop().await;
}
