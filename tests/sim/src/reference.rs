//! What should have become of every record: the contract worked out the slow way, from all records ever durable.
//!
//! It knows each identity ever accepted and looks nothing up anywhere, so there are no marks, caches, checkpoints or commits to be wrong.
//! After each record it notes what ledger and tables must hold there. Decoding is the domain's own.

use std::collections::BTreeMap;

use domain::codec::{self, Options};
use domain::identity::{Fingerprint, Identity, measured_values};
use domain::kind::parking::ParkingValue;
use domain::reading::{Decoded, Element, Measured, Reading};
use domain::record::{Publish, Record};
use domain::topic::Route;
use domain::{Kind, Quantity, Reason, SensorId, Timestamp};
use hashbrown::{HashMap, HashSet};
use lake::contract::Counts;
use lake::table::Table;

use crate::sums::{self, Content, Letter, Name, Sum};

/// In the element number of a dead letter: the rest of an element of which a part was accepted.
const PART: u32 = 1 << 16;

/// What must hold after one record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    pub counts: Counts,
    pub foreign: u64,
    pub parking: Sum,
    pub air: Sum,
    pub letters: Sum,
}

impl Expected {
    /// `None`: not worked out here.
    pub fn of(&self, table: Table) -> Option<Sum> {
        match table {
            Table::ParkingReadings => Some(self.parking),
            Table::AirReadings => Some(self.air),
            Table::DeadLetters => Some(self.letters),
            Table::Registry => None,
        }
    }
}

/// An accepted reading as an API shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub observed_at: Timestamp,
    pub state: Option<&'static str>,
    pub free: Option<i32>,
    pub pm25: Option<f64>,
    pub no2: Option<f64>,
}

pub struct Reference {
    shown: BTreeMap<String, Vec<Shown>>,
    holds_unknown: bool,
    future_us: i64,
    now: Timestamp,
    position: u64,
    known: HashSet<String>,
    values: HashMap<(SensorId, Identity), Fingerprint>,
    letters: HashMap<Name, Letter>,
    resolved: HashSet<Name>,
    /// By position; the first is before any record.
    expected: Vec<Expected>,
    /// The newest accepted reading of each bay and lot, by its instant.
    newest: HashMap<String, Newest>,
}

enum Verdict {
    Accepted,
    InPart,
    Duplicate,
    Rejected(Reason),
}

/// The record that an element came with.
#[derive(Clone, Copy)]
struct At {
    position: u64,
    received_at: Timestamp,
    part: u32,
}

/// The newest readings of both shapes under one id.
#[derive(Clone, Debug, Default)]
struct Newest {
    bay: Option<(Timestamp, ParkingValue)>,
    counted_at: Option<Timestamp>,
}

impl Newest {
    fn take(&mut self, observed_at: Timestamp, value: ParkingValue) {
        match value {
            ParkingValue::Counter { .. } => self.counted_at = self.counted_at.max(Some(observed_at)),
            ParkingValue::Bay(_) if self.bay.is_none_or(|(at, _)| observed_at > at) => self.bay = Some((observed_at, value)),
            ParkingValue::Bay(_) => {}
        }
    }
}

impl Reference {
    pub fn new(holds_unknown: bool, future_s: u32) -> Self {
        Self {
            shown: BTreeMap::new(),
            holds_unknown,
            future_us: i64::from(future_s) * 1_000_000,
            now: Timestamp::default(),
            position: 0,
            known: HashSet::new(),
            values: HashMap::new(),
            letters: HashMap::new(),
            resolved: HashSet::new(),
            expected: vec![Expected::default()],
            newest: HashMap::new(),
        }
    }

    pub fn head(&self) -> u64 {
        self.position
    }

    pub fn at(&self, position: u64) -> Option<&Expected> {
        self.expected.get(usize::try_from(position).ok()?)
    }

    pub fn letters(&self) -> &HashMap<Name, Letter> {
        &self.letters
    }

    /// What live answers must show of the bays at the newest record.
    pub fn bays(&self) -> impl Iterator<Item = (&String, &(Timestamp, ParkingValue))> {
        self.newest.iter().filter_map(|(id, newest)| {
            let bay = newest.bay.as_ref()?;
            let stands = match self.known.contains(id) {
                // A bay's state says nothing of a lot, whose entry is put together from several readings.
                true => !id.starts_with("lot-"),
                // Nobody knows yet what it is.
                false => newest.counted_at.is_none_or(|counted_at| counted_at < bay.0),
            };
            stands.then_some((id, bay))
        })
    }

