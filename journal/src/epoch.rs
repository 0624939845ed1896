//! The time from one opening or mending of the log to its next failure, and who waits in it.
//!
//! An append belongs to the epoch it was made in: it is kept when that epoch's watermark reached its position, and failed
//! when the epoch ended before. Since a failed position is given out again in the next epoch, the watermark of the
//! journal alone cannot tell; this can.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Poll, Waker};

use domain::Position;
use parking_lot::Mutex;

use crate::error::AppendError;

pub(crate) struct Epoch {
    durable: AtomicU64,
    ended: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    error: Option<AppendError>,
    /// One entry for each append that is being awaited, whatever polls it.
    wakers: BTreeMap<u64, Waker>,
}

impl Epoch {
    pub(crate) fn starting_at(durable: Position) -> Self {
        Self { durable: AtomicU64::new(durable.0), ended: AtomicBool::new(false), waiting: Mutex::default() }
    }

    /// The outcome of the append at `position`, once known.
    pub(crate) fn outcome(&self, position: Position) -> Option<Result<Position, AppendError>> {
        if self.durable.load(Ordering::Acquire) >= position.0 {
            return Some(Ok(position));
        }
        if !self.ended.load(Ordering::Acquire) {
            return None;
        }
        // The watermark stands still once the epoch has ended, but may have moved between the two loads.
        if self.durable.load(Ordering::Acquire) >= position.0 {
            return Some(Ok(position));
        }
        self.waiting.lock().error.clone().map(Err)
    }

    /// As [`Epoch::outcome`]; wakes `waker` when it becomes known.
    pub(crate) fn poll(&self, position: Position, waker: &Waker) -> Poll<Result<Position, AppendError>> {
        if let Some(outcome) = self.outcome(position) {
            return Poll::Ready(outcome);
        }
        let mut waiting = self.waiting.lock();
        if self.durable.load(Ordering::Acquire) >= position.0 {
            return Poll::Ready(Ok(position));
        }
        if let Some(error) = &waiting.error {
            return Poll::Ready(Err(error.clone()));
        }
        match waiting.wakers.get_mut(&position.0) {
            Some(known) => known.clone_from(waker),
            None => {
                waiting.wakers.insert(position.0, waker.clone());
            }
        }
        Poll::Pending
    }

    /// Forgets who waited for `position`.
    pub(crate) fn leave(&self, position: Position) {
        self.waiting.lock().wakers.remove(&position.0);
    }

    /// Everything up to `durable` is kept.
    pub(crate) fn advance(&self, durable: Position) {
        self.durable.store(durable.0, Ordering::Release);
        let due = {
            let mut waiting = self.waiting.lock();
            let later = waiting.wakers.split_off(&durable.next().0);
            std::mem::replace(&mut waiting.wakers, later)
        };
        due.into_values().for_each(Waker::wake);
    }

    /// Everything not yet kept has failed.
    pub(crate) fn end(&self, error: AppendError) {
        let due = {
            let mut waiting = self.waiting.lock();
            if waiting.error.is_none() {
                waiting.error = Some(error);
            }
            self.ended.store(true, Ordering::Release);
            std::mem::take(&mut waiting.wakers)
        };
        due.into_values().for_each(Waker::wake);
    }
}
