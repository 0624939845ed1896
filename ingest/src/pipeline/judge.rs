//! One element: accepted, a duplicate, or rejected with a reason.
//!
//! The order of the questions is part of the contract: what decoding refused, whether the sensor is known, whether its time is
//! one, and only then whether it was there before.

use std::fmt::Write as _;

use domain::identity::{Fingerprint, Identity, measured_values};
use domain::kind::parking::ParkingValue;
use domain::reading::{Decoded, Element, Measured, Reading};
use domain::registry::Resolution;
use domain::{Flag, Kind, Position, Promise, Quantity, Reason, Timestamp, check};
use lake::table::Table;

use super::held::{Awaits, LetterId};
use super::ledger::Verdict;
use super::live;
use super::sensor::{LivePoint, LiveValue, Resolved, Sensor, Slot};
use super::{Committed, Effects, Kept, Pipeline, SetId, first_kept};
use crate::batch::Message;
use crate::options::{UnknownSensors, Weakness};

/// The record that an element came with.
pub(super) struct At<'a> {
    pub position: Position,
    pub received_at: Timestamp,
    pub message: &'a Message,
    /// [`PART`](super::PART) or nothing: set in the number of every dead letter.
    pub part: u32,
    pub committed: &'a Committed,
}

const ERASED: &str = "this period of the sensor was erased on request; its readings are not taken again";

/// What a measured value is to those accepted before.
enum Standing {
    New,
    Duplicate,
    Conflict(Fingerprint),
}

/// An element's values sorted by their standing.
#[derive(Default)]
struct Sorted {
    new: Vec<(Identity, Fingerprint)>,
    conflict: Option<String>,
}

impl Pipeline {
    /// The verdict, and the complaint where one is kept.
    pub(super) fn judge(
        &mut self,
        at: &At<'_>,
        sensor: Option<u32>,
        element: Element,
        effects: &mut Effects,
    ) -> (Verdict, Option<String>) {
        let index = element.index;
        match element.outcome {
            Err(rejection) => {
                let (reason, payload) = (rejection.reason, rejection.payload);
                let verdict = self.refuse(at, sensor, index, (reason, &rejection.detail), Kept::Element(&payload), effects);
                (verdict, Some(rejection.detail))
            }
            Ok(decoded) if self.is_erased(sensor, decoded.reading.observed_at) => {
                let kept = Kept::LengthOf(&decoded.payload);
                let verdict = self.refuse(at, sensor, index, (Reason::Expired, ERASED), kept, effects);
                (verdict, Some(ERASED.to_owned()))
            }
            Ok(decoded) => {
                let refused = match sensor {
                    Some(sensor) => match self.obstacle(at, sensor, index, &decoded.reading) {
                        Some(refused) => refused,
                        None => return self.take(at, sensor, index, decoded, effects),
                    },
                    None => (Reason::UnknownSensor, "the limit of known sensors is reached".to_owned()),
                };
                let kept = Kept::Element(&decoded.payload);
                let verdict = self.refuse(at, sensor, index, (refused.0, &refused.1), kept, effects);
                (verdict, Some(refused.1))
            }
        }
    }

    /// Why a reading cannot be taken now, before its values are looked at.
    fn obstacle(&mut self, at: &At<'_>, sensor: u32, index: u32, reading: &Reading) -> Option<(Reason, String)> {
        let (kind, observed_at, now) = (reading.kind(), reading.observed_at, self.state.now);
        let id = LetterId { of: at.position, element: index | at.part };
        if self.rules.unknown_sensors == UnknownSensors::Hold && !self.resolve(sensor, kind, observed_at).resolution.known {
            let held = self.state.held.hold(id, Awaits::Registration(sensor), at.received_at);
            return Some((Reason::UnknownSensor, detail("the registry does not know the sensor", held)));
        }
        if observed_at > now.plus(self.rules.future) {
            let held = self.state.held.hold(id, Awaits::Until(observed_at.minus(self.rules.future)), at.received_at);
            let seconds = observed_at.micros_since(now) / 1_000_000;
            return Some((Reason::Future, detail(&format!("ts is {seconds} s ahead"), held)));
        }
        let days = self.rules.retention_days[kind as usize]?;
        (observed_at.utc_day() < first_kept(now, days))
            .then(|| (Reason::Expired, format!("older than the {days} days that are kept")))
    }

