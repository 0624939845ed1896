//! The capacity that holds at a counter lot: what the newest payload told that told one, whichever order they came in.
//!
//! A payload's `capacity` holds from its instant until the next one; most payloads of such a lot have none. The live state shows
//! each lot's last reading with the capacity that holds there.

use domain::erasure::Erasure;
use domain::kind::parking::ParkingValue;
use domain::registry::Registry;
use domain::{Kind, ObjectId, SensorId, Timestamp};
use hashbrown::HashMap;
use lake::contract::LiveState;
use serde::{Deserialize, Serialize};

use super::live::target_of;
use super::sensor::Slot;

/// By the counter's target id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Capacities(HashMap<ObjectId, Told>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    at: Timestamp,
    /// Of two at one instant the lower id counts.
    sensor: SensorId,
    places: i32,
}

impl Capacities {
    /// Of a state from before this was remembered: what its last readings told themselves.
    pub fn of(live: &LiveState) -> Self {
        let told = live.parking.iter().filter_map(|(target, last)| match last.value {
            ParkingValue::Counter { capacity: Some(places), .. } => {
                Some((target.clone(), Told { at: last.observed_at, sensor: last.sensor.clone(), places }))
            }
            _ => None,
        });
        Self(told.collect())
    }

    /// Takes what a payload told; `true` when that holds now.
    pub fn hear(&mut self, target: &ObjectId, sensor: &SensorId, at: Timestamp, places: i32) -> bool {
        let told = Told { at, sensor: sensor.clone(), places };
        match self.0.get_mut(target) {
            Some(known) if known.at > at || known.at == at && known.sensor <= *sensor => false,
            Some(known) => {
                *known = told;
                true
            }
            None => {
                self.0.insert(target.clone(), told);
                true
            }
        }
    }

    pub fn at(&self, target: &ObjectId) -> Option<i32> {
        self.0.get(target).map(|told| told.places)
    }

    pub fn told(&self, target: &ObjectId) -> Option<&Told> {
        self.0.get(target)
    }

    pub fn set(&mut self, target: ObjectId, told: Option<Told>) {
        match told {
            Some(told) => self.0.insert(target, told),
            None => self.0.remove(&target),
        };
    }

    /// Forgets what an erasure reaches; the targets that it was told of.
    pub fn forget(&mut self, erasure: &Erasure) -> Vec<ObjectId> {
        let gone = self.0.extract_if(|_, told| told.sensor == erasure.sensor && erasure.covers(told.at));
        gone.map(|(target, _)| target).collect()
    }

    /// Takes over what was told of a target, if it was told of where it is now.
    pub fn keep(&mut self, before: &Self, target: &ObjectId, registry: &Registry) {
        if let Some(told) = before.0.get(target) {
            let resolution = registry.resolve(Kind::Parking, &told.sensor, told.at);
            if target_of(&told.sensor, &resolution, Slot::Counter).as_ref() == Some(target) {
                self.0.insert(target.clone(), told.clone());
            }
        }
    }
}
