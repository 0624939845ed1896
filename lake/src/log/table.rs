//! What deltalake-core does for a table: create it, extend it, replay its log.

use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake_core::kernel::{StructField, StructType};
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::table::state::DeltaTableState;
use deltalake_core::{DeltaTable, DeltaTableError};
use domain::Position;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use std::sync::Arc;
use tracing::info;

use super::change::described;
use crate::Error;
use crate::snapshot::TableSnapshot;
use crate::stats::FileStats;
use crate::store::Location;
use crate::table::{DAY, Table};

/// Told to other engines, which may vacuum or clean the log themselves. Kerbside's own maintenance goes by its options.
const PROPERTIES: [(&str, &str); 3] = [
    ("delta.deletedFileRetentionDuration", "interval 2 days"),
    ("delta.logRetentionDuration", "interval 2 days"),
    ("delta.checkpointInterval", "100"),
];

/// Over our own synced store, so that deltalake-core never picks one by itself.
pub(super) fn log_store(location: &Location, table: Table) -> Result<LogStoreRef, Error> {
    let prefixed = Arc::new(PrefixStore::new(location.store.clone(), location.table_root(table)));
    Ok(default_logstore(prefixed, location.store.clone(), &location.table_url(table), &StorageConfig::default()))
}

/// Newest version unless one is named.
pub(super) async fn replay(log_store: &LogStoreRef, version: Option<i64>) -> Result<DeltaTable, Error> {
    let mut table = DeltaTable::new(log_store.clone());
    match version {
        Some(version) => table.load_version(version.max(0).cast_unsigned()).await?,
        None => table.load().await?,
    }
    Ok(table)
}

pub(super) async fn create_or_extend(log_store: &LogStoreRef, table: Table) -> Result<(), Error> {
    match replay(log_store, None).await {
        Ok(found) => extend(found, table).await,
        Err(error) if is_absent(&error) => {
            let schema: StructType = table.schema().as_ref().try_into_kernel()?;
            CreateBuilder::new()
                .with_log_store(log_store.clone())
                .with_table_name(table.name())
                .with_comment(table.title())
                .with_columns(schema.fields().cloned())
                .with_partition_columns([DAY])
                .with_configuration(PROPERTIES.map(|(key, value)| (key, Some(value))))
                .await?;
            info!(table = table.name(), "table created");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Adds the columns that this version has and the table has not; refuses a table whose columns have other types.
async fn extend(found: DeltaTable, table: Table) -> Result<(), Error> {
    let state = found.snapshot()?;
    let missing = missing_columns(state, table)?;
    let readable = state.protocol().min_reader_version() <= 1 && state.protocol().min_writer_version() <= 2;
    if !readable {
        let why = "its protocol was raised by another writer".to_owned();
        return Err(Error::Schema { table, why });
    }
    if missing.is_empty() {
        return Ok(());
    }
    info!(table = table.name(), columns = missing.len(), "columns added");
    found.add_columns().with_fields(missing).await?;
    Ok(())
}

fn missing_columns(state: &DeltaTableState, table: Table) -> Result<Vec<StructField>, Error> {
    let wanted: StructType = table.schema().as_ref().try_into_kernel()?;
    let found = state.schema();
    let mut missing = Vec::new();
    for field in wanted.fields() {
        match found.field(field.name()) {
            Some(there) if there.data_type() == field.data_type() => {}
            Some(_) => {
                let why = format!("column {} has another type", field.name());
                return Err(Error::Schema { table, why });
            }
            // Old files do not have it, so it may be null whatever it is in new ones.
            None => missing
                .push(StructField::nullable(field.name(), field.data_type().clone()).with_metadata(field.metadata().clone())),
        }
    }
    Ok(missing)
}

pub(super) async fn load(log_store: &LogStoreRef, table: Table, version: Option<i64>) -> Result<TableSnapshot, Error> {
    let found = replay(log_store, version).await?;
    let state = found.snapshot()?;
    let data = state.log_data();
    let files = data.iter().map(|view| {
        let stats = FileStats::from_json(table, view.stats().as_deref().unwrap_or_default());
        let day = view.partition_values_map().remove(DAY).flatten();
        described(view.path().into_owned(), view.size(), day.as_deref(), stats)
    });
    let version = i64::try_from(state.version()).unwrap_or(i64::MAX);
    Ok(TableSnapshot { table, version, committed: Position::START, files: files.collect() })
}

pub(super) async fn load_or_absent(log_store: &LogStoreRef, table: Table) -> Result<TableSnapshot, Error> {
    match load(log_store, table, None).await {
        Err(error) if is_absent(&error) => Ok(absent(table)),
        other => other,
    }
}

/// A table that holds no commit yet.
pub(super) fn absent(table: Table) -> TableSnapshot {
    TableSnapshot { table, version: -1, committed: Position::START, files: Vec::new() }
}

fn is_absent(error: &Error) -> bool {
    matches!(error, Error::Delta(error) if matches!(**error, DeltaTableError::NotATable(_) | DeltaTableError::NotInitialized))
}

/// What an application has committed; the start when nothing.
pub(super) async fn transaction(log_store: &LogStoreRef, version: i64, app_id: &str) -> Result<Position, Error> {
    if version < 0 {
        return Ok(Position::START);
    }
    let found = replay(log_store, Some(version)).await?;
    let version = found.snapshot()?.transaction_version(log_store.as_ref(), app_id).await?;
    Ok(Position(version.unwrap_or_default().max(0).cast_unsigned()))
}

/// Another process wrote a checkpoint after `version`, so entries after `version` may have been cleaned away.
pub(super) async fn checkpointed_beyond(log_store: &LogStoreRef, version: i64) -> bool {
    last_checkpoint(log_store).await.is_some_and(|checkpoint| checkpoint > version)
}

/// `None` when there is none, or its hint is unreadable: then the log is listed, as every reader does.
pub(crate) async fn last_checkpoint(log_store: &LogStoreRef) -> Option<i64> {
    let store = log_store.object_store(None);
    let bytes = store.get(&Path::from("_delta_log/_last_checkpoint")).await.ok()?.bytes().await.ok()?;
    serde_json::from_slice::<serde_json::Value>(&bytes).ok()?["version"].as_i64()
}

/// The table's columns as the log tells them.
pub(crate) fn logged_schema(state: &DeltaTableState) -> Result<arrow::datatypes::Schema, Error> {
    Ok(state.schema().as_ref().try_into_arrow()?)
}
