//! The power of one life of the server: once it is cut, nothing that this life does reaches a disk, a store or a client any more.
//!
//! Its tasks may run on for a moment before they are dropped, as a process does between two instructions: what they do is void.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::Notify;

#[derive(Clone, Default)]
pub struct Power(Arc<State>);

#[derive(Default)]
struct State {
    is_off: AtomicBool,
    off: Notify,
    /// Operations of disk and store until it is cut in the middle of one; below 0: never.
    fuse: AtomicI64,
}

impl Power {
    pub fn on() -> Self {
        let power = Self::default();
        power.0.fuse.store(-1, Ordering::Relaxed);
        power
    }

    /// Cuts the power in the middle of the operation that comes after so many others.
    pub fn blow_after(&self, operations: u32) {
        self.0.fuse.store(i64::from(operations), Ordering::Relaxed);
    }

    /// From now on it is cut from outside only.
    pub fn lasts(&self) {
        self.0.fuse.store(-1, Ordering::Relaxed);
    }

    pub fn cut(&self) {
        self.0.is_off.store(true, Ordering::Relaxed);
        self.0.off.notify_one();
    }

    pub fn is_on(&self) -> bool {
        !self.0.is_off.load(Ordering::Relaxed)
    }

    /// Resolves when it was cut. For one waiter.
    pub async fn gone(&self) {
        while self.is_on() {
            self.0.off.notified().await;
        }
    }

    /// Called at the beginning of each operation: `Err` when there is no power, `Ok(true)` when it fails in the middle of this one.
    pub fn operation(&self) -> io::Result<bool> {
        if !self.is_on() {
            return Err(dead());
        }
        match self.0.fuse.load(Ordering::Relaxed) {
            ..0 => Ok(false),
            0 => {
                self.cut();
                Ok(true)
            }
            left => {
                self.0.fuse.store(left - 1, Ordering::Relaxed);
                Ok(false)
            }
        }
    }
}

pub fn dead() -> io::Error {
    io::Error::other("the power is off")
}
