//! How every site and bay stands now, kept up to date by what changed instead of counted anew for each question.
//!
//! ```text
//! LiveState.changes ──► last readings of bays and counters ──┐
//! deadlines (silence, edges of closures) come due ───────────┴─► follower ──► tallies of the sites concerned ──► version
//! another Layout ──► everything anew, in the same line of versions                      └──► Standing, which questions read
//! ```
//!
//! Whoever asks brings the board to its own instant first, which costs as much as changed since the last question: nothing is
//! shown as live after it went stale (PARK-1). An asker is given a [`Standing`] that changes no more, so nobody waits for
//! the writing of an answer, and all of an answer is of one registry and one state (SNAP-1). A *version* names one state of all sites.
//! It is the instant of the change in microseconds, so that its age shows; a restarted process goes on with higher ones and knows
//! that it has forgotten the others.

mod deadlines;
mod follower;
mod pieces;
mod standing;
mod tally;
mod versions;

use std::sync::Arc;

use domain::Timestamp;
use domain::time::MICROS_PER_SECOND;
use lake::contract::{Live, LiveState};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::problem::Problem;
use follower::Follower;

pub use standing::Standing;
pub use tally::{BayNow, CLASSES, Tally, class_of};

/// A clock that goes back by less is one that another thread read a little earlier; by more, it was set.
const SET_BACK_MICROS: i64 = 5 * MICROS_PER_SECOND;

/// Changes that an asker takes in on its own thread: a millisecond or two.
const AT_ONCE: usize = 1_024;

/// One for all questions of a process.
pub struct Board {
    live: Arc<dyn Live>,
    /// Held to take a copy, or to take in a few changes.
    standing: RwLock<Option<Arc<Standing>>>,
    /// Whoever brings the board on. Nobody waits for it on a thread.
    follower: Arc<Mutex<Option<Follower>>>,
}

/// What an asker sees, and the instant at which all of it is true.
pub type Seen = (Arc<Standing>, Timestamp);

impl Board {
    pub fn new(live: Arc<dyn Live>) -> Self {
        Self { live, standing: RwLock::new(None), follower: Arc::default() }
    }

    pub fn live(&self) -> &dyn Live {
        &*self.live
    }

    /// The board as of `now`, or as of a little later where somebody else already asked then.
    pub async fn at(self: &Arc<Self>, now: Timestamp) -> Result<Seen, Problem> {
        if let Some(seen) = self.settled(now) {
            return Ok(seen);
        }
        let mut follower = Arc::clone(&self.follower).lock_owned().await;
        if let Some(seen) = self.settled(now) {
            return Ok(seen);
        }
        if let Some(follower) = &mut *follower
            && self.take_few(follower, now)
        {
            return Ok(self.seen(now));
        }
        let board = Arc::clone(self);
        let brought = aside::run(move || board.bring(&mut follower, now)).await;
        brought.map_err(|error| Problem::Internal(error.to_string()))?;
        Ok(self.seen(now))
    }

    /// What `read` finds in the live state, under the registry of what is seen. It may be asked more than once: an edit may come
    /// in between.
    pub async fn with_state<T>(
        self: &Arc<Self>,
        now: Timestamp,
        mut read: impl FnMut(&Standing, &LiveState) -> T,
    ) -> Result<(Seen, T), Problem> {
        loop {
            let (standing, now) = self.at(now).await?;
            let mut found = None;
            self.live.with_state(&mut |state, registry| {
                found = Arc::ptr_eq(registry, &standing.registry).then(|| read(&standing, state));
            });
            if let Some(found) = found {
                return Ok(((standing, now), found));
            }
        }
    }

    /// [`at`](Self::at) for who may wait on a thread of its own.
    pub fn at_blocking(&self, now: Timestamp) -> Seen {
        if let Some(seen) = self.settled(now) {
            return seen;
        }
        self.bring(&mut self.follower.blocking_lock(), now);
        self.seen(now)
    }

    /// `None` where something has happened since.
    fn settled(&self, now: Timestamp) -> Option<Seen> {
        let standing = Arc::clone(self.standing.read().as_ref()?);
        let as_of = standing.as_of.max(now);
        standing.is_settled(&*self.live, now).then_some((standing, as_of))
    }

    fn seen(&self, now: Timestamp) -> Seen {
        let standing = self.standing.read();
        let standing = Arc::clone(standing.as_ref().expect("it was brought to an instant before"));
        let as_of = standing.as_of.max(now);
        (standing, as_of)
    }

    /// `false` where there is more to do than an asker's thread should, or everything is to be read.
    fn take_few(&self, follower: &mut Follower, now: Timestamp) -> bool {
        let Some(standing) = self.standing.read().clone().filter(|standing| standing.serves(now)) else {
            return false;
        };
        if !follower.gather(&*self.live, &standing, now, AT_ONCE) {
            return false;
        }
        drop(standing);
        // In place where nobody else reads it: then nothing is copied.
        if let Some(standing) = &mut *self.standing.write() {
            follower.take(Arc::make_mut(standing), now);
        }
        true
    }

    fn bring(&self, follower: &mut Option<Follower>, now: Timestamp) {
        let before = self.standing.read().clone();
        if let (Some(follower), Some(before)) = (&mut *follower, before.as_ref().filter(|before| before.serves(now)))
            && follower.gather(&*self.live, before, now, usize::MAX)
        {
            let mut standing = Standing::clone(before);
            follower.take(&mut standing, now);
            *self.standing.write() = Some(Arc::new(standing));
            return;
        }
        let (anew, standing) = Follower::anew(&*self.live, now, before.as_deref());
        *follower = Some(anew);
        *self.standing.write() = Some(Arc::new(standing));
    }
}

#[cfg(test)]
mod tests;
