//! The live state: who is newest at each target. What it shows does not depend on the order of arrival.
//!
//! A reading counts for the target that it was bound to at its own instant. Of one target the newest reading is shown; at one
//! instant the shortest span, then the lower sensor id. A counter is shown with the capacity that holds then. A reading of the
//! other shape than its target (free places of a bay, a bay's state of a counter) says nothing of it. What a registry edit makes
//! of it stands in `rebuilt`.

use domain::kind::parking::ParkingValue;
use domain::registry::{Resolution, TargetKind};
use domain::{ObjectId, SensorId};
use lake::contract::{AirLast, LiveState, ParkingLast};

use super::capacities::Capacities;
use super::sensor::{LivePoint, LiveValue, Slot};

/// Where a point of a sensor is shown: its target, its own id while nobody knows it, or nowhere.
pub fn target_of(sensor: &SensorId, resolution: &Resolution, slot: Slot) -> Option<ObjectId> {
    if !resolution.known {
        return Some(sensor.same_object());
    }
    if resolution.commissioning {
        return None;
    }
    let target = match slot {
        Slot::Air(quantity) => resolution.target_of(quantity),
        Slot::Bay | Slot::Counter => resolution.target.as_ref(),
    };
    target.filter(|target| fits(slot, target.kind)).map(|target| target.id.clone())
}

/// Whether readings of a slot say anything of such a target.
pub fn fits(slot: Slot, target: TargetKind) -> bool {
    match slot {
        Slot::Bay => target == TargetKind::Bay,
        Slot::Counter => target == TargetKind::Counter,
        Slot::Air(_) => target == TargetKind::Station,
    }
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
pub fn show_capacity(last: &mut ParkingLast, target: &ObjectId, capacities: &Capacities) -> bool {
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
