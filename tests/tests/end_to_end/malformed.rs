//! Bad input costs nothing beside it: kept with its reason and bytes, acknowledged, and every good reading is there.

use tests::publisher::{Message, parking, pm25};
use tests::{Publisher, Server};

use super::journey::settle;

const DAY_MS: i64 = 1_790_000_000_000;
const EACH: usize = 1_000;

/// Payload and the reason it must be kept under.
fn bad() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let parking = "kerbside/v1/parking/bay-1";
    let air = "kerbside/v1/air/air-1";
    let deep = [vec![b'['; 5_000], vec![b']'; 5_000]].concat();
    vec![
        (parking, b"".to_vec(), "malformed"),
        (parking, b"{".to_vec(), "malformed"),
        (parking, b"[]x".to_vec(), "malformed"),
        (parking, b"\xff\xfe".to_vec(), "malformed"),
        (parking, b"null".to_vec(), "malformed"),
        (parking, deep, "malformed"),
        (parking, br#"{"ts":1790000000000,"state":"full"}"#.to_vec(), "malformed"),
        (parking, br#"{"ts":1790000000000,"state":"vacant","free":3}"#.to_vec(), "malformed"),
        (parking, br#"{"ts":1790000000000}"#.to_vec(), "malformed"),
        (parking, br#"{"ts":1790000000000,"free":99999999999}"#.to_vec(), "out_of_range"),
        (parking, br#"{"ts":"yesterday","state":"occupied"}"#.to_vec(), "bad_timestamp"),
        (parking, br#"{"ts":1,"state":"occupied"}"#.to_vec(), "bad_timestamp"),
        (parking, br#"{"state":"occupied"}"#.to_vec(), "bad_timestamp"),
        (parking, br#"{"ts":"2099-01-01T00:00:00Z","state":"occupied"}"#.to_vec(), "future"),
        (air, br#"{"ts":1790000000000,"pm25":1e999}"#.to_vec(), "out_of_range"),
        (air, br#"{"ts":1790000000000,"pm25":"12"}"#.to_vec(), "malformed"),
        (air, br#"{"ts":1790000000000,"unobtainium":12}"#.to_vec(), "malformed"),
        (air, br#"{"ts":1790000000000,"pm25":12,"units":{"pm25":"ppb"}}"#.to_vec(), "bad_unit"),
        ("kerbside/v1/noise/bay-1", b"{}".to_vec(), "unknown_topic"),
    ]
}

#[test]
fn a_thousand_payloads_of_every_bad_kind_cost_no_good_reading() -> anyhow::Result<()> {
    let server = Server::start()?;
    let bad = bad();
    let mut messages: Vec<Message> = Vec::new();
    for n in 0..EACH {
        messages.push(parking("bay-1", DAY_MS + n as i64 * 1_000, "occupied"));
        messages.push(pm25("air-1", DAY_MS + n as i64 * 1_000, n as f64));
        messages.extend(bad.iter().map(|(topic, payload, _)| (topic.to_string(), payload.clone())));
    }
    let acknowledged = Publisher::new(server.mqtt(), "mixed").publish(&messages);
    assert_eq!(acknowledged.len(), messages.len(), "a rejection is acknowledged, since sending it again cannot mend it");
    settle(&server, messages.len() as u64)?;

    assert_eq!(server.api().readings("bay-1")?.len(), EACH);
    assert_eq!(server.api().readings("air-1")?.len(), EACH);
    let ledger = server.api().ledger()?;
    assert!(ledger.adds_up(), "{ledger:?}");
    assert_eq!(ledger.accepted, 2 * EACH as u64);
    for reason in ["malformed", "out_of_range", "bad_timestamp", "future", "bad_unit", "unknown_topic"] {
        let kinds = bad.iter().filter(|(_, _, expected)| *expected == reason).count();
        assert_eq!(ledger.rejected(reason), (kinds * EACH) as u64, "{reason}");
    }
    Ok(())
}

#[test]
fn a_dead_letter_keeps_reason_topic_detail_and_bytes() -> anyhow::Result<()> {
    let server = Server::start()?;
    let payload = br#"{"ts":1790000000000,"pm25":"12"}"#;
    Publisher::new(server.mqtt(), "one").publish(&[("kerbside/v1/air/air-1".into(), payload.to_vec())]);
    settle(&server, 1)?;
    let letters = server.api().list("/v1/ops/deadletters?reason=malformed")?;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["topic"], "kerbside/v1/air/air-1");
    assert_eq!(letters[0]["payload"], String::from_utf8(payload.to_vec())?);
    assert!(letters[0]["detail"].as_str().is_some_and(|detail| detail.contains("pm25")), "{letters:?}");
    Ok(())
}

#[test]
fn one_bad_element_of_an_array_leaves_its_neighbours() -> anyhow::Result<()> {
    let server = Server::start()?;
    let payload =
        br#"[{"ts":1790000000000,"state":"occupied"},{"ts":"x","state":"vacant"},{"ts":1790000001000,"state":"vacant"}]"#;
    Publisher::new(server.mqtt(), "one").publish(&[("kerbside/v1/parking/bay-1".into(), payload.to_vec())]);
    settle(&server, 3)?;
    assert_eq!(server.api().readings("bay-1")?.len(), 2);
    let letters = server.api().list("/v1/ops/deadletters?reason=bad_timestamp")?;
    assert_eq!(letters[0]["payload"], r#"{"ts":"x","state":"vacant"}"#);
    Ok(())
}
