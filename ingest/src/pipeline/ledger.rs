//! SUM-1: received = accepted + duplicate + rejected, of all and of each sensor.

use domain::Reason;
use lake::contract::Counts;
use serde::{Deserialize, Serialize};

/// The totals. Those of a sensor stand in its own state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    pub counts: Counts,
    /// Publishes that are no readings.
    pub foreign: u64,
    /// Dead letters that stand: written and not resolved.
    pub letters: u64,
}

/// What one element came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// Accepted, with quantities refused beside those taken.
    AcceptedInPart,
    Duplicate,
    Rejected(Reason),
}

/// A change of counts that keeps the sum.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// Elements that were never counted.
    New(Verdict, u32),
    /// An element that was counted as rejected and is judged anew.
    Again { was: Reason, now: Verdict },
    /// An element of which a part was accepted is judged anew for the rest: outside the sum.
    PartAgain(Verdict),
}

/// Books one entry.
pub fn book(counts: &mut Counts, entry: Entry) {
    let (now, times) = match entry {
        Entry::New(verdict, times) => {
            counts.received += u64::from(times);
            (verdict, u64::from(times))
        }
        Entry::Again { was, now } => {
            let rejected = &mut counts.rejected[was as usize];
            // A sensor is not held to account for what was refused before anybody knew that it was the sender.
            match *rejected {
                0 => counts.received += 1,
                _ => *rejected -= 1,
            }
            (now, 1)
        }
        Entry::PartAgain(verdict) => {
            if matches!(verdict, Verdict::Accepted | Verdict::Duplicate) {
                counts.partial = counts.partial.saturating_sub(1);
            }
            return;
        }
    };
    match now {
        Verdict::Accepted => counts.accepted += times,
        Verdict::AcceptedInPart => {
            counts.accepted += times;
            counts.partial += times;
        }
        Verdict::Duplicate => counts.duplicate += times,
        Verdict::Rejected(reason) => counts.rejected[reason as usize] += times,
    }
}
