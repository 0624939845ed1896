//! Invariants that production, tests and simulation share.
//!
//! A broken promise stops a debug build or a simulation at once; a release build counts it under the promise's id and goes
//! on serving, since a running city is worth more than a clean exit. The counts are read by the metrics endpoint.

use std::sync::atomic::{AtomicU64, Ordering};

/// The promises of ARCHITECTURE.md, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Promise {
    Ack1,
    One1,
    Sum1,
    Win1,
    Live1,
    Lake1,
    Snap1,
    Air1,
    Park1,
    Sec1,
}

impl Promise {
    pub const ALL: [Self; 10] = [
        Self::Ack1,
        Self::One1,
        Self::Sum1,
        Self::Win1,
        Self::Live1,
        Self::Lake1,
        Self::Snap1,
        Self::Air1,
        Self::Park1,
        Self::Sec1,
    ];

    pub const fn id(self) -> &'static str {
        ["ACK-1", "ONE-1", "SUM-1", "WIN-1", "LIVE-1", "LAKE-1", "SNAP-1", "AIR-1", "PARK-1", "SEC-1"][self as usize]
    }

    /// How often this process saw the promise broken.
    pub fn broken(self) -> u64 {
        BROKEN[self as usize].load(Ordering::Relaxed)
    }

    /// Called by [`check!`](crate::check!); tests and services use the macro.
    pub fn report(self, what: &str) {
        BROKEN[self as usize].fetch_add(1, Ordering::Relaxed);
        debug_assert!(false, "{} broken: {what}", self.id());
    }
}

static BROKEN: [AtomicU64; Promise::ALL.len()] = [const { AtomicU64::new(0) }; Promise::ALL.len()];

/// `check!(Promise::Ack1, condition, "what was expected")`: panics in debug builds, counts in release builds.
#[macro_export]
macro_rules! check {
    ($promise:expr, $condition:expr, $what:expr) => {
        if !$condition {
            $promise.report($what);
        }
    };
}
