//! What an operator may set of a journal; the limits' reasons stand in `domain::limits`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the journal lies and how much it may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The directory of the segments; created when absent. One process a directory.
    pub dir: PathBuf,
    /// A segment that would grow beyond this is closed and a new one begun; a single larger batch still goes whole into one.
    pub segment_bytes: u64,
    /// Above this many bytes not yet durable, [`Journal::ready`](crate::Journal::ready) waits.
    pub pending_bytes_max: usize,
    /// The newest durable bytes that a tail reads from memory.
    pub hot_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("journal"),
            segment_bytes: domain::limits::SEGMENT_BYTES,
            pending_bytes_max: domain::limits::JOURNAL_PENDING_BYTES_MAX,
            hot_bytes_max: domain::limits::JOURNAL_HOT_BYTES_MAX,
        }
    }
}
