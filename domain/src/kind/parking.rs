//! Parking: the state of a bay, or the free places of a counter lot.

use serde::{Deserialize, Serialize};

/// What a bay sensor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum BayState {
    Vacant = 0,
    Occupied = 1,
    /// The sensor itself does not know.
    Unknown = 2,
}

impl BayState {
    pub const ALL: [Self; 3] = [Self::Vacant, Self::Occupied, Self::Unknown];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Vacant => "vacant",
            Self::Occupied => "occupied",
            Self::Unknown => "unknown",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The measured value of a parking reading: exactly one of both, by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ParkingValue {
    Bay(BayState),
    /// `free` as the counter told it: may be negative or above the capacity.
    Counter {
        free: i32,
        capacity: Option<i32>,
    },
}

/// The kind's own part of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parking {
    pub value: ParkingValue,
    /// Temperature in the sensor, °C: a transport field here, no measured value.
    pub temp_c: Option<f64>,
}
