//! What a run promises: the same bytes, order in time, every device at once, sizes as the day curves say.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::*;
use crate::city::CityOptions;

fn run(options: CityOptions, from: &str) -> CityRun {
    let city = City::new(options).expect("valid options");
    CityRun::new(Arc::new(city), Timestamp::parse_rfc3339(from).expect("valid"))
}

const MONDAY_TEN: &str = "2026-11-23T10:00:00+07:00";

fn small() -> CityOptions {
    CityOptions { bays: 300, stations: 4, ..CityOptions::default() }
}

fn json(event: &Event) -> Value {
    serde_json::from_slice(&event.payload).expect("payloads are JSON")
}

#[test]
fn one_seed_twice_gives_the_same_events() {
    let events = |seed| run(CityOptions { seed, ..small() }, MONDAY_TEN).take(5_000).collect::<Vec<_>>();
    assert_eq!(events(5), events(5));
    assert_ne!(events(5), events(6));
}

#[test]
fn events_come_in_the_order_of_time_and_each_sensor_goes_forward() {
    let mut last = Timestamp::UNIX_EPOCH;
    let mut newest: HashMap<SensorId, i64> = HashMap::new();
    for event in run(small(), MONDAY_TEN).take(20_000) {
        assert!(event.due >= last);
        last = event.due;
        let elements = match json(&event) {
            Value::Array(elements) => elements,
            one => vec![one],
        };
        for element in elements {
            let ts = element["ts"].as_i64().expect("integer milliseconds");
            assert!(ts * 1_000 <= event.due.as_micros());
            let before = newest.insert(event.sensor.clone(), ts);
            assert!(before.is_none_or(|before| before < ts), "{}", event.sensor);
        }
    }
}

#[test]
fn every_device_speaks_within_seconds_of_the_start() {
    let run = run(small(), MONDAY_TEN);
    let devices = run.city.device_count();
    let until = Timestamp::parse_rfc3339(MONDAY_TEN).expect("valid").plus(START_SPREAD_MIN + Duration::from_millis(2));
    let spoken: HashSet<SensorId> = run.take_while(|event| event.due <= until).map(|event| event.sensor).collect();
    assert_eq!(spoken.len(), devices);
}

#[test]
fn a_station_begins_with_its_last_day_in_hours_and_its_last_hour_in_minutes() {
    let first = run(small(), MONDAY_TEN).find(|event| event.kind == Kind::Air).expect("stations speak at once");
    let Value::Array(elements) = json(&first) else { panic!("an array") };
    let spans: Vec<i64> = elements.iter().map(|element| element["avg_s"].as_i64().expect("a number")).collect();
    assert_eq!(spans, [vec![3_600; 24], vec![60; 60]].concat());
    assert_eq!(elements[23]["ts"].as_i64().map(|ts| ts % 3_600_000), Some(0));
    assert!(elements.len() <= domain::limits::ELEMENTS_MAX && first.payload.len() <= domain::limits::PAYLOAD_BYTES_MAX);
}

#[test]
fn a_bay_repeats_its_state_within_a_heartbeat_and_changes_otherwise() {
    let mut last: HashMap<SensorId, (i64, String)> = HashMap::new();
    let mut changes = 0;
    for event in run(small(), MONDAY_TEN).take(20_000).filter(|event| event.sensor.as_str().starts_with("bay-")) {
        let reading = json(&event);
        let (ts, state) = (reading["ts"].as_i64().expect("a number"), reading["state"].as_str().expect("a word").to_owned());
        if let Some((before, former)) = last.insert(event.sensor, (ts, state.clone())) {
            assert!(ts - before <= 3_600_000);
            changes += usize::from(former != state);
        }
    }
    assert!(changes > 1_000, "{changes}");
}

#[test]
fn a_counter_stays_within_its_capacity() {
    let options = CityOptions { bays: 0, counters: Some(30), stations: 0, ..CityOptions::default() };
    for event in run(options, MONDAY_TEN).take(30_000) {
        let reading = json(&event);
        let (free, capacity) = (reading["free"].as_i64().expect("a number"), reading["capacity"].as_i64().expect("a number"));
        assert!((0..=capacity).contains(&free));
    }
}

/// Share of bays occupied at the end of `hours`.
fn occupied_after(hours: u64) -> f64 {
    let from = Timestamp::parse_rfc3339("2026-11-23T00:00:00+07:00").expect("valid");
    let until = from.plus(Duration::from_secs(hours * 3_600));
    let mut state: HashMap<SensorId, bool> = HashMap::new();
    let options = CityOptions { bays: 1_000, counters: Some(0), stations: 0, ..CityOptions::default() };
    for event in run(options, "2026-11-23T00:00:00+07:00").take_while(|event| event.due <= until) {
        state.insert(event.sensor.clone(), json(&event)["state"] == "occupied");
    }
    state.values().filter(|occupied| **occupied).count() as f64 / state.len() as f64
}

#[test]
fn the_city_follows_its_day_curves() {
    let (night, forenoon) = (occupied_after(4), occupied_after(11));
    assert!((0.1..0.5).contains(&night), "{night}");
    assert!((0.55..0.9).contains(&forenoon), "{forenoon}");
}
