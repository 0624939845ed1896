//! Air: values of one instant or of the span that ends there.

use serde::{Deserialize, Serialize};

use crate::quantity::ByQuantity;
use crate::unit::Unit;

/// What a device says of its own value. The last four are kept and stay out of the `checked` layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Qc {
    Valid = 0,
    Suspect = 1,
    /// Below the limit of detection.
    BelowLod = 2,
    Invalid = 3,
    Calibration = 4,
    Maintenance = 5,
    Fault = 6,
}

impl Qc {
    pub const ALL: [Self; 7] =
        [Self::Valid, Self::Suspect, Self::BelowLod, Self::Invalid, Self::Calibration, Self::Maintenance, Self::Fault];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Suspect => "suspect",
            Self::BelowLod => "below_lod",
            Self::Invalid => "invalid",
            Self::Calibration => "calibration",
            Self::Maintenance => "maintenance",
            Self::Fault => "fault",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|qc| qc.name() == name)
    }

    pub const fn is_checked(self) -> bool {
        matches!(self, Self::Valid | Self::Suspect | Self::BelowLod)
    }
}

/// A value before its conversion into the canonical unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AsSent {
    pub value: f64,
    pub unit: Unit,
}

/// The kind's own part of a reading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Air {
    /// The reading covers (ts − avg_s, ts]; 0 is a moment.
    pub avg_s: u32,
    /// In canonical units; never empty.
    pub values: ByQuantity<f64>,
    /// Only of values that were converted.
    pub as_sent: ByQuantity<AsSent>,
    /// Only where the device said something, spread over the quantities it sent.
    pub qc: ByQuantity<Qc>,
}
