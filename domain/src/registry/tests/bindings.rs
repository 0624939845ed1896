//! Whose reading it is.

use super::*;
use crate::kind::Kind;
use crate::quantity::Quantity;

fn sensor(id: &str) -> SensorId {
    SensorId::new(id).expect("tests write valid ids")
}

fn resolve(registry: &Registry, kind: Kind, id: &str, instant: &str) -> Resolution {
    registry.resolve(kind, &sensor(id), at(instant))
}

fn target(answer: &Resolution) -> Option<(TargetKind, &str)> {
    answer.target.as_ref().map(|target| (target.kind, target.id.as_str()))
}

fn device(id: &str, status: &str, bindings: Value) -> Value {
    feature(json!({"kind": "device", "id": id, "status": status, "bindings": bindings}), Value::Null)
}

/// A street with two bays, a lot that counts, a station.
fn places() -> Vec<Value> {
    vec![
        here(json!({"kind": "site", "id": "street", "heartbeat_s": 600})),
        here(json!({"kind": "bay", "id": "b1", "site": "street"})),
        here(json!({"kind": "bay", "id": "b2", "site": "street", "heartbeat_s": 60})),
        here(json!({"kind": "site", "id": "lot", "capacity": 40})),
        here(json!({"kind": "station", "id": "air", "class": "indicative", "interval_s": 300})),
    ]
}

fn with(devices: &[Value]) -> Registry {
    let mut rows = places();
    rows.extend_from_slice(devices);
    import(&city(), &rows, now())
}

const DAY: &str = "2026-01-15T00:00:00Z";

#[test]
fn a_sensor_without_a_device_belongs_to_the_object_of_its_own_id() {
    let registry = with(&[]);
    let bay = resolve(&registry, Kind::Parking, "b1", DAY);
    assert_eq!((target(&bay), bay.heartbeat_s, bay.known), (Some((TargetKind::Bay, "b1")), Some(600), true));
    assert_eq!(resolve(&registry, Kind::Parking, "b2", DAY).heartbeat_s, Some(60));
    let lot = resolve(&registry, Kind::Parking, "lot", DAY);
    assert_eq!((target(&lot), lot.capacity), (Some((TargetKind::Counter, "lot")), Some(40)));
    let air = resolve(&registry, Kind::Air, "air", DAY);
    assert_eq!((target(&air), air.interval_s), (Some((TargetKind::Station, "air")), Some(300)));
    assert_eq!((air.valid_from, air.valid_to), (None, None));
}

#[test]
fn parking_and_air_do_not_mix_and_a_site_with_bays_takes_no_readings() {
    let registry = with(&[]);
    for (kind, id) in [(Kind::Air, "b1"), (Kind::Parking, "air"), (Kind::Parking, "street"), (Kind::Parking, "nobody")] {
        let answer = resolve(&registry, kind, id, DAY);
        assert!(!answer.known && answer.target.is_none(), "{id}: {answer:?}");
    }
}

#[test]
fn a_swapped_device_is_a_new_binding_and_history_stays_with_the_bay() {
    let until = json!([{"target": "b1", "to": "2026-01-10T00:00:00Z"}]);
    let since = json!([{"target": "b1", "from": "2026-01-10T00:00:00Z"}]);
    let registry = with(&[device("old", "active", until), device("new", "active", since)]);
    let before = resolve(&registry, Kind::Parking, "old", "2026-01-09T00:00:00Z");
    assert_eq!(target(&before), Some((TargetKind::Bay, "b1")));
    assert_eq!(before.valid_to, Some(at("2026-01-10T00:00:00Z")));
    let gone = resolve(&registry, Kind::Parking, "old", DAY);
    assert!(gone.known && gone.target.is_none());
    let new = resolve(&registry, Kind::Parking, "new", DAY);
    assert_eq!((target(&new), new.valid_from), (Some((TargetKind::Bay, "b1")), Some(at("2026-01-10T00:00:00Z"))));
}

