//! What is above a limit, on which day, by which text.

use jiff::tz::TimeZone;

use super::*;
use crate::air::window::{Base, Basis, Grid, MIN_COVERAGE};
use crate::air::{Remarks, Sample, Standards};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("an instant")
}

/// Hours in a row from a local midnight on.
fn told(
    quantity: Quantity,
    standard: &str,
    first: &str,
    values: &[f64],
    (from, to): (&str, &str),
) -> Vec<(String, String, f64, f64)> {
    let zone = TimeZone::get("Asia/Ho_Chi_Minh").expect("a zone");
    let mut base = Base::new(Grid::hours(zone.clone()));
    for (hour, &value) in (1..).zip(values) {
        let when = Timestamp::from_micros(at(first).as_micros() + hour * 3_600_000_000);
        let (avg_s, interval_s, received_at, remarks) = (3_600, 60, when, Remarks::NONE);
        base.take(&Sample { at: when, avg_s, interval_s, value, received_at, remarks });
    }
    let standards = Standards::built_in();
    let as_of = at("2030-01-01T00:00:00Z");
    let series = Series { base: &base, zone: &zone, basis: Basis::Days, min_coverage: MIN_COVERAGE, as_of };
    let text_on = |date| standards.limits_on(standard, date);
    let judge = Judge { text_on, quantity, series, reference_temperature_c: 25.0 };
    let told = judge
        .exceedances(at(from), at(to))
        .into_iter()
        .map(|of| (of.text.id.clone(), of.limit.averaging.name().to_owned(), of.judgment.compared, of.limit.value));
    told.collect()
}

const DAY: (&str, &str) = ("2026-06-01T00:00:00+07:00", "2026-06-02T00:00:00+07:00");

#[test]
fn a_limit_itself_is_kept_and_what_is_above_it_is_not() {
    let day = |value: f64| told(Quantity::Pm25, "qcvn05", DAY.0, &[value; 24], DAY);
    assert!(day(45.0).is_empty());
    assert_eq!(day(45.5), [("qcvn05_2023".to_owned(), "24h".to_owned(), 45.5, 45.0)]);
}

#[test]
fn the_limit_is_that_of_the_day() {
    let day = |date: &str, next: &str| {
        let (from, to) = (format!("{date}T00:00:00+07:00"), format!("{next}T00:00:00+07:00"));
        told(Quantity::Pm25, "qcvn05", &from, &[47.0; 24], (&from, &to)).len()
    };
    assert_eq!((day("2025-12-31", "2026-01-01"), day("2026-01-01", "2026-01-02")), (0, 1), "45 instead of 50 since 2026");
    let pm10 = |date: &str, next: &str| {
        let (from, to) = (format!("{date}T00:00:00+07:00"), format!("{next}T00:00:00+07:00"));
        told(Quantity::Pm10, "qcvn05", &from, &[120.0; 24], (&from, &to)).first().map(|found| found.0.clone())
    };
    assert_eq!(pm10("2023-09-11", "2023-09-12"), None, "150 in the text of 2013");
    assert_eq!(pm10("2023-09-12", "2023-09-13"), Some("qcvn05_2023".to_owned()));
}

#[test]
fn of_eight_hour_means_the_largest_of_a_day_counts_once() {
    let mut values = [50.0; 24];
    values[8..18].fill(130.0);
    let found = told(Quantity::O3, "qcvn05_2023", DAY.0, &values, DAY);
    assert_eq!(found, [("qcvn05_2023".to_owned(), "8h".to_owned(), 130.0, 120.0)]);
}

#[test]
fn every_hour_counts_and_units_are_those_of_the_text() {
    let mut values = [1_000.0; 24];
    (values[3], values[20]) = (36_000.0, 35_000.0);
    let found = told(Quantity::Co, "who_2021", DAY.0, &values, DAY);
    let hours: Vec<_> = found.iter().filter(|of| of.1 == "1h").map(|of| of.2).collect();
    assert_eq!(hours, [36.0], "35 mg/m3 are the limit itself");
}

#[test]
fn a_mean_that_is_not_valid_exceeds_nothing() {
    assert!(told(Quantity::Pm25, "qcvn05", DAY.0, &[90.0; 17], DAY).is_empty());
    assert_eq!(told(Quantity::Pm25, "qcvn05", DAY.0, &[90.0; 18], DAY).len(), 1);
}

#[test]
fn a_year_is_judged_when_it_has_ended() {
    let values = vec![26.0; 365 * 24];
    let year = ("2026-01-01T00:00:00+07:00", "2027-01-01T00:00:00+07:00");
    let found = told(Quantity::Pm25, "qcvn05", year.0, &values, year);
    assert_eq!(found, [("qcvn05_2023".to_owned(), "1y".to_owned(), 26.0, 25.0)]);
    let before = told(Quantity::Pm25, "qcvn05", year.0, &values, (year.0, "2026-12-31T23:00:00+07:00"));
    assert!(before.is_empty());
}

#[test]
fn a_year_back_is_needed_only_where_a_year_ends() {
    let zone = TimeZone::get("Asia/Ho_Chi_Minh").expect("a zone");
    let first = |from: &str, to: &str| reach(&zone, at(from), at(to)).0;
    assert_eq!(first("2026-12-31T20:00:00+07:00", "2027-01-01T00:00:00+07:00"), at("2025-12-31T00:00:00+07:00"));
    assert_eq!(first("2025-03-01T00:00:00+07:00", "2026-03-01T00:00:00+07:00"), at("2024-12-31T00:00:00+07:00"));
    assert_eq!(first("2027-01-01T00:00:00+07:00", "2027-02-01T00:00:00+07:00"), at("2026-12-30T00:00:00+07:00"));
}
