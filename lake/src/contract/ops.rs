//! What operators ask.

use domain::registry::Registry;
use domain::{Kind, ObjectId, Position, SensorId, Timestamp};
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

/// A sensor that was ever heard of, as the registry sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorStatus {
    pub heard: SensorHeard,
    pub registered: bool,
    /// What its target expects, seconds between readings; `None` for a sensor without one.
    pub interval_s: Option<u32>,
    pub target: Option<ObjectId>,
    /// Of its device, where the registry has one.
    pub profile: Option<String>,
}

/// How a sensor was last heard, whatever the registry says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorHeard {
    pub sensor: SensorId,
    /// `None`: it sent something, of which nothing was accepted yet.
    pub last: Option<LastHeard>,
    pub battery_mv: Option<i32>,
    pub battery_pct: Option<f64>,
    pub rssi_dbm: Option<f64>,
    pub gateway: Option<String>,
}

/// The newest accepted reading of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastHeard {
    pub kind: Kind,
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
}

impl SensorHeard {
    /// By the registry as it was when the reading was taken; without one, as it is `now`.
    pub fn status(self, registry: &Registry, now: Timestamp) -> SensorStatus {
        let device = registry.devices.at(self.sensor.as_str(), now);
        let profile = device.and_then(|device| device.object.profile.clone());
        let Some(last) = self.last else {
            let is_known = |kind| registry.resolve(kind, &self.sensor, now).known;
            let registered = Kind::ALL.into_iter().any(is_known);
            return SensorStatus { heard: self, registered, interval_s: None, target: None, profile };
        };
        let resolution = registry.resolve(last.kind, &self.sensor, last.observed_at);
        let interval_s = match last.kind {
            Kind::Parking => resolution.heartbeat_s,
            Kind::Air => resolution.interval_s,
        };
        let target = resolution.target.or_else(|| resolution.by_quantity.into_iter().find_map(|(_, target)| target));
        let target = target.map(|target| target.id);
        SensorStatus { heard: self, registered: resolution.known, interval_s, target, profile }
    }
}

/// One payload of a device as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uplink {
    pub received_at: Timestamp,
    pub position: Position,
    pub topic: String,
    /// At most 4 KiB; `None`: a reading of an erased period is in it, which is shown to nobody.
    pub payload: Option<bytes::Bytes>,
    /// `None` when it was decoded without complaint.
    pub error: Option<String>,
}
