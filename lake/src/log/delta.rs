//! The log of a Delta table, by deltalake-core: it creates and extends the table, replays the log, writes checkpoints.

use std::sync::Arc;

use arrow::datatypes::Schema;
use bytes::Bytes;
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::kernel::{StructField, StructType};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::checkpoints::{cleanup_expired_logs_for, create_checkpoint};
use deltalake_core::table::state::DeltaTableState;
use deltalake_core::{DeltaTable, DeltaTableError};
use domain::{Position, Timestamp};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use tracing::info;
use url::Url;

use super::change::described;
use super::protocol::{Log, Put};
use crate::Error;
use crate::snapshot::TableSnapshot;
use crate::stats::FileStats;
use crate::table::{DAY, Table};

/// Told to other engines, which may vacuum or clean the log themselves. Kerbside's own maintenance goes by its options.
const PROPERTIES: [(&str, &str); 3] = [
    ("delta.deletedFileRetentionDuration", "interval 2 days"),
    ("delta.logRetentionDuration", "interval 2 days"),
    ("delta.checkpointInterval", "100"),
];

/// One table.
pub struct Delta {
    table: Table,
    log_store: LogStoreRef,
}

impl Delta {
    /// Over the caller's own store, in which the table lies at `root`, so that deltalake-core never picks one by itself. `url` is the
    /// same place as deltalake-core names it.
    pub fn new(store: &Arc<dyn ObjectStore>, root: Path, url: &Url, table: Table) -> Self {
        let prefixed = Arc::new(PrefixStore::new(store.clone(), root));
        Self { table, log_store: default_logstore(prefixed, store.clone(), url, &StorageConfig::default()) }
    }

