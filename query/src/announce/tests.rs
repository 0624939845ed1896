//! What is told, and what is not told again.

use domain::Flags;
use domain::kind::parking::BayState;
use serde_json::json;

use super::*;
use crate::tests::fixture::{at, sensor};
use crate::tests::stand_in::StoodLive;
use crate::tests::street::{bay, collection, live, said, site};

fn city() -> Arc<StoodLive> {
    let station = json!({"type": "Feature", "properties": {"kind": "station", "id": "air", "class": "indicative", "interval_s": 60},
        "geometry": {"type": "Point", "coordinates": [105.85, 21.03]}});
    live(&[site("street", json!({"heartbeat_s": 60}), 105.85), bay("a", "street", json!({}), 105.85), station])
}

fn value(observed_at: &str) -> AirLast {
    let observed_at = at(observed_at);
    let (avg_s, value, qc, flags, version) = (60, 41.5, None, Flags::NONE, 1);
    AirLast { sensor: sensor("air"), observed_at, received_at: observed_at, avg_s, value, qc, flags, version }
}

fn announcements(live: &Arc<StoodLive>) -> Announcements {
    Announcements::new(Arc::new(Board::new(live.clone())))
}

fn told(announcements: &mut Announcements, now: &str) -> Vec<(String, Value)> {
    let read = |payload: &Bytes| if payload.is_empty() { Value::Null } else { serde_json::from_slice(payload).expect("JSON") };
    let changed = announcements.changed(at(now));
    changed.iter().map(|(topic, payload)| (topic.clone(), read(payload))).collect()
}

#[test]
fn the_first_time_everything_is_told_and_then_only_what_changes() {
    let live = city();
    let mut announcements = announcements(&live);
    let first = told(&mut announcements, "2026-11-24T12:00:00Z");
    let topics: Vec<_> = first.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, ["kerbside/v1/state/parking/street", "kerbside/v1/state/air/air"]);
    assert_eq!((first[0].1["unknown"].as_u64(), first[1].1["stale"].as_bool()), (Some(1), Some(true)));
    assert!(told(&mut announcements, "2026-11-24T12:00:01Z").is_empty());
    live.show_parking("a", said("2026-11-24T12:00:02Z", BayState::Vacant));
    let parking = told(&mut announcements, "2026-11-24T12:00:03Z");
    assert_eq!((parking.len(), parking[0].1["free"].as_u64(), parking[0].1["age_s"].as_u64()), (1, Some(1), Some(1)));
    assert_eq!(parking[0].1["as_of"], "2026-11-24T12:00:03Z");
    live.show_air("air", Quantity::Pm25, value("2026-11-24T12:00:04Z"));
    let air = told(&mut announcements, "2026-11-24T12:00:04Z");
    assert_eq!((air.len(), air[0].1["values"]["pm25"]["value"].as_f64()), (1, Some(41.5)));
    assert!(told(&mut announcements, "2026-11-24T12:01:00Z").is_empty(), "growing older is no change");
}

#[test]
fn turning_stale_is_told_once() {
    let live = city();
    let mut announcements = announcements(&live);
    live.show_parking("a", said("2026-11-24T12:00:00Z", BayState::Vacant));
    live.show_air("air", Quantity::Pm25, value("2026-11-24T12:00:10Z"));
    told(&mut announcements, "2026-11-24T12:00:10Z");
    assert!(told(&mut announcements, "2026-11-24T12:02:30Z").is_empty());
    let street = told(&mut announcements, "2026-11-24T12:02:31Z");
    assert_eq!((street.len(), &street[0].1["stale"], &street[0].1["free"]), (1, &json!(true), &json!(0)));
    let air = told(&mut announcements, "2026-11-24T12:02:41Z");
    assert_eq!((air.len(), &air[0].1["stale"]), (1, &json!(true)));
    assert!(told(&mut announcements, "2026-11-24T13:00:00Z").is_empty());
}

#[test]
fn what_is_no_more_is_told_with_an_empty_payload() {
    let live = city();
    let mut announcements = announcements(&live);
    told(&mut announcements, "2026-11-24T12:00:00Z");
    let closing = |mut row: Value| {
        row["properties"]["valid_to"] = json!("2026-11-24T12:10:00Z");
        row
    };
    let station = json!({"type": "Feature", "properties": {"kind": "station", "id": "air", "class": "indicative", "interval_s": 60},
        "geometry": {"type": "Point", "coordinates": [105.85, 21.03]}});
    let rows = [
        closing(site("street", json!({"heartbeat_s": 60}), 105.85)),
        closing(bay("a", "street", json!({}), 105.85)),
        closing(station),
    ];
    live.register(&collection(&rows), at("2026-11-24T12:05:00Z"));
    assert!(told(&mut announcements, "2026-11-24T12:09:59Z").is_empty());
    let gone = told(&mut announcements, "2026-11-24T12:10:00Z");
    let expected = ["kerbside/v1/state/parking/street", "kerbside/v1/state/air/air"].map(|topic| (topic.to_owned(), Value::Null));
    assert_eq!(gone, expected);
    assert!(told(&mut announcements, "2026-11-24T12:10:01Z").is_empty());
}
