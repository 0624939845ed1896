//! What the registry promises, on small cities written as the files that users write.

mod bindings;
mod differences;
mod files;
mod hanoi;
mod histories;
mod layouts;
mod verdicts;

use serde_json::{Value, json};

use super::*;

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("tests write valid instants")
}

pub(super) fn now() -> Timestamp {
    at("2026-11-24T03:00:00Z")
}

pub(super) fn city() -> Registry {
    Registry::empty(CityOptions::default())
}

pub(super) fn feature(properties: Value, geometry: Value) -> Value {
    json!({ "type": "Feature", "properties": properties, "geometry": geometry })
}

/// At a point of Hanoi.
pub(super) fn here(properties: Value) -> Value {
    feature(properties, json!({ "type": "Point", "coordinates": [105.85, 21.03] }))
}

pub(super) fn file(features: &[Value]) -> Vec<u8> {
    json!({ "type": "FeatureCollection", "features": features }).to_string().into_bytes()
}

pub(super) fn judge(registry: &Registry, features: &[Value], at: Timestamp) -> (Option<Edit>, Vec<RowVerdict>) {
    Edit::parse_geojson(&file(features), registry, at)
}

/// The registry after a file that must be taken and change something.
pub(super) fn import(registry: &Registry, features: &[Value], at: Timestamp) -> Registry {
    let (edit, verdicts) = judge(registry, features, at);
    registry.apply(&edit.unwrap_or_else(|| panic!("nothing to apply: {verdicts:?}")), at).0
}
