//! The durable log: the queue between intake and pipeline, and the only clock of the pipeline.
//!
//! ```text
//! append ──► pending buffer ──swap──► writer thread: write, fdatasync ──► hot ring ──► tail (memory)
//!   │            (short mutex)                │                            segment files ──► tail (behind)
//!   └── Append: resolves when the watermark passes its position, fails when its batch failed
//! open: lock ─► scan the newest segment ─► cut the torn tail ─► fsync ─► watermark
//! ```
//!
//! A record's position is its number from 1, without gaps, fixed at the call of `append`. Readers see durable records only. A failed
//! write or fsync fails its batch and all that waits behind it; their positions are given out again, so no reader
//! sees a gap. Absent on purpose: what a record means (`domain::record`), and cursors of readers (they keep their position).

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests wait in the machine's time"))]

mod append;
mod disk;
mod epoch;
pub mod erase;
mod error;
mod frame;
mod hot;
mod journal;
pub mod metrics;
mod options;
mod pending;
mod reader;
mod records;
mod recovery;
mod segment;
mod segments;
mod shared;
pub mod storage;
mod tail;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use append::Append;
pub use disk::Disk;
pub use error::{AppendError, Damage, Error, OpenError, TailError};
pub use journal::{Health, Journal};
pub use options::Options;
pub use records::Records;
pub use recovery::{Recovery, TornRecord};
pub use tail::{Entry, Tail};
pub use verify::{Report, verify};
pub use writer::Writer;
