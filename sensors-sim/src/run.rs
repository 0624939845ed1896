//! A city in motion: what its devices send, in the order of time. Pure: a function of the city and the instant at which it starts.
//!
//! Each device is due at one instant; the earliest speaks, changes and is due again. At the start every bay and counter tells its state
//! at once (spread over some seconds) and every station its last day, so that a server that knows nothing answers within a minute.
//! The iterator never ends. Faults are absent: they will be adaptors over this iterator.

mod air;
mod arrival;
mod bay;
mod counter;
mod weather;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{Kind, SensorId, Timestamp};

use crate::city::{City, bay_id, counter_id, station_id};
use air::AirProcess;
use bay::BayProcess;
use counter::CounterProcess;

/// First reports are spread over at least this long, and so long that no more than so many come in a second.
const START_SPREAD_MIN: Duration = Duration::from_secs(5);
const START_REPORTS_PER_SECOND: u64 = 20_000;
/// Devices that share a gateway, and with it a connection.
const DEVICES_PER_GATEWAY: usize = 250;
const GATEWAYS_MAX: usize = 64;

/// One publish of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When the device sends it; the payload's own times are at or before this.
    pub due: Timestamp,
    pub kind: Kind,
    pub sensor: SensorId,
    /// From 0, below [`CityRun::gateways`].
    pub gateway: usize,
    pub topic: String,
    pub payload: Bytes,
}

pub struct CityRun {
    city: Arc<City>,
    bays: Vec<BayProcess>,
    counters: Vec<CounterProcess>,
    stations: Vec<AirProcess>,
    /// Instant in microseconds and number of the device: bays, then counters, then stations.
    due: BinaryHeap<Reverse<(i64, u32)>>,
    gateways: usize,
}

impl CityRun {
    pub fn new(city: Arc<City>, from: Timestamp) -> Self {
        let devices = city.device_count();
        let per_second = Duration::from_millis(devices as u64 * 1_000 / START_REPORTS_PER_SECOND);
        let spread = START_SPREAD_MIN.max(per_second);
        let seed = city.options().seed;
        let bays: Vec<_> = (0..city.bays.len()).map(|n| BayProcess::start(seed, n as u64, from, spread)).collect();
        let first_counter = bays.len() as u64;
        let counters: Vec<_> = (0..city.counters.len())
            .map(|n| CounterProcess::start(seed, first_counter + n as u64, &city, n, from, spread))
            .collect();
        let first_station = first_counter + counters.len() as u64;
        let stations: Vec<_> =
            (0..city.stations.len()).map(|n| AirProcess::start(seed, first_station + n as u64, from, spread)).collect();
        let instants = bays.iter().map(BayProcess::due).chain(counters.iter().map(CounterProcess::due));
        let instants = instants.chain(stations.iter().map(AirProcess::due));
        let due = instants.zip(0..).map(|(due, device)| Reverse((due.as_micros(), device))).collect();
        let gateways = devices.div_ceil(DEVICES_PER_GATEWAY).clamp(1, GATEWAYS_MAX);
        Self { city, bays, counters, stations, due, gateways }
    }

    /// Gateways that carry the devices: `gateway` of an event is below it.
    pub fn gateways(&self) -> usize {
        self.gateways
    }

    /// When the next event is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((micros, _))| Timestamp::from_micros(*micros))
    }

    fn step(&mut self, at: Timestamp, device: usize) -> (Event, Timestamp) {
        let gateway = device % self.gateways;
        let (bays, counters) = (self.bays.len(), self.counters.len());
        let (kind, sensor, payload, next) = if device < bays {
            let (payload, next) = self.bays[device].step(&self.city, device, at, gateway);
            (Kind::Parking, bay_id(device), payload, next)
        } else if device < bays + counters {
            let n = device - bays;
            let (payload, next) = self.counters[n].step(&self.city, n, at, gateway);
            (Kind::Parking, counter_id(n), payload, next)
        } else {
            let n = device - bays - counters;
            let (payload, next) = self.stations[n].step(&self.city, n, at, gateway);
            (Kind::Air, station_id(n), payload, next)
        };
        let topic = domain::topic::native(kind, &sensor).to_string();
        (Event { due: at, kind, sensor, gateway, topic, payload: Bytes::from(payload) }, next)
    }
}

impl Iterator for CityRun {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let Reverse((micros, device)) = self.due.pop()?;
        let (event, next) = self.step(Timestamp::from_micros(micros), device as usize);
        self.due.push(Reverse((next.as_micros(), device)));
        Some(event)
    }
}

/// The instant cut to a millisecond: devices tell whole milliseconds.
fn millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().div_euclid(1_000) * 1_000)
}

/// `seconds` after `at`, on a whole millisecond, at least one later.
fn after(at: Timestamp, seconds: f64) -> Timestamp {
    let millis = (seconds * 1_000.0).max(1.0) as u64;
    millisecond(at).plus(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests;