#[test]
fn of_two_devices_at_one_bay_the_lower_id_counts_and_one_in_commissioning_overrules_nobody() {
    let bound = || json!([{"target": "b1"}]);
    let registry =
        with(&[device("d1", "active", bound()), device("d2", "active", bound()), device("c0", "commissioning", bound())]);
    assert_eq!(target(&resolve(&registry, Kind::Parking, "d1", DAY)), Some((TargetKind::Bay, "b1")));
    let second = resolve(&registry, Kind::Parking, "d2", DAY);
    assert_eq!((second.known, target(&second), second.overruled_by.clone()), (true, None, Some(sensor("d1"))));
    let trial = resolve(&registry, Kind::Parking, "c0", DAY);
    assert_eq!((trial.commissioning, target(&trial)), (true, Some((TargetKind::Bay, "b1"))));
    let namesake = resolve(&registry, Kind::Parking, "b1", DAY);
    assert_eq!((target(&namesake), namesake.overruled_by.clone()), (None, Some(sensor("d1"))));
}

#[test]
fn a_device_without_bindings_belongs_to_the_object_of_its_own_id() {
    let registry = with(&[device("b2", "commissioning", json!([]))]);
    let answer = resolve(&registry, Kind::Parking, "b2", DAY);
    assert_eq!((answer.commissioning, target(&answer)), (true, Some((TargetKind::Bay, "b2"))));
}

#[test]
fn quantities_of_one_device_may_count_at_different_stations() {
    let mut rows = places();
    rows.push(here(json!({"kind": "station", "id": "roof", "class": "reference"})));
    rows.push(device("d", "active", json!([{"target": "air", "quantity": "pm25"}, {"target": "roof", "quantity": "no2"}])));
    let answer = resolve(&import(&city(), &rows, now()), Kind::Air, "d", DAY);
    let of = |quantity| answer.target_of(quantity).map(|target| target.id.as_str());
    assert_eq!((of(Quantity::Pm25), of(Quantity::No2), of(Quantity::O3)), (Some("air"), Some("roof"), None));
}

#[test]
fn a_site_counts_until_it_gets_bays() {
    let lot = || here(json!({"kind": "site", "id": "s"}));
    let bay = here(json!({"kind": "bay", "id": "b", "site": "s", "valid_from": "2026-01-10T00:00:00Z"}));
    let registry = import(&city(), &[lot(), bay], now());
    let before = resolve(&registry, Kind::Parking, "s", "2026-01-09T00:00:00Z");
    assert_eq!((target(&before), before.valid_to), (Some((TargetKind::Counter, "s")), Some(at("2026-01-10T00:00:00Z"))));
    assert!(!resolve(&registry, Kind::Parking, "s", DAY).known);
}

#[test]
fn a_bays_history_names_each_sensor_with_when_it_spoke_for_the_bay() {
    let until = json!([{"target": "b1", "to": "2026-01-10T00:00:00Z"}]);
    let since = json!([{"target": "b1", "from": "2026-01-12T00:00:00Z"}]);
    let registry = with(&[device("old", "active", until), device("new", "active", since)]);
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
    let history = registry.bay_history(&ObjectId::new("b1").expect("valid"), from, to).expect("the bay is registered");
    let told: Vec<_> = history.sensors.iter().map(|(sensor, span)| (sensor.as_str(), span.from, span.to)).collect();
    let (left, came) = (at("2026-01-10T00:00:00Z"), at("2026-01-12T00:00:00Z"));
    let expected = [("b1", Some(left), Some(came)), ("new", Some(came), Some(to)), ("old", Some(from), Some(left))];
    assert_eq!(told, expected, "between the two devices it is the sensor of the bay's own name");
    assert_eq!(registry.bay_history(&ObjectId::new("nowhere").expect("valid"), from, to), None);
}

#[test]
fn a_bays_rules_change_with_its_own_versions_and_with_its_sites() {
    let site = |from: &str, heartbeat_s: u32| {
        here(json!({"kind": "site", "id": "street", "heartbeat_s": heartbeat_s, "valid_from": from}))
    };
    let bay = here(json!({"kind": "bay", "id": "b1", "site": "street", "min_dwell_s": 30, "valid_from": "2026-03-01"}));
    let registry = import(&with(&[]), &[site("2026-02-01", 60), bay], now());
    let rules = registry.bay_history(&ObjectId::new("b1").expect("valid"), now(), now()).expect("registered").rules;
    let told: Vec<_> = rules.iter().map(|rule| (rule.from, rule.heartbeat_s, rule.min_dwell_s)).collect();
    let midnight = |day: &str| Some(at(&format!("{day}T00:00:00+07:00")));
    assert_eq!(told, [(None, 600, 0), (midnight("2026-02-01"), 60, 0), (midnight("2026-03-01"), 60, 30)]);
}
