//! What the commit protocol needs of a table's log: numbered entries, each put once, and what replaying them gives.
//!
//! A trait, so that a simulation can lose answers and tear writes. Lakes are made of [`Delta`](super::Delta).

use arrow::datatypes::Schema;
use bytes::Bytes;
use domain::{Position, Timestamp};

use crate::Error;
use crate::snapshot::TableSnapshot;

/// One table's log.
#[async_trait::async_trait]
pub trait Log: Send + Sync + 'static {
    /// Makes the table where there is none, adds columns that an older version did not have.
    async fn prepare(&self) -> Result<(), Error>;
    /// The table at a version, the newest unless one is named; `None` where there is no table.
    async fn load(&self, version: Option<i64>) -> Result<Option<TableSnapshot>, Error>;
    /// How far an application was at `version`; the start when it never committed.
    async fn transaction(&self, version: i64, app_id: &str) -> Result<Position, Error>;
    /// Durable when it returns `Written`. After an error nobody knows whether it took place.
    async fn put(&self, version: i64, entry: Bytes) -> Result<Put, Error>;
    /// `None` where there is no such entry.
    async fn entry(&self, version: i64) -> Result<Option<Bytes>, Error>;
    /// The version of the newest checkpoint; entries up to it may have been cleaned away.
    async fn checkpoint(&self) -> Option<i64>;
    /// Writes a checkpoint of the newest version and deletes entries of before `kept_since` that no reader needs. Returns how many.
    async fn write_checkpoint(&self, kept_since: Timestamp) -> Result<usize, Error>;
    /// Files that were removed at or after `since`, or nobody knows when.
    async fn removed_since(&self, since: Timestamp) -> Result<Vec<String>, Error>;
    /// The table's columns as the log tells them.
    async fn schema(&self) -> Result<Schema, Error>;
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Written,
    /// Another writer has this version.
    Taken,
}
