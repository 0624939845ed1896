//! Rejections that time or the registry will mend: taken again by themselves.
//!
//! A held element is a dead letter like any other; here only its name stands and what it waits for. It leaves when the
//! record that takes it again is read, never before, so that a restart neither forgets nor doubles one; or when the retention of dead
//! letters has taken its bytes.

use std::collections::{BTreeMap, BTreeSet};

use domain::limits::HELD_MAX;
use domain::{Position, Timestamp};
use serde::{Deserialize, Serialize};

/// Names a dead letter: the record that held it and the element in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LetterId {
    pub of: Position,
    pub element: u32,
}

/// What a held element waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Awaits {
    /// The pipeline's now.
    Until(Timestamp),
    /// The registration of a sensor, by the pipeline's number.
    Registration(u32),
}

/// A held element: what it waits for, and the UTC day of its dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    awaits: Awaits,
    day: i32,
}

/// All held elements.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Held {
    entries: BTreeMap<LetterId, Waiting>,
    by_due: BTreeSet<(Timestamp, LetterId)>,
}

impl Held {
    /// `false` at the limit: the element stays a dead letter that only a person takes again.
    pub fn hold(&mut self, id: LetterId, awaits: Awaits, received_at: Timestamp) -> bool {
        if self.entries.len() >= HELD_MAX {
            return false;
        }
        self.release(id);
        self.entries.insert(id, Waiting { awaits, day: received_at.utc_day() });
        if let Awaits::Until(due) = awaits {
            self.by_due.insert((due, id));
        }
        true
    }

    /// Whether it was held.
    pub fn release(&mut self, id: LetterId) -> bool {
        match self.entries.remove(&id) {
            Some(Waiting { awaits: Awaits::Until(due), .. }) => {
                self.by_due.remove(&(due, id));
                true
            }
            Some(_) => true,
            None => false,
        }
    }

    /// Drops what was held on earlier UTC days: names rise with the time at which they were given, so the oldest come first.
    pub fn forget_before(&mut self, day: i32) {
        while let Some((id, waiting)) = self.entries.first_key_value()
            && waiting.day < day
        {
            self.release(*id);
        }
    }

    pub fn holds(&self, id: LetterId) -> bool {
        self.entries.contains_key(&id)
    }

    /// What waits for sensors that are registered now.
    pub fn registered(&self, mut is_known: impl FnMut(u32) -> bool) -> Vec<LetterId> {
        let waits = self.entries.iter().filter(|(_, waiting)| match waiting.awaits {
            Awaits::Registration(sensor) => is_known(sensor),
            Awaits::Until(_) => false,
        });
        waits.map(|(id, _)| *id).collect()
    }

    pub fn make_due(&mut self, now: Timestamp, ids: impl IntoIterator<Item = LetterId>) {
        for id in ids {
            if let Some(waiting) = self.entries.get_mut(&id) {
                waiting.awaits = Awaits::Until(now);
                self.by_due.insert((now, id));
            }
        }
    }

    /// The earliest instant at which something is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.by_due.first().map(|(due, _)| *due)
    }

    /// Due at `now`, earliest first, each with the day of its dead letter.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = (LetterId, i32)> + '_ {
        self.by_due.iter().take_while(move |(due, _)| *due <= now).map(|(_, id)| (*id, self.entries[id].day))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }
}