    fn take(
        &mut self,
        at: &At<'_>,
        sensor: u32,
        index: u32,
        decoded: Decoded,
        effects: &mut Effects,
    ) -> (Verdict, Option<String>) {
        let Decoded { mut reading, refused, payload } = decoded;
        let sorted = self.sort(sensor, &mut reading);
        let mut complaint = sorted.conflict;
        let reason = match (&complaint, refused.first()) {
            (Some(_), _) => Some(Reason::Conflict),
            (None, Some(refusal)) => Some(refusal.reason),
            (None, None) => None,
        };
        for refusal in &refused {
            let text = complaint.get_or_insert_default();
            let gap = if text.is_empty() { "" } else { "; " };
            write!(text, "{gap}{}", refusal.detail).expect("writing to a string does not fail");
        }
        match (sorted.new.is_empty(), reason) {
            (false, None) => {
                self.accept(at, sensor, reading, &sorted.new, effects);
                (Verdict::Accepted, None)
            }
            (false, Some(reason)) => {
                reading.flags.insert(Flag::Partial);
                self.accept(at, sensor, reading, &sorted.new, effects);
                let text = complaint.unwrap_or_default();
                self.refuse(at, Some(sensor), index | super::PART, (reason, &text), Kept::Element(&payload), effects);
                (Verdict::AcceptedInPart, Some(text))
            }
            (true, Some(reason)) => {
                let text = complaint.unwrap_or_default();
                (self.refuse(at, Some(sensor), index, (reason, &text), Kept::Element(&payload), effects), Some(text))
            }
            (true, None) => (Verdict::Duplicate, None),
        }
    }

    /// Leaves only new values in an air reading.
    fn sort(&self, sensor: u32, reading: &mut Reading) -> Sorted {
        let id = SetId { kind: reading.kind(), sensor, day: reading.observed_at.utc_day() };
        let observed_at = reading.observed_at;
        let mut sorted = Sorted::default();
        for (identity, fingerprint) in measured_values(reading) {
            match self.standing(id, observed_at, identity, fingerprint) {
                Standing::New => sorted.new.push((identity, fingerprint)),
                Standing::Duplicate => {}
                Standing::Conflict(stands) => {
                    let text = sorted.conflict.get_or_insert_default();
                    describe_conflict(text, reading, identity, stands);
                }
            }
        }
        if let Measured::Air(air) = &mut reading.measured
            && sorted.new.len() < air.values.len()
        {
            let is_new = |quantity| sorted.new.iter().any(|(identity, _)| quantity_of(*identity) == Some(quantity));
            for quantity in Quantity::all().filter(|quantity| !is_new(*quantity)) {
                air.values.clear(quantity);
                air.as_sent.clear(quantity);
                air.qc.clear(quantity);
            }
        }
        sorted
    }

    fn standing(&self, id: SetId, observed_at: Timestamp, identity: Identity, fingerprint: Fingerprint) -> Standing {
        let Some(track) = &self.state.sensors.get(id.sensor).tracks[id.kind as usize] else {
            return Standing::New;
        };
        if observed_at > track.mark {
            return Standing::New;
        }
        match self.rules.weakness {
            Weakness::Nothing => {}
            Weakness::KnowsNoDuplicates => return Standing::New,
            Weakness::DropsLateReadings => return Standing::Duplicate,
        }
        let at_mark = (observed_at == track.mark).then(|| track.standing_at_mark(identity));
        let stands = match at_mark {
            Some(Some(stands)) => Some(stands),
            Some(None) if !track.is_full() => None,
            _ => {
                let set = self.keys.get(id);
                check!(Promise::One1, set.is_some(), "the plan loads every set that a step looks into");
                set.and_then(|set| set.get(identity))
            }
        };
        match stands {
            None => Standing::New,
            Some(stands) if stands == fingerprint => Standing::Duplicate,
            Some(stands) => Standing::Conflict(stands),
        }
    }

    fn accept(&mut self, at: &At<'_>, sensor: u32, mut reading: Reading, new: &[(Identity, Fingerprint)], effects: &mut Effects) {
        let kind = reading.kind();
        let answer = &self.resolve(sensor, kind, reading.observed_at).resolution;
        if !answer.known {
            reading.flags.insert(Flag::Provisional);
        }
        if answer.commissioning {
            reading.flags.insert(Flag::Commissioning);
        }
        if is_clamped(&reading, answer.capacity) {
            reading.flags.insert(Flag::Clamped);
        }
        if is_misfit(&reading, answer) {
            reading.flags.insert(Flag::Misfit);
        }
        self.write(at, sensor, &reading, effects);
        let id = SetId { kind, sensor, day: reading.observed_at.utc_day() };
        for (identity, fingerprint) in new {
            self.keys.insert(id, *identity, *fingerprint);
        }
        let entry = self.state.sensors.get_mut(sensor);
        entry.rows += 1;
        entry.hear(&reading, at.received_at);
        self.state.heard.note(&sensor);
        let track = entry.tracks[kind as usize].get_or_insert_default();
        for (identity, fingerprint) in new {
            track.accept(reading.observed_at, *identity, *fingerprint);
        }
        self.show(at, sensor, &reading);
    }

