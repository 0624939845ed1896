//! Walks over one sensor's readings on a real lake: nothing missed, nothing doubled, whatever moves meanwhile.

use domain::kind::parking::BayState;

use super::*;
use crate::tests::fixture::{Fixture, at, sensor};

const SENSOR: &str = "both";

fn wish(sensor: &SensorId, limit: usize) -> Wish<'_> {
    Wish { sensor, from: None, to: None, after: None, limit }
}

/// Three days, one reading an hour of each kind, and a second air message of each instant; a neighbour on either side.
async fn filled() -> Fixture {
    let mut fixture = Fixture::new().await;
    let start = at("2026-11-21T00:00:00Z");
    for hour in 0..72_u64 {
        let observed = start.plus(std::time::Duration::from_secs(hour * 3_600));
        for (n, name) in [SENSOR, "aside", "zone"].into_iter().enumerate() {
            let position = 1 + hour * 12 + n as u64 * 4;
            fixture.parking(position, name, observed, if hour % 2 == 0 { BayState::Occupied } else { BayState::Vacant });
            fixture.air(position + 1, name, observed, &[(Quantity::Pm25, hour as f64)]);
            fixture.air(position + 2, name, observed, &[(Quantity::No2, 0.5), (Quantity::O3, 7.0)]);
        }
    }
    fixture
}

fn expected() -> Vec<(String, &'static str)> {
    let start = at("2026-11-21T00:00:00Z");
    (0..72_u64)
        .flat_map(|hour| {
            let observed = start.plus(std::time::Duration::from_secs(hour * 3_600)).to_string();
            ["state", "pm25", "no2"].map(|key| (observed.clone(), key))
        })
        .collect()
}

fn seen(item: &Value) -> (String, &'static str) {
    let key = ["state", "pm25", "no2"].into_iter().find(|key| item.get(key).is_some()).expect("a measured value");
    (item["observed_at"].as_str().expect("a time").to_owned(), key)
}

#[tokio::test]
async fn a_walk_has_every_row_once_while_rows_move_into_the_lake() {
    let mut fixture = filled().await;
    let id = sensor(SENSOR);
    for limit in [1, 7, 100, 1_000] {
        let (mut walked, mut after, mut upto) = (Vec::new(), None, 0);
        loop {
            let asked = Wish { after, ..wish(&id, limit) };
            let page = page(&fixture.engine, &fixture.view(), &asked).await.expect("a page");
            assert!(page.items.len() <= limit);
            walked.extend(page.items.iter().map(seen));
            upto += 97;
            fixture.commit(upto).await;
            match page.last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        assert_eq!(walked, expected(), "pages of {limit}");
    }
}

#[tokio::test]
async fn a_range_holds_its_start_and_not_its_end() {
    let mut fixture = filled().await;
    let id = sensor(SENSOR);
    for committed in [0, 400, 10_000] {
        fixture.commit(committed).await;
        let (from, to) = (at("2026-11-22T00:00:00Z"), at("2026-11-22T02:00:00Z"));
        let asked = Wish { from: Some(from), to: Some(to), ..wish(&id, 100) };
        let page = page(&fixture.engine, &fixture.view(), &asked).await.expect("a page");
        let times: Vec<_> = page.items.iter().map(|item| seen(item).0).collect();
        assert_eq!(times[..3], ["2026-11-22T00:00:00Z"; 3]);
        assert_eq!(times[3..], ["2026-11-22T01:00:00Z"; 3]);
        assert!(page.last.is_none());
    }
}

#[tokio::test]
async fn an_item_has_the_keys_of_a_payload_in_canonical_units() {
    let mut fixture = Fixture::new().await;
    fixture.air(1, "air-1", at("2026-11-24T08:00:00.5Z"), &[(Quantity::Pm25, 31.5)]);
    fixture.commit(1).await;
    let id = sensor("air-1");
    let page = page(&fixture.engine, &fixture.view(), &wish(&id, 10)).await.expect("a page");
    assert_eq!(
        page.items,
        [serde_json::json!({"kind": "air", "observed_at": "2026-11-24T08:00:00.5Z", "received_at": "2026-11-24T08:00:00.5Z",
            "avg_s": 60, "pm25": 31.5, "units": {"pm25": "ug/m3"}, "flags": []})]
    );
}

#[tokio::test]
async fn an_unknown_sensor_has_an_empty_page() {
    let fixture = filled().await;
    let id = sensor("nobody");
    let page = page(&fixture.engine, &fixture.view(), &wish(&id, 10)).await.expect("a page");
    assert!(page.items.is_empty() && page.last.is_none());
}
