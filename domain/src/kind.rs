//! Sensor kinds: what differs between parking and air. A new kind is one file here and its line in [`Kind::ALL`].

pub mod air;
pub mod parking;

use serde::{Deserialize, Serialize};

/// The numbers are persisted in checkpoints: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    Parking = 0,
    Air = 1,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Parking, Self::Air];

    /// The level of a native topic and the stem of the lake's tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parking => "parking",
            Self::Air => "air",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
