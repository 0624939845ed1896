//! A reading: what one sensor said of one instant, after decoding and before any judgement.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::flag::Flags;
use crate::kind::Kind;
use crate::kind::air::Air;
use crate::kind::parking::Parking;
use crate::quantity::Quantity;
use crate::rejection::{Reason, Rejection};
use crate::time::Timestamp;

/// What describes the way of a reading, not what was measured: never part of its identity, never in conflict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transport {
    /// The device's own counter.
    pub seq: Option<u32>,
    /// 0 to 100,000
    pub battery_mv: Option<i32>,
    /// 0 to 100
    pub battery_pct: Option<f64>,
    /// −250 to 50
    pub rssi_dbm: Option<f64>,
    /// −100 to 100
    pub snr_db: Option<f64>,
    pub gateway: Option<CompactString>,
}

/// The measured part, by kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Measured {
    Parking(Parking),
    Air(Box<Air>),
}

/// One decoded reading. Whose it is stands beside it (the topic, or the envelope of a network server).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub observed_at: Timestamp,
    pub measured: Measured,
    pub transport: Transport,
    /// What decoding found: transport fields dropped, values converted, marked as simulated.
    pub flags: Flags,
}

impl Reading {
    pub fn kind(&self) -> Kind {
        match self.measured {
            Measured::Parking(_) => Kind::Parking,
            Measured::Air(_) => Kind::Air,
        }
    }
}

/// A quantity that was refused beside or instead of others of its element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub quantity: Quantity,
    pub reason: Reason,
    pub detail: String,
}

/// What one element of a payload came to. An element all of whose quantities were refused is `Err` with the first's reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Place in the payload, from 0.
    pub index: u32,
    pub outcome: Result<Decoded, Rejection>,
}

/// A readable element.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    pub reading: Reading,
    /// Quantities refused beside those in the reading: counted as `partial`.
    pub refused: Vec<Refusal>,
    /// The element's own bytes, decodable by themselves: kept should the pipeline reject it (`future`, `conflict`, …).
    pub payload: bytes::Bytes,
}
