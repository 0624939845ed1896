//! The lake: what ingest writes and query reads.
//!
//! ```text
//! ingest ──rows──► arrange (sort, split by day) ──encode──► staged files ──log──► Delta entry (journal id, position)
//!                                                                              │ maintenance: compact · expire · vacuum
//! query ◄── contract::View (one version a table + hot rows) ◄── TableSnapshot ┘
//! keys: a sensor's day, for the duplicate check · verify: every promise that can be checked at rest
//! ```

pub mod contract;
pub mod log;
pub mod maintenance;
pub mod metrics;
pub mod rows;
pub mod snapshot;
pub mod table;
pub mod verify;

mod arrange;
mod conform;
mod day;
mod encode;
mod error;
#[cfg(test)]
mod fixture;
mod footer;
mod format;
mod keys;
mod lake;
mod object;
mod options;
mod staging;
mod stats;
mod store;
mod walk;

pub use error::Error;
pub use format::FORMAT;
pub use lake::Lake;
pub use options::Options;
pub use store::{Backing, Logs, SyncedFileSystem};