    fn write(&self, at: &At<'_>, sensor: u32, reading: &Reading, effects: &mut Effects) {
        let id = &self.state.sensors.get(sensor).id;
        let Reading { observed_at, measured, transport, flags } = reading;
        let (observed_at, received_at, position) = (*observed_at, at.received_at, at.position);
        match measured {
            Measured::Parking(parking) => {
                if !at.committed.holds(Table::ParkingReadings, position) {
                    effects.parking.push(id, observed_at, received_at, parking, transport, *flags, position);
                }
            }
            Measured::Air(air) => {
                if !at.committed.holds(Table::AirReadings, position) {
                    effects.air.push(id, observed_at, received_at, air, transport, *flags, position);
                }
            }
        }
    }

    fn show(&mut self, at: &At<'_>, sensor: u32, reading: &Reading) {
        if reading.flags.is_off_the_record() {
            return;
        }
        let point = |value| LivePoint {
            observed_at: reading.observed_at,
            received_at: at.received_at,
            value,
            flags: reading.flags,
            version: at.position.0,
        };
        match &reading.measured {
            Measured::Parking(parking) => self.show_point(sensor, Kind::Parking, point(LiveValue::Parking(parking.value))),
            Measured::Air(air) => {
                for (quantity, value) in air.values.iter() {
                    let value = LiveValue::Air { quantity, avg_s: air.avg_s, value, qc: air.qc.get(quantity) };
                    self.show_point(sensor, Kind::Air, point(value));
                }
            }
        }
    }

    fn show_point(&mut self, sensor: u32, kind: Kind, point: LivePoint) {
        let entry = self.state.sensors.get_mut(sensor);
        let target = entry.resolved[kind as usize]
            .as_ref()
            .and_then(|answer| live::target_of(&entry.id, &answer.resolution, point.value.slot()));
        if let Some(target) = target {
            live::offer(&mut self.state.live, &mut self.state.capacities, target, &entry.id, &point);
        }
        if let Some(track) = &mut entry.tracks[kind as usize] {
            track.show(point);
        }
    }

    /// The registry's answer for a sensor at an instant, asked again only when the last one does not hold.
    fn resolve(&mut self, sensor: u32, kind: Kind, at: Timestamp) -> &Resolved {
        let generation = self.generation;
        let Sensor { id, resolved, .. } = self.state.sensors.get_mut(sensor);
        let slot = &mut resolved[kind as usize];
        if slot.as_ref().is_none_or(|answer| answer.generation != generation || !answer.resolution.holds(at)) {
            *slot = Some(Resolved { generation, resolution: self.registry.resolve(kind, id, at) });
        }
        slot.as_ref().expect("filled above where it was empty")
    }
}

/// Free places of a bay, or a bay's state of a counter.
fn is_misfit(reading: &Reading, answer: &Resolution) -> bool {
    match (&reading.measured, &answer.target) {
        (Measured::Parking(parking), Some(target)) => !live::fits(Slot::of_parking(parking.value), target.kind),
        _ => false,
    }
}

fn is_clamped(reading: &Reading, registered: Option<u32>) -> bool {
    let Measured::Parking(parking) = &reading.measured else {
        return false;
    };
    let ParkingValue::Counter { free, capacity } = parking.value else {
        return false;
    };
    let capacity = capacity.map(i64::from).or(registered.map(i64::from));
    free < 0 || capacity.is_some_and(|capacity| i64::from(free) > capacity)
}

fn quantity_of(identity: Identity) -> Option<Quantity> {
    match identity {
        Identity::Parking { .. } => None,
        Identity::Air { quantity, .. } => Some(quantity),
    }
}

fn describe_conflict(text: &mut String, reading: &Reading, identity: Identity, stands: Fingerprint) {
    let gap = if text.is_empty() { "" } else { "; " };
    let written = match (&reading.measured, identity) {
        (Measured::Air(air), Identity::Air { quantity, .. }) => {
            let sent = air.values.get(quantity).unwrap_or(f64::NAN);
            let stands = f64::from_bits(stands.0);
            write!(text, "{gap}{}: {sent} was sent, {stands} stands", quantity.name())
        }
        _ => write!(text, "{gap}another value stands under this ts"),
    };
    written.expect("writing to a string does not fail");
}

fn detail(text: &str, held: bool) -> String {
    if held { text.to_owned() } else { format!("{text}; too many are held, so it is not taken by itself") }
}
