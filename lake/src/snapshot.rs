//! One table at one version: its files and up to where the journal is in it.

use domain::Position;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use xxhash_rust::xxh3::Xxh3;

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
    /// Whether the bytes there are those that were written, as far as it is known.
    pub async fn is_whole(&self, store: &dyn ObjectStore, location: &Path) -> Result<bool, object_store::Error> {
        match self.hash {
            Some(told) => Ok(hash_of(store, location).await? == told),
            None => Ok(true),
        }
    }
}

/// The xxh3 of a file, never held as a whole.
pub(crate) async fn hash_of(store: &dyn ObjectStore, location: &Path) -> Result<u64, object_store::Error> {
    let mut bytes = store.get(location).await?.into_stream();
    let mut hash = Xxh3::new();
    while let Some(bytes) = bytes.try_next().await? {
        hash.update(&bytes);
    }
    Ok(hash.digest())
}
