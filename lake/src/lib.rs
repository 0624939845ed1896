//! The lake: what ingest writes and query reads.
//!
//! ```text
//! ingest ──rows──► table (schema, sort, encodings) ──► parquet files ──commit (journal id, position)──► Delta log
//!                                                                        │ compact · vacuum · retain
//! query ◄── contract::View (one version a table + hot rows) ◄── snapshot ┘
//! ```

pub mod contract;
pub mod snapshot;
pub mod table;

/// Why the lake could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Other(String),
}
