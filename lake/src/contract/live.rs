//! The last reading of every target: what live answers are made of. Staleness is judged by the asker, at its `as_of`.

use domain::kind::air::Qc;
use domain::kind::parking::ParkingValue;
use domain::{Flags, ObjectId, Quantity, SensorId, Timestamp};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// The newest accepted reading (by `observed_at`) of a bay or counter site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParkingLast {
    pub sensor: SensorId,
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    pub value: ParkingValue,
    pub flags: Flags,
    /// The state's version: the journal position that brought it.
    pub version: u64,
}

/// The newest accepted value of one quantity of a station.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AirLast {
    pub sensor: SensorId,
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    pub avg_s: u32,
    /// In the canonical unit.
    pub value: f64,
    pub qc: Option<Qc>,
    pub flags: Flags,
    pub version: u64,
}

/// By target id (a bay, counter site or station; a sensor that the registry does not know stands under its own id).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LiveState {
    pub parking: HashMap<ObjectId, ParkingLast>,
    pub air: HashMap<ObjectId, Vec<(Quantity, AirLast)>>,
    /// The journal position up to which this is true.
    pub version: u64,
}