    /// Newest version unless one is named; `None` where there is no table.
    async fn replay(&self, version: Option<i64>) -> Result<Option<DeltaTable>, Error> {
        let mut table = DeltaTable::new(self.log_store.clone());
        let loaded = match version {
            Some(version) => table.load_version(version.max(0).cast_unsigned()).await,
            None => table.load().await,
        };
        match loaded {
            Ok(()) => Ok(Some(table)),
            Err(DeltaTableError::NotATable(_) | DeltaTableError::NotInitialized) if version.is_none() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Of a table that is there.
    async fn state(&self, version: Option<i64>) -> Result<DeltaTable, Error> {
        self.replay(version).await?.ok_or_else(|| DeltaTableError::NotInitialized.into())
    }

    async fn create(&self) -> Result<(), Error> {
        let schema: StructType = self.table.schema().as_ref().try_into_kernel()?;
        CreateBuilder::new()
            .with_log_store(self.log_store.clone())
            .with_table_name(self.table.name())
            .with_comment(self.table.title())
            .with_columns(schema.fields().cloned())
            .with_partition_columns([DAY])
            .with_configuration(PROPERTIES.map(|(key, value)| (key, Some(value))))
            .await?;
        info!(table = self.table.name(), "table created");
        Ok(())
    }

    /// Adds the columns that this version has and the table has not; refuses a table whose columns have other types.
    async fn extend(&self, found: DeltaTable) -> Result<(), Error> {
        let state = found.snapshot()?;
        let missing = self.missing_columns(state)?;
        let readable = state.protocol().min_reader_version() <= 1 && state.protocol().min_writer_version() <= 2;
        if !readable {
            let why = "its protocol was raised by another writer".to_owned();
            return Err(Error::Schema { table: self.table, why });
        }
        if missing.is_empty() {
            return Ok(());
        }
        info!(table = self.table.name(), columns = missing.len(), "columns added");
        found.add_columns().with_fields(missing).await?;
        Ok(())
    }

    fn missing_columns(&self, state: &DeltaTableState) -> Result<Vec<StructField>, Error> {
        let wanted: StructType = self.table.schema().as_ref().try_into_kernel()?;
        let found = state.schema();
        let mut missing = Vec::new();
        for field in wanted.fields() {
            match found.field(field.name()) {
                Some(there) if there.data_type() == field.data_type() => {}
                Some(_) => {
                    let why = format!("column {} has another type", field.name());
                    return Err(Error::Schema { table: self.table, why });
                }
                // Old files do not have it, so it may be null whatever it is in new ones.
                None => missing
                    .push(StructField::nullable(field.name(), field.data_type().clone()).with_metadata(field.metadata().clone())),
            }
        }
        Ok(missing)
    }

    fn snapshot_of(&self, found: &DeltaTable) -> Result<TableSnapshot, Error> {
        let state = found.snapshot()?;
        let data = state.log_data();
        let files = data.iter().map(|view| {
            let stats = FileStats::from_json(self.table, view.stats().as_deref().unwrap_or_default());
            let day = view.partition_values_map().remove(DAY).flatten();
            described(view.path().into_owned(), view.size(), day.as_deref(), stats)
        });
        let version = i64::try_from(state.version()).unwrap_or(i64::MAX);
        Ok(TableSnapshot { table: self.table, version, committed: Position::START, files: files.collect() })
    }
}

#[async_trait::async_trait]
impl Log for Delta {
    async fn prepare(&self) -> Result<(), Error> {
        match self.replay(None).await? {
            Some(found) => self.extend(found).await,
            None => self.create().await,
        }
    }

    async fn load(&self, version: Option<i64>) -> Result<Option<TableSnapshot>, Error> {
        self.replay(version).await?.map(|found| self.snapshot_of(&found)).transpose()
    }

    async fn transaction(&self, version: i64, app_id: &str) -> Result<Position, Error> {
        let found = self.state(Some(version)).await?;
        let version = found.snapshot()?.transaction_version(self.log_store.as_ref(), app_id).await?;
        Ok(Position(version.unwrap_or_default().max(0).cast_unsigned()))
    }

    async fn put(&self, version: i64, entry: Bytes) -> Result<Put, Error> {
        let entry = CommitOrBytes::LogBytes(entry);
        match self.log_store.write_commit_entry(version.max(0).cast_unsigned(), entry, uuid::Uuid::nil()).await {
            Ok(()) => Ok(Put::Written),
            Err(TransactionError::VersionAlreadyExists(_)) => Ok(Put::Taken),
            Err(error) => Err(DeltaTableError::from(error).into()),
        }
    }

    async fn entry(&self, version: i64) -> Result<Option<Bytes>, Error> {
        Ok(self.log_store.read_commit_entry(version.max(0).cast_unsigned()).await?)
    }

    /// `None` also when its hint is unreadable: then the log is listed, as every reader does.
    async fn checkpoint(&self) -> Option<i64> {
        let store = self.log_store.object_store(None);
        let bytes = store.get(&Path::from("_delta_log/_last_checkpoint")).await.ok()?.bytes().await.ok()?;
        serde_json::from_slice::<serde_json::Value>(&bytes).ok()?["version"].as_i64()
    }

    async fn write_checkpoint(&self, kept_since: Timestamp) -> Result<usize, Error> {
        let found = self.state(None).await?;
        let version = found.snapshot()?.version();
        create_checkpoint(&found, None).await?;
        let cutoff_ms = kept_since.as_micros() / 1_000;
        Ok(cleanup_expired_logs_for(version, self.log_store.as_ref(), cutoff_ms, None).await?)
    }

    async fn removed_since(&self, since: Timestamp) -> Result<Vec<String>, Error> {
        let found = self.state(None).await?;
        let mut tombstones = found.snapshot()?.all_tombstones(self.log_store.as_ref());
        let mut removed = Vec::new();
        while let Some(tombstone) = tombstones.try_next().await? {
            let removed_ms = tombstone.deletion_timestamp().unwrap_or(i64::MAX);
            if removed_ms.saturating_mul(1_000) >= since.as_micros() {
                removed.push(tombstone.path().into_owned());
            }
        }
        Ok(removed)
    }

    async fn schema(&self) -> Result<Schema, Error> {
        let found = self.state(None).await?;
        Ok(found.snapshot()?.schema().as_ref().try_into_arrow()?)
    }
}