    pub fn registered_bays(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(String::as_str).filter(|id| id.starts_with("bay-"))
    }

    /// Takes the next record.
    pub fn take(&mut self, received_at: Timestamp, record: Record) {
        self.position += 1;
        self.now = self.now.max(received_at);
        let mut expected = self.expected.last().cloned().unwrap_or_default();
        let at = At { position: self.position, received_at, part: 0 };
        match record {
            Record::Publish(publish) => self.publish(at, &publish, &mut expected),
            Record::Refused(refused) => {
                let verdict = self.refuse(at, 0, refused.reason, &mut expected);
                book(&mut expected.counts, &verdict, u64::from(refused.count.max(1)));
            }
            Record::Reprocess(again) => {
                let name = (again.of.0, again.element);
                if self.resolved.insert(name) {
                    self.settle(name, (again.was, Some(self.position)), &mut expected);
                    let part = again.element & PART;
                    self.again(At { part, ..at }, again.was, &again.publish, &mut expected);
                }
            }
            Record::Registry { features, .. } => self.register(&features),
            Record::RegistryPart(_) | Record::Tick | Record::Session(_) | Record::Erase(_) | Record::Erased => {}
        }
        self.expected.push(expected);
    }

    fn register(&mut self, features: &[u8]) {
        let collection: serde_json::Value = serde_json::from_slice(features).unwrap_or_default();
        let ids =
            collection["features"].as_array().into_iter().flatten().filter_map(|feature| feature["properties"]["id"].as_str());
        self.known.extend(ids.map(str::to_owned));
    }

    fn publish(&mut self, at: At, publish: &Publish, expected: &mut Expected) {
        match Route::of(publish.topic()) {
            Route::Native { kind, sensor } => {
                for element in elements(kind, publish) {
                    let verdict = self.judge(at, &sensor, element, expected);
                    book(&mut expected.counts, &verdict, 1);
                }
            }
            Route::Unknown => {
                let verdict = self.refuse(at, 0, Reason::UnknownTopic, expected);
                book(&mut expected.counts, &verdict, 1);
            }
            Route::State | Route::Foreign => expected.foreign += 1,
        }
    }

    fn again(&mut self, at: At, was: Reason, publish: &Publish, expected: &mut Expected) {
        let Route::Native { kind, sensor } = Route::of(publish.topic()) else {
            let verdict = self.refuse(at, 0, Reason::UnknownTopic, expected);
            expected.counts.rejected[was as usize] -= 1;
            expected.counts.received -= 1;
            return book(&mut expected.counts, &verdict, 1);
        };
        for (number, element) in elements(kind, publish).into_iter().enumerate() {
            let verdict = self.judge(at, &sensor, element, expected);
            if number == 0 && at.part != 0 {
                if matches!(verdict, Verdict::Accepted | Verdict::Duplicate) {
                    expected.counts.partial -= 1;
                }
                continue;
            }
            if number == 0 {
                expected.counts.rejected[was as usize] -= 1;
                expected.counts.received -= 1;
            }
            book(&mut expected.counts, &verdict, 1);
        }
    }

    fn judge(&mut self, at: At, sensor: &SensorId, element: Element, expected: &mut Expected) -> Verdict {
        let index = element.index;
        let decoded = match element.outcome {
            Ok(decoded) => decoded,
            Err(rejection) => return self.refuse(at, index, rejection.reason, expected),
        };
        let observed_at = decoded.reading.observed_at;
        if self.holds_unknown && !self.known.contains(sensor.as_str()) {
            return self.refuse(at, index, Reason::UnknownSensor, expected);
        }
        if observed_at.micros_since(self.now) > self.future_us {
            return self.refuse(at, index, Reason::Future, expected);
        }
        self.accept(at, sensor, index, decoded, expected)
    }

    fn accept(&mut self, at: At, sensor: &SensorId, index: u32, decoded: Decoded, expected: &mut Expected) -> Verdict {
        let Decoded { reading, refused, .. } = decoded;
        let (mut new, mut conflicts) = (Vec::new(), false);
        for (identity, fingerprint) in measured_values(&reading) {
            match self.values.get(&(sensor.clone(), identity)) {
                None => new.push((identity, fingerprint)),
                Some(stands) => conflicts |= *stands != fingerprint,
            }
        }
        let reason = if conflicts { Some(Reason::Conflict) } else { refused.first().map(|refusal| refusal.reason) };
        if new.is_empty() {
            return match reason {
                Some(reason) => self.refuse(at, index, reason, expected),
                None => Verdict::Duplicate,
            };
        }
        self.count(at, sensor, &reading, &new, expected);
        for (identity, fingerprint) in new {
            self.values.insert((sensor.clone(), identity), fingerprint);
        }
        match reason {
            Some(reason) => {
                self.refuse(at, index | PART, reason, expected);
                Verdict::InPart
            }
            None => Verdict::Accepted,
        }
    }

