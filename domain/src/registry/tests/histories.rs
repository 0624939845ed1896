//! Dates of validity: what a row does to the versions of its object.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::registry::history::{Statement, amended};

fn bay(properties: Value) -> Value {
    here(properties)
}

fn named(name: &str, from: Option<&str>, to: Option<&str>) -> Value {
    here(json!({ "kind": "site", "id": "s", "name": name, "valid_from": from, "valid_to": to }))
}

/// `name from..to` of every version of the site `s`, in local dates where they are such.
fn versions(registry: &Registry) -> Vec<String> {
    let day = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_string());
    let text = |version: &Version<Site>| format!("{} {}..{}", version.object.name, day(version.span.from), day(version.span.to));
    registry.sites.of("s").iter().map(text).collect()
}

#[test]
fn a_first_version_holds_since_ever_and_a_later_one_from_its_import() {
    let first = import(&city(), &[named("old", None, None)], at("2020-01-01T00:00:00Z"));
    assert_eq!(versions(&first), ["old .."]);
    let second = import(&first, &[named("new", None, None)], now());
    assert_eq!(versions(&second), ["old ..2026-11-24T03:00:00Z", "new 2026-11-24T03:00:00Z.."]);
}

#[test]
fn a_date_means_local_midnight_and_valid_to_closes_the_object() {
    let open = import(&city(), &[named("a", None, None)], now());
    let closed = import(&open, &[named("a", None, Some("2025-07-01"))], now());
    assert_eq!(versions(&closed), ["a ..2025-06-30T17:00:00Z"]);
    assert!(closed.layout(at("2025-06-30T16:59:59Z")).site_by_id.contains_key("s"));
    assert!(!closed.layout(at("2025-06-30T17:00:00Z")).site_by_id.contains_key("s"));
    let reopened = import(&closed, &[named("a", None, None)], now());
    assert_eq!(versions(&reopened), ["a ..2025-06-30T17:00:00Z", "a 2026-11-24T03:00:00Z.."]);
}

#[test]
fn a_version_in_the_middle_splits_the_one_around_it() {
    let open = import(&city(), &[named("a", None, None)], now());
    let split = import(&open, &[named("fair", Some("2026-02-01T00:00:00Z"), Some("2026-02-10T00:00:00Z"))], now());
    let expected = ["a ..2026-02-01T00:00:00Z", "fair 2026-02-01T00:00:00Z..2026-02-10T00:00:00Z", "a 2026-02-10T00:00:00Z.."];
    assert_eq!(versions(&split), expected);
}

#[test]
fn a_row_with_the_start_of_a_known_version_amends_it() {
    let first = import(&city(), &[named("a", Some("2025-01-01T00:00:00Z"), None)], now());
    let renamed = import(&first, &[named("b", Some("2025-01-01T00:00:00Z"), None)], now());
    assert_eq!(versions(&renamed), ["b 2025-01-01T00:00:00Z.."]);
    let closed = import(&renamed, &[named("b", Some("2025-01-01T00:00:00Z"), Some("2026-01-01T00:00:00Z"))], now());
    assert_eq!(versions(&closed), ["b 2025-01-01T00:00:00Z..2026-01-01T00:00:00Z"]);
}

#[test]
fn several_versions_of_one_object_may_stand_in_one_file() {
    let rows = [named("b", Some("2025-01-01T00:00:00Z"), None), named("a", None, None)];
    let registry = import(&city(), &rows, now());
    assert_eq!(versions(&registry), ["a ..2025-01-01T00:00:00Z", "b 2025-01-01T00:00:00Z.."]);
    let (again, verdicts) = judge(&registry, &rows, now());
    assert!(again.is_none(), "{verdicts:?}");
}

#[test]
fn an_edit_of_one_object_leaves_the_versions_of_all_others_alone() {
    let rows =
        [bay(json!({"kind": "site", "id": "t"})), bay(json!({"kind": "bay", "id": "b", "site": "t"})), named("a", None, None)];
    let registry = import(&city(), &rows, now());
    let (edit, _) = judge(&registry, &[named("b", None, None)], now());
    let (next, changes) = registry.apply(&edit.expect("the name changed"), now());
    assert_eq!(next.bays, registry.bays);
    let what: Vec<_> =
        changes.iter().map(|change| (change.what, change.object.id().to_owned(), change.span.to.is_some())).collect();
    let site = || "s".to_owned();
    assert_eq!(
        what,
        [(ChangeKind::Superseded, site(), false), (ChangeKind::New, site(), true), (ChangeKind::New, site(), false)]
    );
}

fn moment(day: i64) -> Timestamp {
    Timestamp::from_micros(day)
}

fn row() -> impl Strategy<Value = (Option<i64>, Option<i64>, u8, i64)> {
    (proptest::option::of(0..20i64), proptest::option::of(1..21i64), 0..3u8, 5..15i64)
        .prop_filter("ends after it begins", |(from, to, ..)| from.zip(*to).is_none_or(|(from, to)| from < to))
}

fn after(known: &[Version<u8>], (from, to, object, at): (Option<i64>, Option<i64>, u8, i64)) -> Vec<Version<u8>> {
    amended(known, Statement { from: from.map(moment), to: to.map(moment), object: Arc::new(object) }, moment(at))
}

proptest! {
    #[test]
    fn versions_stay_sorted_apart_and_not_empty_and_a_row_twice_is_a_row_once(rows in proptest::collection::vec(row(), 1..12)) {
        let mut known = Vec::new();
        for row in rows {
            known = after(&known, row);
            prop_assert_eq!(&after(&known, row), &known);
            prop_assert!(known.iter().all(|version| !version.span.is_empty()));
            prop_assert!(known.windows(2).all(|pair| pair[0].span.to.is_some() && pair[0].span.to <= pair[1].span.from));
        }
    }

    #[test]
    fn a_row_holds_where_it_says_and_leaves_what_lies_before_it(rows in proptest::collection::vec(row(), 0..8), last in row()) {
        let before = rows.into_iter().fold(Vec::new(), |known, row| after(&known, row));
        let result = after(&before, last);
        let says = |versions: &[Version<u8>], day| versions.iter().find(|version| version.span.holds(moment(day))).map(|version| *version.object);
        let (from, to, object, at) = last;
        if let Some(from) = from {
            prop_assert_eq!(says(&result, from), Some(object));
            prop_assert!((-1..from).all(|day| says(&result, day) == says(&before, day)));
        }
        if let Some(to) = to {
            prop_assert_eq!(says(&result, to - 1), Some(object));
        } else if from.is_none() {
            prop_assert_eq!(says(&result, at), Some(object));
        }
    }
}
