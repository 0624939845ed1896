//! What the pipeline knows of each sensor.
//!
//! Sensors are numbered as they are first heard; the number stands for the id inside the pipeline. A track keeps the newest
//! accepted reading of a kind: what is newer is new without a look-up, and a repetition of the newest is known at once.

use compact_str::CompactString;
use domain::identity::{Fingerprint, Identity};
use domain::kind::air::Qc;
use domain::kind::parking::ParkingValue;
use domain::limits::{AT_MARK_MAX, SENSORS_MAX};
use domain::reading::{Reading, Transport};
use domain::registry::Resolution;
use domain::{Flags, Kind, Quantity, SensorId, Timestamp};
use hashbrown::HashMap;
use lake::contract::{Counts, LastHeard, SensorHeard};
use serde::{Deserialize, Serialize, Serializer};

/// One sensor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sensor {
    pub id: SensorId,
    pub counts: Counts,
    /// Written into the reading tables.
    pub rows: u64,
    /// By `Kind as usize`.
    pub tracks: [Option<Box<Track>>; Kind::ALL.len()],
    /// Of the newest accepted reading of any kind.
    pub heard: Option<Heard>,
    /// By `Kind as usize`: the answer of the registry, while it holds.
    #[serde(skip)]
    pub resolved: [Option<Resolved>; Kind::ALL.len()],
    /// By `Kind as usize`: the newest readings that a step is about to judge, for its plan.
    #[serde(skip)]
    pub planned: [Option<Planned>; Kind::ALL.len()],
}

/// A mark as it may come to stand within a step.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    pub mark: Timestamp,
    /// Values that may stand at it, at most.
    pub values: usize,
}

/// Newest accepted readings of one kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Track {
    /// The newest `observed_at` of all accepted readings.
    pub mark: Timestamp,
    /// What stands at the mark: everything, or the first [`AT_MARK_MAX`] values.
    pub at_mark: Vec<(u32, Option<Quantity>, Fingerprint)>,
    /// The newest readings that may be shown live: one of each slot.
    pub live: Vec<LivePoint>,
}

/// A reading as the live state needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LivePoint {
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    pub value: LiveValue,
    pub flags: Flags,
    /// The journal position that brought it.
    pub version: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum LiveValue {
    Parking(ParkingValue),
    Air { quantity: Quantity, avg_s: u32, value: f64, qc: Option<Qc> },
}

/// Points of one slot replace each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Bay,
    Counter,
    Air(Quantity),
}

impl Slot {
    pub fn of_parking(value: ParkingValue) -> Self {
        match value {
            ParkingValue::Bay(_) => Self::Bay,
            ParkingValue::Counter { .. } => Self::Counter,
        }
    }
}

impl LiveValue {
    pub fn slot(&self) -> Slot {
        match self {
            Self::Parking(value) => Slot::of_parking(*value),
            Self::Air { quantity, .. } => Slot::Air(*quantity),
        }
    }

    /// Of several spans that end at one instant the shortest is shown.
    pub fn avg_s(&self) -> u32 {
        match self {
            Self::Parking(_) => 0,
            Self::Air { avg_s, .. } => *avg_s,
        }
    }
}

/// How a sensor was last heard. Transport fields keep their last known value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    pub kind: Kind,
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    pub battery_mv: Option<i32>,
    pub battery_pct: Option<f64>,
    pub rssi_dbm: Option<f64>,
    pub gateway: Option<CompactString>,
}

/// A cached answer of the registry.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub generation: u64,
    pub resolution: Resolution,
}

impl Sensor {
    fn new(id: SensorId) -> Self {
        Self {
            id,
            counts: Counts::default(),
            rows: 0,
            tracks: [None, None],
            heard: None,
            resolved: [None, None],
            planned: [None, None],
        }
    }

    pub fn heard(&self) -> SensorHeard {
        let heard = self.heard.as_ref();
        SensorHeard {
            sensor: self.id.clone(),
            last: heard.map(|heard| LastHeard {
                kind: heard.kind,
                observed_at: heard.observed_at,
                received_at: heard.received_at,
            }),
            battery_mv: heard.and_then(|heard| heard.battery_mv),
            battery_pct: heard.and_then(|heard| heard.battery_pct),
            rssi_dbm: heard.and_then(|heard| heard.rssi_dbm),
            gateway: heard.and_then(|heard| heard.gateway.as_ref().map(ToString::to_string)),
        }
    }

    pub fn mark(&self, kind: Kind) -> Option<Planned> {
        let track = self.tracks[kind as usize].as_ref()?;
        Some(Planned { mark: track.mark, values: track.at_mark.len() })
    }