    fn count(&mut self, at: At, sensor: &SensorId, reading: &Reading, new: &[(Identity, Fingerprint)], expected: &mut Expected) {
        let (id, observed_at) = (sensor.as_str(), reading.observed_at);
        let mut shown = Shown { observed_at, state: None, free: None, pm25: None, no2: None };
        match &reading.measured {
            Measured::Parking(parking) => {
                expected.parking.add(sums::parking(id, observed_at, at.received_at, parking.value));
                match parking.value {
                    ParkingValue::Bay(state) => shown.state = Some(state.name()),
                    ParkingValue::Counter { free, .. } => shown.free = Some(free),
                }
                self.newest.entry(id.to_owned()).or_default().take(observed_at, parking.value);
            }
            Measured::Air(air) => {
                let is_new = |wanted: Quantity| {
                    new.iter().any(|(identity, _)| matches!(identity, Identity::Air { quantity, .. } if *quantity == wanted))
                };
                let values = air.values.iter().filter(|(quantity, _)| is_new(*quantity));
                let of = |wanted| values.clone().find(|(quantity, _)| *quantity == wanted).map(|(_, value)| value);
                (shown.pm25, shown.no2) = (of(Quantity::Pm25), of(Quantity::No2));
                expected.air.add(sums::air(id, observed_at, at.received_at, air.avg_s, values));
            }
        }
        self.shown.entry(id.to_owned()).or_default().push(shown);
    }

    /// Every accepted reading, by sensor and instant.
    pub fn shown(&self) -> BTreeMap<String, Vec<Shown>> {
        let mut shown = self.shown.clone();
        shown.values_mut().for_each(|readings| readings.sort_by_key(|reading| reading.observed_at));
        shown
    }

    fn refuse(&mut self, at: At, element: u32, reason: Reason, expected: &mut Expected) -> Verdict {
        self.settle((at.position, element | at.part), (reason, None), expected);
        Verdict::Rejected(reason)
    }

    fn settle(&mut self, name: Name, letter: Letter, expected: &mut Expected) {
        if let Some(before) = self.letters.insert(name, letter) {
            expected.letters.rows -= 1;
            expected.letters.hash = expected.letters.hash.wrapping_sub(sums::letter_hash(name, before));
        }
        expected.letters.add(sums::letter_hash(name, letter));
    }

    /// For a report: which letters differ from those found.
    pub fn differing_letters(&self, upto: u64, found: &Content) -> Vec<String> {
        let expected = self.letters.iter().filter(|((of, _), _)| *of <= upto);
        let missing = expected.filter(|(name, letter)| found.letters.get(*name) != Some(*letter));
        let mut told: Vec<_> =
            missing.map(|(name, letter)| format!("{name:?}: {letter:?}, found {:?}", found.letters.get(name))).collect();
        told.extend(
            found.letters.iter().filter(|(name, _)| !self.letters.contains_key(*name)).map(|found| format!("unknown {found:?}")),
        );
        told.sort();
        told.truncate(5);
        told
    }
}

fn elements(kind: Kind, publish: &Publish) -> Vec<Element> {
    let mut elements = Vec::new();
    codec::decode_native(kind, publish.content, &publish.payload, &Options::default(), &mut |element| elements.push(element));
    if elements.is_empty() {
        let rejection = domain::Rejection::new(Reason::Malformed, "the payload holds no reading", publish.payload.clone());
        elements.push(Element { index: 0, outcome: Err(rejection) });
    }
    elements
}

fn book(counts: &mut Counts, verdict: &Verdict, times: u64) {
    counts.received += times;
    match verdict {
        Verdict::Accepted => counts.accepted += times,
        Verdict::InPart => {
            counts.accepted += times;
            counts.partial += times;
        }
        Verdict::Duplicate => counts.duplicate += times,
        Verdict::Rejected(reason) => counts.rejected[*reason as usize] += times,
    }
}
