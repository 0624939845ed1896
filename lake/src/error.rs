//! Why the lake could not do something: a variant for each thing that a caller can do differently.

use crate::table::Table;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A newer Kerbside wrote here: nothing was touched.
    #[error("the lake at {at} has format {found}, this version of kerbside knows formats up to {known}: use the newer version")]
    NewerVersion { at: String, found: u32, known: u32 },
    /// The path or URL cannot hold a lake.
    #[error("{at} cannot hold a lake: {why}")]
    Location { at: String, why: String },
    /// A column is absent or has another type.
    #[error("column {0} is absent or of another type")]
    Column(&'static str),
    /// Someone changed the table so that rows no longer fit.
    #[error("table {} in the lake does not fit this version of kerbside: {why}", .table.name())]
    Schema { table: Table, why: String },
    /// Another process commits the same journal, or took away a file that was being replaced.
    #[error("table {} was changed by another writer: {why}", .table.name())]
    Conflict { table: Table, why: String },
    /// Another process compacts this lake.
    #[error("another process maintains the lake")]
    Busy,
    /// Opened by [`Lake::open_read_only`](crate::Lake::open_read_only).
    #[error("the lake is open for reading only")]
    ReadOnly,
    /// Up to where the lake counts is not known yet.
    #[error(transparent)]
    Away(#[from] crate::contract::Away),
    /// The disk or object store failed: try again.
    #[error("storage: {0}")]
    Storage(#[from] object_store::Error),
    #[error("disk: {0}")]
    Disk(#[from] std::io::Error),
    #[error("delta log: {0}")]
    Delta(Box<deltalake_core::DeltaTableError>),
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("arrow: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    #[error("{0}")]
    Other(String),
}

impl From<deltalake_core::DeltaTableError> for Error {
    fn from(error: deltalake_core::DeltaTableError) -> Self {
        Self::Delta(Box::new(error))
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Other(format!("a blocking task ended early: {error}"))
    }
}
