//! The segments of one journal, oldest first, without gaps between them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use domain::{Position, crash_point};
use parking_lot::Mutex;

use crate::segment::Segment;
use crate::storage::Storage;

pub(crate) struct Segments {
    list: Mutex<VecDeque<Arc<Segment>>>,
    /// One trim at a time.
    trimming: Mutex<()>,
}

impl Segments {
    pub(crate) fn new(list: VecDeque<Arc<Segment>>) -> Self {
        Self { list: Mutex::new(list), trimming: Mutex::new(()) }
    }

    /// The oldest position kept, or the one that the next record gets.
    pub(crate) fn first(&self) -> Position {
        self.list.lock().front().map_or(Position::START.next(), |segment| segment.first)
    }

    /// Where `position` stands or would stand; `None` when it is trimmed.
    pub(crate) fn holding(&self, position: Position) -> Option<Arc<Segment>> {
        let list = self.list.lock();
        let after = list.partition_point(|segment| segment.first <= position);
        list.get(after.checked_sub(1)?).cloned()
    }

    /// Adds the newest, in place of one that begins at the same position.
    pub(crate) fn push(&self, segment: Arc<Segment>) {
        let mut list = self.list.lock();
        if list.back().is_some_and(|last| last.first == segment.first) {
            list.pop_back();
        }
        list.push_back(segment);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.list.lock().iter().map(|segment| segment.end()).sum()
    }

    pub(crate) fn count(&self) -> u64 {
        self.list.lock().len() as u64
    }

    /// Removes segments, oldest first, while all their records are at or before `upto`; never the newest.
    pub(crate) fn trim(&self, storage: &dyn Storage, upto: Position) -> io::Result<()> {
        let _one_at_a_time = self.trimming.lock();
        while let Some(oldest) = self.pop_trimmed(upto) {
            // One durable removal at a time, so that a crash never leaves a gap between the segments.
            crash_point!(TrimBeforeRemoval);
            match storage.remove(&oldest.name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.list.lock().push_front(oldest);
                    return Err(error);
                }
                _ => {
                    crash_point!(TrimAfterRemoval);
                    storage.sync_names()?;
                }
            }
        }
        Ok(())
    }

    /// Leaves the list before its file goes, so that a reader is told "trimmed" and not "no such file".
    fn pop_trimmed(&self, upto: Position) -> Option<Arc<Segment>> {
        let mut list = self.list.lock();
        let follower = list.get(1)?;
        if follower.first <= upto.next() { list.pop_front() } else { None }
    }
}
