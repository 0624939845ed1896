//! Periods of sensors that were erased on request: what the state forgets, and what is never taken again.
//!
//! A device that sends once more, or an import, would bring back what somebody asked to have erased, and nothing but this list could tell:
//! the identities are gone with their rows. So a reading of such a period is refused, and of its bytes nothing is kept but their number.

use std::collections::BTreeMap;

use domain::erasure::Erasure;
use domain::record::Erase;
use domain::{ObjectId, Position, SensorId, Timestamp};
use lake::contract::LiveState;
use serde::{Deserialize, Serialize};

use super::Pipeline;
use super::held::LetterId;
use super::rebuilt::Rebuilt;
use super::sensor::Sensor;
use super::touched::Touched;

/// By the pipeline's number of the sensor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Erasures {
    by_sensor: BTreeMap<u32, OfSensor>,
    /// Rows of the reading tables that went, of all sensors.
    pub readings: u64,
    /// Standing dead letters that went.
    pub letters: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OfSensor {
    pub periods: Vec<Period>,
    /// Rows that went.
    pub readings: u64,
}

/// An erased period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// Of the record that erased it: what came before is gone, what comes after is refused.
    pub position: Position,
}

impl Period {
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    pub fn of(&self, sensor: &SensorId) -> Erasure {
        Erasure { sensor: sensor.clone(), from: self.from, to: self.to }
    }

    fn holds(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }
}

impl Erasures {
    /// Whether an instant of a sensor was erased. Costs nothing where nothing ever was.
    pub fn cover(&self, sensor: u32, at: Timestamp) -> bool {
        !self.by_sensor.is_empty() && self.of(sensor).iter().any(|period| period.covers(at))
    }

    pub fn of(&self, sensor: u32) -> &[Period] {
        self.by_sensor.get(&sensor).map_or(&[], |of| &of.periods)
    }

    pub fn readings_of(&self, sensor: u32) -> u64 {
        self.by_sensor.get(&sensor).map_or(0, |of| of.readings)
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &OfSensor)> {
        self.by_sensor.iter().map(|(sensor, of)| (*sensor, of))
    }

    /// A period that holds others takes their place.
    fn add(&mut self, sensor: u32, period: Period, readings: u64) {
        let of = self.by_sensor.entry(sensor).or_default();
        of.periods.retain(|known| !period.holds(known));
        of.periods.push(period);
        of.readings += readings;
    }
}

impl Pipeline {
    /// Whether a reading speaks of an erased period.
    pub(super) fn is_erased(&self, sensor: Option<u32>, at: Timestamp) -> bool {
        sensor.is_some_and(|sensor| self.state.erasures.cover(sensor, at))
    }

    pub(super) fn erase(&mut self, position: Position, erase: Erase) {
        let Erase { of, readings, letters, held } = erase;
        self.state.ledger.letters = self.state.ledger.letters.saturating_sub(letters);
        self.state.erasures.letters += letters;
        for (of, element) in held {
            self.state.held.release(LetterId { of, element });
        }
        // At the limit of sensors nothing of an unknown one was ever accepted, or will be.
        let Some(number) = self.state.sensors.intern(&of.sensor) else {
            return;
        };
        self.state.erasures.readings += readings;
        self.state.erasures.add(number, Period { from: of.from, to: of.to, position }, readings);
        let sensor = self.state.sensors.get_mut(number);
        sensor.rows = sensor.rows.saturating_sub(readings);
        forget(sensor, &of);
        self.state.heard.note(&number);
        self.unshow(&of, position);
    }

    /// What stands somewhere by a reading that is gone gives way to what the others say.
    fn unshow(&mut self, of: &Erasure, position: Position) {
        let mut touched = Touched::default();
        touched.targets.extend(take_shown(&mut self.state.live, of));
        touched.targets.extend(self.state.capacities.forget(of));
        if touched.targets.is_empty() {
            return;
        }
        let rebuilt = Rebuilt::of(&self.state, &self.registry, &touched, self.state.now, position.0);
        rebuilt.put(&mut self.state);
        self.state.live.changes = self.state.live.changes.started_over();
        self.state.live.find_newest();
    }
}

/// Whose last reading is gone was not heard, as far as anybody may know. The mark stays an upper bound of what was accepted. A
/// transport field is the last known one, and nobody knows of which reading: the next one brings it again.
fn forget(sensor: &mut Sensor, of: &Erasure) {
    sensor.heard = sensor.heard.take().filter(|heard| !of.covers(heard.observed_at));
    if let Some(heard) = &mut sensor.heard {
        heard.forget_transport();
    }
    for track in sensor.tracks.iter_mut().flatten() {
        if of.covers(track.mark) {
            track.mark = of.last();
            track.at_mark.clear();
        }
        track.live.retain(|point| !of.covers(point.observed_at));
    }
}

fn take_shown(live: &mut LiveState, of: &Erasure) -> Vec<ObjectId> {
    let mut targets = Vec::new();
    live.parking.retain(|target, last| {
        let goes = last.sensor == of.sensor && of.covers(last.observed_at);
        if goes {
            targets.push(target.clone());
        }
        !goes
    });
    live.air.retain(|target, lasts| {
        let before = lasts.len();
        lasts.retain(|(_, last)| last.sensor != of.sensor || !of.covers(last.observed_at));
        if lasts.len() < before {
            targets.push(target.clone());
        }
        !lasts.is_empty()
    });
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_that_holds_another_takes_its_place() {
        let period = |from, to, position| Period {
            from: Timestamp::from_micros(from),
            to: Timestamp::from_micros(to),
            position: Position(position),
        };
        let mut erasures = Erasures::default();
        erasures.add(7, period(10, 20, 1), 3);
        erasures.add(7, period(15, 25, 2), 1);
        assert_eq!(erasures.of(7).len(), 2);
        erasures.add(7, period(0, 30, 3), 2);
        assert_eq!((erasures.of(7), erasures.readings_of(7)), (&[period(0, 30, 3)][..], 6));
        assert!(erasures.cover(7, Timestamp::from_micros(29)) && !erasures.cover(7, Timestamp::from_micros(30)));
        assert!(!erasures.cover(8, Timestamp::from_micros(5)));
    }
}
