//! Means over windows, as contract and law define them: hours from samples, everything longer from hours.
//!
//! ```text
//! samples ──middle──► hour: Σw, Σw·v of the shortest averaging ──75 %──► valid hours ──► 8 h, day ──75 %──► valid days ──► month, year
//!         └─ longer than an hour: only where a window has no shorter ones ─────────────────────────┘
//! ```
//!
//! Pure, and the same for the one answer and for the recomputation that checks it. Samples come in the order of their time, so that
//! sums are the same to the last bit whatever way they took.

mod base;
mod series;
mod span;

pub use base::{Base, Sums};
pub use series::{Basis, Bucket, Series};
pub use span::{Grid, date_of, share_hours, start_of_date};

use super::sample::Remarks;
use crate::time::{MICROS_PER_SECOND, Timestamp};

/// Share of its length, or of its parts, from which a mean is valid.
pub const MIN_COVERAGE: f64 = 0.75;

/// The mean over [from, to).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Of a window that is over only where it is valid; of a running one as it stands.
    pub value: Option<f64>,
    /// At most 1; of a running window of what is over of it.
    pub coverage: f64,
    /// A running window never is.
    pub valid: bool,
    /// Values that the mean is made of: samples of an hour, valid hours or days of what is longer.
    pub n: u64,
    /// Of those values.
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub remarks: Remarks,
    /// When the last sample in it came.
    pub received_at: Option<Timestamp>,
}

impl Window {
    /// Nothing is known of it.
    pub const fn empty(from: Timestamp, to: Timestamp) -> Self {
        let remarks = Remarks::NONE;
        Self { from, to, value: None, coverage: 0.0, valid: false, n: 0, min: None, max: None, remarks, received_at: None }
    }

    /// Its value where that may be counted on.
    pub fn valid_value(&self) -> Option<f64> {
        self.value.filter(|_| self.valid)
    }
}

/// Seconds of [from, to) that are over at `as_of`, and whether the window is.
fn elapsed(from: Timestamp, to: Timestamp, as_of: Timestamp) -> (f64, bool) {
    let end = to.min(as_of).max(from);
    (end.micros_since(from) as f64 / MICROS_PER_SECOND as f64, to <= as_of)
}

#[cfg(test)]
mod tests;
