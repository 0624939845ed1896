//! Streets, bays and lots as registry rows, and what their sensors said last. Tests only.

use std::sync::Arc;

use domain::Flags;
use domain::kind::parking::{BayState, ParkingValue};
use lake::contract::{ParkingLast, View};
use serde_json::{Value, json};

use super::fixture::{at, sensor};
use super::stand_in::StoodLive;

/// `more` are further properties.
pub fn site(id: &str, more: Value, lon: f64) -> Value {
    row(json!({"kind": "site", "id": id}), more, lon)
}

pub fn bay(id: &str, site: &str, more: Value, lon: f64) -> Value {
    row(json!({"kind": "bay", "id": id, "site": site}), more, lon)
}

fn row(mut properties: Value, more: Value, lon: f64) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        properties[key] = value.clone();
    }
    json!({"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": [lon, 21.03]}})
}

pub fn collection(rows: &[Value]) -> Value {
    json!({"type": "FeatureCollection", "features": rows})
}

/// A running state without rows.
pub fn live(rows: &[Value]) -> Arc<StoodLive> {
    let live = StoodLive::new(View::new(domain::Position(1), at("2026-11-24T12:00:00Z"), Vec::new()));
    live.register(&collection(rows), at("2026-11-24T00:00:00Z"));
    Arc::new(live)
}

pub fn said(observed_at: &str, state: BayState) -> ParkingLast {
    last(observed_at, ParkingValue::Bay(state))
}

pub fn counted(observed_at: &str, free: i32, capacity: Option<i32>) -> ParkingLast {
    last(observed_at, ParkingValue::Counter { free, capacity })
}

fn last(observed_at: &str, value: ParkingValue) -> ParkingLast {
    let observed_at = at(observed_at);
    ParkingLast { sensor: sensor("s"), observed_at, received_at: observed_at, value, flags: Flags::NONE, version: 1 }
}
