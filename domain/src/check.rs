//! Invariants that production, tests and simulation share.
//!
//! A broken promise stops a debug build or a simulation at once; a release build counts it under the promise's id and goes
//! on serving, since a running city is worth more than a clean exit. Who serves metrics and logs listens to it.

use std::sync::OnceLock;
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
    pub fn report(self, what: &'static str) {
        let before = BROKEN[self as usize].fetch_add(1, Ordering::Relaxed);
        if let Some(listener) = LISTENER.get() {
            listener(Broken { promise: self, what, is_first: before == 0 });
        }
        debug_assert!(false, "{} broken: {what}", self.id());
    }
}

/// A promise was just seen broken.
#[derive(Clone, Copy, Debug)]
pub struct Broken {
    pub promise: Promise,
    /// What was expected.
    pub what: &'static str,
    /// Of this promise, in this process.
    pub is_first: bool,
}

/// Names who is told of every broken promise: once a process, a second listener changes nothing.
pub fn listen(listener: fn(Broken)) {
    let _ = LISTENER.set(listener);
}

static LISTENER: OnceLock<fn(Broken)> = OnceLock::new();
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

#[cfg(test)]
mod tests {
    use super::*;

    static TOLD: AtomicU64 = AtomicU64::new(0);

    #[test]
    fn the_listener_is_told_of_every_broken_promise_and_which_is_the_first() {
        listen(|broken| {
            assert_eq!((broken.promise, broken.what), (Promise::Sec1, "nobody listens"));
            TOLD.fetch_add(if broken.is_first { 100 } else { 1 }, Ordering::Relaxed);
        });
        for _ in 0..3 {
            // It panics in a debug build.
            let _ = std::panic::catch_unwind(|| crate::check!(Promise::Sec1, false, "nobody listens"));
        }
        assert_eq!((TOLD.load(Ordering::Relaxed), Promise::Sec1.broken()), (102, 3));
    }
}
