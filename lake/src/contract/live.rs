//! The last reading of every target: what live answers are made of. Staleness is judged by the asker, at its `as_of`.

use std::collections::VecDeque;

use domain::kind::air::Qc;
use domain::kind::parking::ParkingValue;
use domain::limits::LIVE_CHANGES_MAX;
use domain::{Flags, ObjectId, Quantity, SensorId, Timestamp};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// The newest accepted reading (by `observed_at`) of a bay or counter site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParkingLast {
    pub sensor: SensorId,
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    /// Of a counter with the capacity that the newest payload told which told one; `None`: none did.
    pub value: ParkingValue,
    pub flags: Flags,
    /// The state's version: the journal position that brought it.
    pub version: u64,
}

/// The newest accepted value of one quantity of a station.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AirLast {
    pub sensor: SensorId,
    pub observed_at: Timestamp,
    pub received_at: Timestamp,
    pub avg_s: u32,
    /// In the canonical unit.
    pub value: f64,
    pub qc: Option<Qc>,
    pub flags: Flags,
    pub version: u64,
}

/// By target id (a bay, counter site or station; a sensor that the registry does not know stands under its own id).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LiveState {
    pub parking: HashMap<ObjectId, ParkingLast>,
    pub air: HashMap<ObjectId, Vec<(Quantity, AirLast)>>,
    /// The journal position up to which this is true.
    pub version: u64,
    /// The targets of both kinds whose entry here changed last.
    #[serde(skip)]
    pub changes: Changes,
    /// When the newest reading was received that stands here, or stood. Kept, since finding it means going over everything.
    #[serde(skip)]
    pub newest: Option<Timestamp>,
}

impl LiveState {
    /// Something else is now shown at this target, by a reading that was received then.
    pub fn note(&mut self, target: &ObjectId, received_at: Timestamp) {
        self.changes.note(target);
        self.newest = self.newest.max(Some(received_at));
    }

    /// Of a state that was read from elsewhere.
    pub fn find_newest(&mut self) {
        let parking = self.parking.values().map(|last| last.received_at);
        self.newest = parking.chain(self.air.values().flatten().map(|(_, last)| last.received_at)).max();
    }
}

/// What changed last, for readers that follow a state: the newest [`LIVE_CHANGES_MAX`], by name.
///
/// It counts changes of this process and is not part of a checkpoint: who begins to follow reads the whole state once.
#[derive(Clone, Debug)]
pub struct Changes<T = ObjectId> {
    /// How many there were.
    end: u64,
    kept: VecDeque<T>,
}

impl<T> Default for Changes<T> {
    fn default() -> Self {
        Self { end: 0, kept: VecDeque::new() }
    }
}

impl<T: Clone> Changes<T> {
    /// Something else is now shown under this name.
    pub fn note(&mut self, target: &T) {
        if self.kept.len() == LIVE_CHANGES_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(target.clone());
        self.end += 1;
    }

    /// What [`since`](Self::since) takes later.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// What changed after `end` was `seen`, some more than once. `None` when not all of them are kept: then the
    /// whole state has to be read again.
    pub fn since(&self, seen: u64) -> Option<impl ExactSizeIterator<Item = &T>> {
        let missed = usize::try_from(self.end.checked_sub(seen)?).ok()?;
        let start = self.kept.len().checked_sub(missed)?;
        Some(self.kept.range(start..))
    }

    /// Of a state that was made anew: whatever was seen before is to be read again.
    pub fn started_over(&self) -> Self {
        Self { end: self.end + 1, kept: VecDeque::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(number: usize) -> ObjectId {
        ObjectId::new(&number.to_string()).expect("digits are an id")
    }

    fn seen(changes: &Changes, since: u64) -> Option<Vec<String>> {
        changes.since(since).map(|targets| targets.map(ToString::to_string).collect())
    }

    #[test]
    fn a_follower_gets_each_change_after_what_it_has_seen() {
        let mut changes = Changes::default();
        assert_eq!(seen(&changes, 0), Some(vec![]));
        (0..3).for_each(|number| changes.note(&target(number)));
        assert_eq!(seen(&changes, 1), Some(vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(seen(&changes, 3), Some(vec![]));
        assert_eq!(seen(&changes, 4), None, "not of this state");
    }

    #[test]
    fn who_was_away_for_too_long_or_before_a_new_beginning_reads_everything() {
        let mut changes = Changes::default();
        (0..=LIVE_CHANGES_MAX).for_each(|number| changes.note(&target(number)));
        assert_eq!(seen(&changes, 0), None);
        assert_eq!(seen(&changes, 1).map(|kept| kept.len()), Some(LIVE_CHANGES_MAX));
        let mut anew = changes.started_over();
        assert_eq!(seen(&anew, changes.end()), None);
        let begun = anew.end();
        anew.note(&target(7));
        assert_eq!(seen(&anew, begun), Some(vec!["7".to_owned()]));
    }
}
