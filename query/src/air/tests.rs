//! What a station's item says of its values, and that its schema says the same.

use std::sync::Arc;

use domain::kind::air::Qc;
use domain::registry::{Station, StationClass};
use domain::{Flags, ObjectId};
use geo::Point;

use super::*;
use crate::tests::fixture::{at, sensor};

const NOW: &str = "2026-11-24T01:00:00Z";

fn entry(interval_s: u32) -> StationEntry {
    let station = Station {
        id: ObjectId::new("air-1").expect("a valid id"),
        name: "Hoàn Kiếm".to_owned(),
        names: Default::default(),
        class: StationClass::Reference,
        measures: vec![Quantity::Pm25],
        interval_s,
        point: Point::new(105.85, 21.03),
        extra: Default::default(),
    };
    StationEntry { station: Arc::new(station), areas: Vec::new() }
}

fn last(observed_at: &str, avg_s: u32) -> AirLast {
    AirLast {
        sensor: sensor("air-1"),
        observed_at: at(observed_at),
        received_at: at(observed_at),
        avg_s,
        value: 41.5,
        qc: None,
        flags: Flags::NONE,
        version: 1,
    }
}

fn item(interval_s: u32, lasts: &Lasts) -> Value {
    station_item(&Layout::default(), &entry(interval_s), lasts, at(NOW))
}

#[test]
fn a_value_says_unit_averaging_and_age() {
    let item = item(60, &[(Quantity::Pm25, last("2026-11-24T00:59:30Z", 0))]);
    let value = &item["values"]["pm25"];
    assert_eq!((value["value"].as_f64(), value["unit"].as_str()), (Some(41.5), Some("ug/m3")));
    assert_eq!(
        (value["method"].as_str(), value["age_s"].as_i64(), value["stale"].as_bool()),
        (Some("moment"), Some(30), Some(false))
    );
    assert_eq!((item["age_s"].as_i64(), item["stale"].as_bool()), (Some(30), Some(false)));
}

#[test]
fn a_value_is_stale_after_two_and_a_half_times_the_longer_of_interval_and_span() {
    let is_stale = |interval_s, avg_s, observed_at| {
        item(interval_s, &[(Quantity::Pm25, last(observed_at, avg_s))])["values"]["pm25"]["stale"].as_bool()
    };
    assert_eq!(is_stale(60, 0, "2026-11-24T00:57:30Z"), Some(false));
    assert_eq!(is_stale(60, 0, "2026-11-24T00:57:29.999999Z"), Some(true));
    assert_eq!(is_stale(60, 3_600, "2026-11-23T22:30:00Z"), Some(false));
    assert_eq!(is_stale(60, 3_600, "2026-11-23T22:29:59Z"), Some(true));
}

#[test]
fn a_station_is_stale_only_when_each_of_its_values_is() {
    let old = (Quantity::Pm25, last("2026-11-23T00:00:00Z", 0));
    let fresh = (Quantity::No2, last("2026-11-24T00:59:00Z", 0));
    assert_eq!(item(60, &[old.clone(), fresh])["stale"], false);
    assert_eq!(item(60, &[old])["stale"], true);
    let silent = item(60, &[]);
    assert_eq!((&silent["stale"], &silent["observed_at"], &silent["age_s"]), (&json!(true), &Value::Null, &Value::Null));
}

#[test]
fn a_value_in_calibration_is_shown_and_says_so() {
    let mut last = last("2026-11-24T00:59:30Z", 60);
    last.qc = Some(Qc::Calibration);
    let value = &item(60, &[(Quantity::Pm25, last)])["values"]["pm25"];
    assert_eq!((value["value"].as_f64(), value["qc"].as_str()), (Some(41.5), Some("calibration")));
    assert_eq!(value["method"], "device_mean");
}

#[test]
fn a_reading_ahead_of_the_server_has_age_zero() {
    let item = item(60, &[(Quantity::Pm25, last("2026-11-24T01:04:00Z", 0))]);
    assert_eq!((&item["age_s"], &item["stale"]), (&json!(0), &json!(false)));
}

#[test]
fn the_words_of_the_schema_are_those_of_the_device() {
    let schema = value_schema();
    let mut words: Vec<_> = Qc::ALL.iter().map(|qc| json!(qc.name())).collect();
    words.push(Value::Null);
    assert_eq!(schema["properties"]["qc"]["enum"], Value::Array(words));
}

#[test]
fn a_table_has_a_row_for_each_value_with_the_columns_of_the_schema() {
    let item = item(60, &[(Quantity::Pm25, last("2026-11-24T00:59:00Z", 0)), (Quantity::No2, last("2026-11-24T00:58:00Z", 0))]);
    let rows = value_rows(&item);
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[1]["id"], &rows[1]["quantity"], &rows[1]["lon"]), (&json!("air-1"), &json!("no2"), &json!(105.85)));
    let schema = value_schema();
    let members: Vec<_> = schema["properties"].as_object().expect("members").keys().map(String::as_str).collect();
    assert_eq!(members, OF_A_VALUE);
    let silent = value_rows(&self::item(60, &[]));
    assert_eq!((silent.len(), &silent[0]["value"], &silent[0]["stale"]), (1, &Value::Null, &json!(true)));
}
