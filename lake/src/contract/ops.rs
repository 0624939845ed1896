//! What operators ask.

use domain::registry::Registry;
use domain::{Kind, Position, SensorId, Timestamp};
use serde::{Deserialize, Serialize};

/// How far ingest is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IngestStatus {
    /// Newest durable record.
    pub journal_head: Position,
    /// Newest record that the pipeline has taken.
    pub pipeline_head: Position,
    pub checkpoint: Position,
    /// Age of the oldest durable record that the pipeline has not taken; 0 when there is none.
    pub lag_ms: u64,
    pub hot_rows: u64,
    pub held: u64,
    pub journal_bytes: u64,
    pub journal_segments: u64,
    /// The journal takes appends.
    pub writable: bool,
    /// How long ago ingest told this; 0 in its own process. `lag_ms` has it in it.
    pub age_ms: u64,
    pub tables: Vec<TableStatus>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableStatus {
    pub table: String,
    pub committed: Position,
    pub lake_version: i64,
    pub files: u64,
    pub bytes: u64,
    pub hot_rows: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorStatus {
    pub sensor: SensorId,
    pub kind: Kind,
    pub registered: bool,
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    /// What its target expects, seconds between readings; `None` for a provisional sensor.
    pub interval_s: Option<u32>,
    pub battery_mv: Option<i32>,
    pub battery_pct: Option<f64>,
    pub rssi_dbm: Option<f64>,
    pub gateway: Option<String>,
    pub target: Option<String>,
}

/// How a sensor was last heard, whatever the registry says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorHeard {
    pub sensor: SensorId,
    pub kind: Kind,
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    pub battery_mv: Option<i32>,
    pub battery_pct: Option<f64>,
    pub rssi_dbm: Option<f64>,
    pub gateway: Option<String>,
}

impl SensorHeard {
    /// By the registry as it was when the reading was taken.
    pub fn status(self, registry: &Registry) -> SensorStatus {
        let resolution = registry.resolve(self.kind, &self.sensor, self.observed_at);
        let interval_s = match self.kind {
            Kind::Parking => resolution.heartbeat_s,
            Kind::Air => resolution.interval_s,
        };
        let target = resolution.target.or_else(|| resolution.by_quantity.into_iter().find_map(|(_, target)| target));
        SensorStatus {
            sensor: self.sensor,
            kind: self.kind,
            registered: resolution.known,
            observed_at: self.observed_at,
            received_at: self.received_at,
            interval_s,
            battery_mv: self.battery_mv,
            battery_pct: self.battery_pct,
            rssi_dbm: self.rssi_dbm,
            gateway: self.gateway,
            target: target.map(|target| target.id.as_str().to_owned()),
        }
    }
}

/// One payload of a device as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uplink {
    pub received_at: Timestamp,
    pub position: Position,
    pub topic: String,
    /// At most 4 KiB.
    pub payload: bytes::Bytes,
    /// `None` when it was decoded without complaint.
    pub error: Option<String>,
}
