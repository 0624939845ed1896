//! How every site and bay stands now, kept up to date by what changed instead of counted anew for each question.
//!
//! ```text
//! LiveState.changes ──► last readings of bays and counters ──┐
//! deadlines (silence, edges of closures) come due ───────────┴──► tallies of the sites concerned ──► version
//! another Layout ──► everything anew, in the same line of versions
//! ```
//!
//! Whoever asks brings the board to its own instant first, which costs as much as changed since the last question: nothing is
//! shown as live after it went stale (PARK-1). A *version* names one state of all sites. It is the instant of the change in
//! microseconds, so that its age shows; a restarted process goes on with higher ones and knows that it has forgotten the others.

mod deadlines;
mod standing;
mod tally;
mod versions;

use domain::Timestamp;
use domain::time::MICROS_PER_SECOND;
use lake::contract::Live;
use parking_lot::{RwLock, RwLockWriteGuard};

pub use standing::Standing;
pub use tally::{BayNow, CLASSES, Tally, class_of};

/// A clock that goes back by less is one that another thread read a little earlier; by more, it was set.
const SET_BACK_MICROS: i64 = 5 * MICROS_PER_SECOND;

/// One for all questions of a server.
#[derive(Default)]
pub struct Board {
    standing: RwLock<Option<Standing>>,
}

impl Board {
    /// Reads the board as of `now`, or as of a little later where somebody else already asked then: `read` is told.
    pub fn at<T>(&self, live: &dyn Live, now: Timestamp, read: impl FnOnce(&Standing, Timestamp) -> T) -> T {
        let layout = live.layout(now);
        let settled = self.standing.read();
        if let Some(standing) = settled.as_ref()
            && standing.layout.generation == layout.generation
            && standing.is_settled(live, now)
        {
            return read(standing, now.max(standing.as_of));
        }
        drop(settled);
        let mut held = self.standing.write();
        let standing = match held.take() {
            Some(standing)
                if standing.layout.generation == layout.generation && now.micros_since(standing.as_of) > -SET_BACK_MICROS =>
            {
                standing.brought_to(live, now)
            }
            before => Standing::anew(live, layout, now, before),
        };
        *held = Some(standing);
        let held = RwLockWriteGuard::downgrade(held);
        let standing = held.as_ref().expect("it was put there above");
        read(standing, standing.as_of)
    }
}

#[cfg(test)]
mod tests;
