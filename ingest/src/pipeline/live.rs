//! The live state: who is newest at each target. What it shows does not depend on the order of arrival.
//!
//! A reading counts for the target that it was bound to at its own instant. Of one target the newest reading is shown; at one
//! instant the shortest span, then the lower sensor id. A counter is shown with the capacity that holds then. A registry edit rebuilds the state from each sensor's newest readings and
//! what was shown before.

use domain::kind::parking::ParkingValue;
use domain::registry::{Registry, Resolution};
use domain::{Kind, ObjectId, Quantity, SensorId};
use hashbrown::HashMap;
use lake::contract::{AirLast, LiveState, ParkingLast};

use super::capacities::Capacities;
use super::sensor::{LivePoint, LiveValue, Sensors};

/// Where a point of a sensor is shown: its target, its own id while nobody knows it, or nowhere.
pub fn target_of(sensor: &SensorId, resolution: &Resolution, slot: Option<Quantity>) -> Option<ObjectId> {
    if !resolution.known {
        return Some(sensor.same_object());
    }
    if resolution.commissioning {
        return None;
    }
    let target = match slot {
        Some(quantity) => resolution.target_of(quantity),
        None => resolution.target.as_ref(),
    };
    target.map(|target| target.id.clone())
}

/// Shows a point at its target unless a newer one stands there.
pub fn offer(state: &mut LiveState, capacities: &mut Capacities, target: ObjectId, sensor: &SensorId, point: &LivePoint) {
    match point.value {
        LiveValue::Parking(value) => {
            let told = match value {
                ParkingValue::Counter { capacity: Some(places), .. } => {
                    capacities.hear(&target, sensor, point.observed_at, places)
                }
                _ => false,
            };
            let mut last = ParkingLast {
                sensor: sensor.clone(),
                observed_at: point.observed_at,
                received_at: point.received_at,
                value,
                flags: point.flags,
                version: point.version,
            };
            show_capacity(&mut last, &target, capacities);
            match state.parking.get_mut(&target) {
                Some(shown) if !is_newer_parking(&last, shown) => {
                    // It is late, and still the newest to tell how many places there are.
                    if !told || !show_capacity(shown, &target, capacities) {
                        return;
                    }
                    shown.version = point.version;
                }
                Some(shown) => *shown = last,
                None => {
                    state.parking.insert(target.clone(), last);
                }
            }
            state.note(&target, point.received_at);
        }
        LiveValue::Air { quantity, avg_s, value, qc } => {
            let last = AirLast {
                sensor: sensor.clone(),
                observed_at: point.observed_at,
                received_at: point.received_at,
                avg_s,
                value,
                qc,
                flags: point.flags,
                version: point.version,
            };
            let station = state.air.entry_ref(&target).or_default();
            match station.iter_mut().find(|(other, _)| *other == quantity) {
                Some((_, shown)) if !is_newer_air(&last, shown) => return,
                Some((_, shown)) => *shown = last,
                None => {
                    station.push((quantity, last));
                    station.sort_unstable_by_key(|(quantity, _)| *quantity);
                }
            }
            state.note(&target, point.received_at);
        }
    }
}

/// `true` when that is another one than before.
fn show_capacity(last: &mut ParkingLast, target: &ObjectId, capacities: &Capacities) -> bool {
    let ParkingValue::Counter { capacity, .. } = &mut last.value else {
        return false;
    };
    let before = std::mem::replace(capacity, capacities.at(target));
    before != *capacity
}

fn is_newer_parking(last: &ParkingLast, shown: &ParkingLast) -> bool {
    last.observed_at > shown.observed_at || last.observed_at == shown.observed_at && last.sensor < shown.sensor
}

fn is_newer_air(last: &AirLast, shown: &AirLast) -> bool {
    if last.observed_at != shown.observed_at {
        return last.observed_at > shown.observed_at;
    }
    (last.avg_s, &last.sensor) < (shown.avg_s, &shown.sensor)
}

/// The state under another registry. What stands at a target where it did not stand before gets `version`.
pub fn rebuilt(
    before: &LiveState,
    capacities: &mut Capacities,
    sensors: &Sensors,
    registry: &Registry,
    version: u64,
) -> LiveState {
    let mut state = LiveState { version, newest: before.newest, ..LiveState::default() };
    *capacities = capacities.kept(registry);
    keep_shown(before, &mut state, registry);
    for sensor in sensors.iter() {
        for (kind, track) in Kind::ALL.into_iter().zip(&sensor.tracks) {
            for point in track.iter().flat_map(|track| &track.live) {
                let resolution = registry.resolve(kind, &sensor.id, point.observed_at);
                if let Some(target) = target_of(&sensor.id, &resolution, point.value.slot()) {
                    offer(&mut state, capacities, target, &sensor.id, point);
                }
            }
        }
    }
    for (target, last) in &mut state.parking {
        show_capacity(last, target, capacities);
    }
    mark_moved(before, &mut state, version);
    state.changes = before.changes.started_over();
    state
}

/// What was shown and still belongs where it is: of a former binding no sensor keeps it.
fn keep_shown(before: &LiveState, state: &mut LiveState, registry: &Registry) {
    for (target, last) in &before.parking {
        let resolution = registry.resolve(Kind::Parking, &last.sensor, last.observed_at);
        if target_of(&last.sensor, &resolution, None).as_ref() == Some(target) {
            state.parking.insert(target.clone(), last.clone());
        }
    }
    for (target, lasts) in &before.air {
        let stays = |(quantity, last): &&(Quantity, AirLast)| {
            let resolution = registry.resolve(Kind::Air, &last.sensor, last.observed_at);
            target_of(&last.sensor, &resolution, Some(*quantity)).as_ref() == Some(target)
        };
        let kept: Vec<_> = lasts.iter().filter(stays).cloned().collect();
        if !kept.is_empty() {
            state.air.insert(target.clone(), kept);
        }
    }
}

fn mark_moved(before: &LiveState, state: &mut LiveState, version: u64) {
    for (target, last) in &mut state.parking {
        if before.parking.get(target).is_none_or(|shown| shown.version != last.version || shown.sensor != last.sensor) {
            last.version = version;
        }
    }
    let empty = Vec::new();
    let shown_before: &HashMap<_, _> = &before.air;
    for (target, lasts) in &mut state.air {
        let before = shown_before.get(target).unwrap_or(&empty);
        for (quantity, last) in lasts {
            let same =
                before.iter().any(|(q, shown)| q == quantity && shown.version == last.version && shown.sensor == last.sensor);
            if !same {
                last.version = version;
            }
        }
    }
}
