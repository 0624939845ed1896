//! One table at one version: its files and up to where the journal is in it.

use domain::Position;
use xxhash_rust::xxh3::xxh3_64;

use crate::table::Table;

/// Immutable: a query holds it while commits and compactions go on.
#[derive(Clone, Debug)]
pub struct TableSnapshot {
    pub table: Table,
    /// Delta version; −1 for a table that holds no commit yet.
    pub version: i64,
    /// The newest journal position whose rows are in the table.
    pub committed: Position,
    pub files: Vec<DataFile>,
}

/// One live Parquet file.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFile {
    /// Relative to the table's folder, as in the Delta log (not percent-encoded).
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
    /// Days since 1970-01-01: its partition.
    pub day: i32,
    /// Of the table's first sort column (`sensor`, for the reading tables); `None` when unknown.
    pub key_min: Option<String>,
    pub key_max: Option<String>,
    /// Of the table's time column, in microseconds; `None` when unknown.
    pub time_min: Option<i64>,
    pub time_max: Option<i64>,
    /// xxh3 of all its bytes; `None` for a file of another writer or an older version.
    pub hash: Option<u64>,
}

impl DataFile {
    /// Whether these are the bytes that were written, as far as it is known.
    pub fn is_whole(&self, bytes: &[u8]) -> bool {
        self.hash.is_none_or(|hash| hash == xxh3_64(bytes))
    }
}
