//! What an edit makes of the live state: only what differs, so that it is put in place in a moment however long finding it took.

use domain::registry::Registry;
use domain::{Kind, ObjectId, Quantity, Timestamp};
use hashbrown::HashMap;
use lake::contract::{AirLast, LiveState, ParkingLast};

use super::capacities::{Capacities, Told};
use super::held::LetterId;
use super::live::{self, target_of};
use super::sensor::Slot;
use super::state::State;
use super::touched::{Touched, same_sensor};

/// The differences; nothing stands there any more where there is nothing.
#[derive(Debug, Default, PartialEq)]
pub struct Rebuilt {
    parking: Vec<(ObjectId, Option<ParkingLast>)>,
    air: Vec<(ObjectId, Vec<(Quantity, AirLast)>)>,
    capacities: Vec<(ObjectId, Option<Told>)>,
    /// Held for sensors that are registered now.
    registered: Vec<LetterId>,
}

impl Rebuilt {
    /// Of the state before the edit, under the registry after it; what stands at a target where it did not stand before gets `version`.
    pub fn of(state: &State, registry: &Registry, touched: &Touched, now: Timestamp, version: u64) -> Self {
        let (mut shown, mut capacities) = (LiveState::default(), Capacities::default());
        for target in &touched.targets {
            keep(&state.live, &mut shown, target, registry);
            capacities.keep(&state.capacities, target, registry);
        }
        for target in &touched.targets {
            for sensor in registry.bound_to(target).iter().cloned().chain(same_sensor(target)) {
                let Some(sensor) = state.sensors.find(&sensor) else {
                    continue;
                };
                for (kind, track) in Kind::ALL.into_iter().zip(&sensor.tracks) {
                    for point in track.iter().flat_map(|track| &track.live) {
                        let resolution = registry.resolve(kind, &sensor.id, point.observed_at);
                        if target_of(&sensor.id, &resolution, point.value.slot()).as_ref() == Some(target) {
                            live::offer(&mut shown, &mut capacities, target.clone(), &sensor.id, point);
                        }
                    }
                }
            }
        }
        let mut rebuilt = Self::default();
        for target in &touched.targets {
            rebuilt.compare(state, &mut shown, &capacities, target, version);
        }
        // Of all sensors, touched or not: one may have been registered from a day on that has come since.
        let mut known: HashMap<u32, bool> = HashMap::new();
        rebuilt.registered = state.held.registered(|sensor| {
            *known.entry(sensor).or_insert_with(|| {
                let id = &state.sensors.get(sensor).id;
                Kind::ALL.into_iter().any(|kind| registry.resolve(kind, id, now).known)
            })
        });
        rebuilt
    }

    fn compare(&mut self, state: &State, shown: &mut LiveState, capacities: &Capacities, target: &ObjectId, version: u64) {
        let before = state.live.parking.get(target);
        let mut now = shown.parking.remove(target);
        if let Some(last) = &mut now {
            live::show_capacity(last, target, capacities);
            if before.is_none_or(|before| before.version != last.version || before.sensor != last.sensor) {
                last.version = version;
            }
        }
        if now.as_ref() != before {
            self.parking.push((target.clone(), now));
        }
        let nothing = Vec::new();
        let before = state.live.air.get(target).unwrap_or(&nothing);
        let mut now = shown.air.remove(target).unwrap_or_default();
        for (quantity, last) in &mut now {
            let mut same = before.iter().filter(|(other, _)| other == quantity);
            if !same.any(|(_, shown)| shown.version == last.version && shown.sensor == last.sensor) {
                last.version = version;
            }
        }
        if now != *before {
            self.air.push((target.clone(), now));
        }
        if capacities.told(target) != state.capacities.told(target) {
            self.capacities.push((target.clone(), capacities.told(target).cloned()));
        }
    }

    pub fn put(self, state: &mut State) {
        // Who follows is told what stands under a name, so what left it can only be seen by reading everything again.
        let leaves = self.parking.iter().any(|(_, last)| last.is_none()) || self.air.iter().any(|(_, lasts)| lasts.is_empty());
        for (target, last) in self.parking {
            state.live.changes.note(&target);
            match last {
                Some(last) => state.live.parking.insert(target, last),
                None => state.live.parking.remove(&target),
            };
        }
        for (target, lasts) in self.air {
            state.live.changes.note(&target);
            match lasts.is_empty() {
                false => state.live.air.insert(target, lasts),
                true => state.live.air.remove(&target),
            };
        }
        for (target, told) in self.capacities {
            state.capacities.set(target, told);
        }
        if leaves {
            state.live.changes = state.live.changes.started_over();
        }
        state.held.make_due(state.now, self.registered);
    }
}

/// What was shown and still belongs where it is: of a former binding no sensor keeps it.
fn keep(before: &LiveState, shown: &mut LiveState, target: &ObjectId, registry: &Registry) {
    if let Some(last) = before.parking.get(target) {
        let resolution = registry.resolve(Kind::Parking, &last.sensor, last.observed_at);
        if target_of(&last.sensor, &resolution, Slot::of_parking(last.value)).as_ref() == Some(target) {
            shown.parking.insert(target.clone(), last.clone());
        }
    }
    let stays = |(quantity, last): &&(Quantity, AirLast)| {
        let resolution = registry.resolve(Kind::Air, &last.sensor, last.observed_at);
        target_of(&last.sensor, &resolution, Slot::Air(*quantity)).as_ref() == Some(target)
    };
    let lasts: Vec<_> = before.air.get(target).into_iter().flatten().filter(stays).cloned().collect();
    if !lasts.is_empty() {
        shown.air.insert(target.clone(), lasts);
    }
}
