//! Reading on from a position: from memory while hot, from the segment files behind it.

use bytes::Bytes;
use domain::{Position, Timestamp};

use crate::error::TailError;

/// One durable record. `body` is a slice of the batch it was written in and keeps that batch in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    /// Never decreases from one position to the next.
    pub received_at: Timestamp,
    pub kind: u8,
    pub body: Bytes,
}

/// A reader of everything after a position. It holds nothing back: whoever trims decides.
pub struct Tail {
    after: Position,
}

impl Tail {
    /// The next records in order, at least one: waits for it. At most `records_max`, and no further than the first that
    /// makes the bodies reach `bytes_max`. Dropping the future loses nothing.
    pub async fn next(&mut self, records_max: usize, bytes_max: usize) -> Result<Vec<Entry>, TailError> {
        let _ = (records_max, bytes_max);
        Err(TailError::Closed)
    }

    /// As [`Tail::next`], but empty at once when no further record is durable yet.
    pub async fn try_next(&mut self, records_max: usize, bytes_max: usize) -> Result<Vec<Entry>, TailError> {
        let _ = (records_max, bytes_max);
        Err(TailError::Closed)
    }

    /// The position of the last record handed out.
    pub fn after(&self) -> Position {
        self.after
    }
}
