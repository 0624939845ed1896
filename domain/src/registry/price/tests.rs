//! Costs that a driver could work out on paper.

use serde_json::json;

use super::*;
use crate::registry::CityOptions;

fn cost(rules: Value, start: &str, stay_min: u32) -> Option<f64> {
    let rules = rules.as_array().cloned().expect("tests write lists");
    let price = Price { currency: Some("VND".to_owned()), rules, text: None };
    let start = Timestamp::parse_rfc3339(start).expect("tests write valid instants");
    price.cost(start, stay_min, &CityOptions::default().time_zone())
}

/// 2026-11-24 is a Tuesday.
const MORNING: &str = "2026-11-24T08:00:00+07:00";

#[test]
fn every_begun_unit_costs_the_amount_up_to_the_most_of_a_day() {
    let rule = json!([{"per_min": 60, "amount": 20000, "max": 100000}]);
    let cases = [(0, 0.0), (1, 20_000.0), (60, 20_000.0), (61, 40_000.0), (15 * 60, 100_000.0), (40 * 60, 200_000.0)];
    for (minutes, expected) in cases {
        assert_eq!(cost(rule.clone(), MORNING, minutes), Some(expected), "{minutes}");
    }
}

#[test]
fn parking_is_free_when_no_rule_holds_and_the_first_of_several_counts() {
    let day = json!([{"days": "Mo-Fr", "from": "07:00", "to": "09:00", "per_min": 30, "amount": 5000}]);
    assert_eq!(cost(day.clone(), MORNING, 600), Some(10_000.0));
    assert_eq!(cost(day, "2026-11-28T08:00:00+07:00", 60), Some(0.0), "a Saturday");
    let both = json!([{"from": "08:00", "to": "09:00", "per_min": 60, "amount": 1000}, {"per_min": 60, "amount": 7}]);
    assert_eq!(cost(both, MORNING, 120), Some(1_007.0));
}

#[test]
fn a_night_lasts_past_midnight_and_costs_once() {
    let night = json!([{"from": "22:00", "to": "06:00", "amount": 50000}]);
    assert_eq!(cost(night.clone(), "2026-11-24T23:00:00+07:00", 120), Some(50_000.0));
    assert_eq!(cost(night.clone(), "2026-11-25T05:00:00+07:00", 60), Some(50_000.0));
    assert_eq!(cost(night, "2026-11-25T06:00:00+07:00", 60), Some(0.0));
}

#[test]
fn amounts_with_decimals_add_up_as_on_paper() {
    assert_eq!(cost(json!([{"per_min": 10, "amount": 0.1}]), MORNING, 30), Some(0.3));
}

#[test]
fn what_is_not_understood_has_no_cost() {
    let cases = [
        json!([]),
        json!([{"per_min": 60}]),
        json!([{"per_min": 0, "amount": 1}]),
        json!([{"amount": -1}]),
        json!([{"amount": "20000"}]),
        json!([{"amount": 1, "residents": true}]),
        json!([{"amount": 1, "days": "weekdays"}]),
        json!([{"amount": 1, "from": "7am"}]),
        json!([{"amount": 1, "to": 22}]),
    ];
    for rules in cases {
        assert_eq!(cost(rules.clone(), MORNING, 60), None, "{rules}");
    }
    assert_eq!(cost(json!([{"amount": 1}]), MORNING, STAY_MIN_MAX + 1), None);
}
