//! Remarks on an accepted reading, as a set of bits: the lake's `flags` column and the API's list of words.
//!
//! A flag never changes a value (AIR-1). The bits are persisted: never reuse one.

use serde::{Deserialize, Serialize};

/// One remark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Flag {
    /// A transport field (`battery_mv`, `rssi_dbm`, …) was outside its range and dropped.
    TransportDropped = 1 << 0,
    /// A counter's `free` was below 0 or above its capacity; live answers clamp it, the reading keeps it.
    Clamped = 1 << 1,
    /// The sensor was not registered when the reading was accepted.
    Provisional = 1 << 2,
    /// The device is being commissioned: in no window, live answer or area number.
    Commissioning = 1 << 3,
    /// Marked as simulated by a network server: as above.
    Simulated = 1 << 4,
    /// Some quantities of the element were refused beside those in this row.
    Partial = 1 << 5,
    /// A value was converted from the unit in `as_sent`.
    Converted = 1 << 6,
    /// Free places of a bay, or a bay's state of a counter lot, as the registry was: kept, and says nothing of the place.
    Misfit = 1 << 7,
}

impl Flag {
    pub const ALL: [Self; 8] = [
        Self::TransportDropped,
        Self::Clamped,
        Self::Provisional,
        Self::Commissioning,
        Self::Simulated,
        Self::Partial,
        Self::Converted,
        Self::Misfit,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::TransportDropped => "transport_dropped",
            Self::Clamped => "clamped",
            Self::Provisional => "provisional",
            Self::Commissioning => "commissioning",
            Self::Simulated => "simulated",
            Self::Partial => "partial",
            Self::Converted => "converted",
            Self::Misfit => "misfit",
        }
    }
}

/// A set of [`Flag`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(u32);

impl Flags {
    pub const NONE: Self = Self(0);

    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub const fn bits(self) -> u32 {
        self.0
    }

    pub const fn has(self, flag: Flag) -> bool {
        self.0 & flag as u32 != 0
    }

    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | flag as u32)
    }

    pub fn insert(&mut self, flag: Flag) {
        *self = self.with(flag);
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flag::ALL.into_iter().filter(move |&flag| self.has(flag)).map(Flag::name)
    }

    /// Readings that are kept and shown but enter no window, live answer or area number.
    pub const fn is_off_the_record(self) -> bool {
        self.has(Flag::Commissioning) || self.has(Flag::Simulated)
    }
}
