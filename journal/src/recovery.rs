//! What opening a journal found.

use domain::{Position, Timestamp};

/// The state of a journal as it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// No journal was there; a new one was begun with the id handed in.
    pub created: bool,
    /// The oldest record kept; `last.next()` when there is none.
    pub first: Position,
    /// The newest durable record; 0 when none was ever written.
    pub last: Position,
    /// Of the newest record found, else `None`.
    pub last_received_at: Option<Timestamp>,
    /// An unfinished write at the end, now cut off. No acknowledged record is in it.
    pub torn: Option<TornRecord>,
    /// Records of the newest segment, all checked.
    pub records_scanned: u64,
    pub segments: u64,
}

/// Where the whole records end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornRecord {
    /// The position that the torn record would have had.
    pub position: Position,
    /// File name in the journal's directory.
    pub segment: String,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes that were cut off.
    pub bytes: u64,
    pub reason: &'static str,
}