    pub fn hear(&mut self, reading: &Reading, received_at: Timestamp) {
        let (kind, observed_at) = (reading.kind(), reading.observed_at);
        let Some(heard) = &mut self.heard else {
            let heard = self.heard.insert(Heard {
                kind,
                observed_at,
                received_at,
                battery_mv: None,
                battery_pct: None,
                rssi_dbm: None,
                gateway: None,
            });
            heard.take(&reading.transport);
            return;
        };
        if observed_at >= heard.observed_at {
            (heard.kind, heard.observed_at, heard.received_at) = (kind, observed_at, received_at);
            heard.take(&reading.transport);
        }
    }
}

impl Heard {
    pub fn forget_transport(&mut self) {
        (self.battery_mv, self.battery_pct, self.rssi_dbm, self.gateway) = (None, None, None, None);
    }

    fn take(&mut self, transport: &Transport) {
        self.battery_mv = transport.battery_mv.or(self.battery_mv);
        self.battery_pct = transport.battery_pct.or(self.battery_pct);
        self.rssi_dbm = transport.rssi_dbm.or(self.rssi_dbm);
        if let Some(gateway) = &transport.gateway
            && self.gateway.as_ref() != Some(gateway)
        {
            self.gateway = Some(gateway.clone());
        }
    }
}

impl Track {
    /// What stands under an identity at the mark; the caller knows that the identity is of the mark's instant.
    pub fn standing_at_mark(&self, identity: Identity) -> Option<Fingerprint> {
        let (avg_s, quantity) = parts(identity);
        self.at_mark.iter().find(|(a, q, _)| (*a, *q) == (avg_s, quantity)).map(|(_, _, fingerprint)| *fingerprint)
    }

    /// More may stand at the mark than is kept at hand.
    pub fn is_full(&self) -> bool {
        self.at_mark.len() >= AT_MARK_MAX
    }

    /// Takes an accepted value into the mark.
    pub fn accept(&mut self, observed_at: Timestamp, identity: Identity, fingerprint: Fingerprint) {
        // An erasure leaves a mark without values. It bounds what was accepted all the same: no older reading lowers it.
        if observed_at > self.mark {
            self.mark = observed_at;
            self.at_mark.clear();
        }
        if observed_at == self.mark && !self.is_full() {
            let (avg_s, quantity) = parts(identity);
            self.at_mark.push((avg_s, quantity, fingerprint));
        }
    }

    /// Whether the point became the newest of its slot.
    pub fn show(&mut self, point: LivePoint) -> bool {
        match self.live.iter_mut().find(|shown| shown.value.slot() == point.value.slot()) {
            Some(shown) => {
                let rank = |point: &LivePoint| (point.observed_at, std::cmp::Reverse(point.value.avg_s()));
                let newer = rank(&point) > rank(shown);
                if newer {
                    *shown = point;
                }
                newer
            }
            None => {
                self.live.push(point);
                true
            }
        }
    }
}

fn parts(identity: Identity) -> (u32, Option<Quantity>) {
    match identity {
        Identity::Parking { .. } => (0, None),
        Identity::Air { avg_s, quantity, .. } => (avg_s, Some(quantity)),
    }
}

/// All sensors by number and by id. Only the list is written: its order is the numbers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<Sensor>")]
pub struct Sensors {
    list: Vec<Sensor>,
    by_id: HashMap<SensorId, u32>,
}

impl Sensors {
    /// The sensor's number, given to it now if it is new; `None` at the limit.
    pub fn intern(&mut self, id: &SensorId) -> Option<u32> {
        if let Some(number) = self.by_id.get(id) {
            return Some(*number);
        }
        if self.list.len() >= SENSORS_MAX {
            return None;
        }
        let number = self.list.len() as u32;
        self.list.push(Sensor::new(id.clone()));
        self.by_id.insert(id.clone(), number);
        Some(number)
    }

    pub fn number(&self, id: &SensorId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    pub fn find(&self, id: &SensorId) -> Option<&Sensor> {
        self.number(id).map(|number| self.get(number))
    }

    /// Of a number that [`Sensors::intern`] gave.
    pub fn get(&self, number: u32) -> &Sensor {
        &self.list[number as usize]
    }

    pub fn get_mut(&mut self, number: u32) -> &mut Sensor {
        &mut self.list[number as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Sensor> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }
}

impl From<Vec<Sensor>> for Sensors {
    fn from(list: Vec<Sensor>) -> Self {
        let by_id = list.iter().zip(0..).map(|(sensor, number)| (sensor.id.clone(), number)).collect();
        Self { list, by_id }
    }
}

impl Serialize for Sensors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(serializer)
    }
}
