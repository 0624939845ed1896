//! Readings as native payloads: what a device of ours would send. Decoding gives the same reading back, but for the flags that
//! only the way of a reading earns.

use ciborium::into_writer;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use crate::kind::air::{Air, Qc};
use crate::kind::parking::{Parking, ParkingValue};
use crate::quantity::Quantity;
use crate::reading::{Measured, Reading};
use crate::record::Content;
use crate::time::Timestamp;

/// One reading as one object.
pub fn encode(reading: &Reading, content: Content) -> Vec<u8> {
    bytes_of(&Native(reading), content)
}

/// Readings as one array; a payload takes up to [`ELEMENTS_MAX`](crate::limits::ELEMENTS_MAX) of them.
pub fn encode_array(readings: &[Reading], content: Content) -> Vec<u8> {
    bytes_of(&NativeArray(readings), content)
}

fn bytes_of(value: &impl Serialize, content: Content) -> Vec<u8> {
    const MEMORY: &str = "writing maps with text keys into memory cannot fail";
    match content {
        Content::Default => serde_json::to_vec(value).expect(MEMORY),
        Content::Cbor => {
            let mut bytes = Vec::new();
            into_writer(value, &mut bytes).expect(MEMORY);
            bytes
        }
    }
}

struct Native<'a>(&'a Reading);
struct NativeArray<'a>(&'a [Reading]);

impl Serialize for NativeArray<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.0.len()))?;
        for reading in self.0 {
            array.serialize_element(&Native(reading))?;
        }
        array.end()
    }
}

impl Serialize for Native<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ts", &Ts(self.0.observed_at))?;
        match &self.0.measured {
            Measured::Parking(parking) => parking_entries(&mut map, parking)?,
            Measured::Air(air) => air_entries(&mut map, air)?,
        }
        let transport = &self.0.transport;
        optional(&mut map, "seq", transport.seq)?;
        optional(&mut map, "battery_mv", transport.battery_mv)?;
        optional(&mut map, "battery_pct", transport.battery_pct)?;
        optional(&mut map, "rssi_dbm", transport.rssi_dbm)?;
        optional(&mut map, "snr_db", transport.snr_db)?;
        optional(&mut map, "gateway", transport.gateway.as_deref())?;
        map.end()
    }
}

/// Milliseconds where they are exact, else text.
struct Ts(Timestamp);

impl Serialize for Ts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = self.0.as_micros();
        if micros % 1_000 == 0 { serializer.serialize_i64(micros / 1_000) } else { serializer.collect_str(&self.0) }
    }
}

fn optional<M: serde::ser::SerializeMap>(map: &mut M, key: &'static str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

fn parking_entries<M: serde::ser::SerializeMap>(map: &mut M, parking: &Parking) -> Result<(), M::Error> {
    match parking.value {
        ParkingValue::Bay(state) => map.serialize_entry("state", state.name())?,
        ParkingValue::Counter { free, capacity } => {
            map.serialize_entry("free", &free)?;
            optional(map, "capacity", capacity)?;
        }
    }
    optional(map, "temp_c", parking.temp_c)
}

fn air_entries<M: serde::ser::SerializeMap>(map: &mut M, air: &Air) -> Result<(), M::Error> {
    if air.avg_s != 0 {
        map.serialize_entry("avg_s", &air.avg_s)?;
    }
    for (quantity, value) in air.values.iter() {
        let sent = air.as_sent.get(quantity).map_or(value, |as_sent| as_sent.value);
        map.serialize_entry(quantity.name(), &sent)?;
    }
    if !air.as_sent.is_empty() {
        let units = air.as_sent.iter().map(|(quantity, as_sent)| (quantity, as_sent.unit.symbol()));
        map.serialize_entry("units", &Words(units))?;
    }
    match word_of_all(air) {
        Some(word) => map.serialize_entry("qc", word.name()),
        None if air.qc.is_empty() => Ok(()),
        None => map.serialize_entry("qc", &Words(air.qc.iter().map(|(quantity, qc)| (quantity, qc.name())))),
    }
}

fn word_of_all(air: &Air) -> Option<Qc> {
    let (_, first) = air.qc.iter().next()?;
    air.values.iter().all(|(quantity, _)| air.qc.get(quantity) == Some(first)).then_some(first)
}

/// A map from quantities to words.
struct Words<I>(I);

impl<I: Iterator<Item = (Quantity, &'static str)> + Clone> Serialize for Words<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone().map(|(quantity, word)| (quantity.name(), word)))
    }
}
