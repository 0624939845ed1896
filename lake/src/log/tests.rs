//! The log beside others: older tables, foreign tables, writes in doubt.

use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{DataType, PrimitiveType, StructField, StructType};
use deltalake_core::logstore::{StorageConfig, default_logstore};
use deltalake_core::operations::create::CreateBuilder;
use domain::Position;
use object_store::prefix::PrefixStore;

use super::*;
use crate::fixture::{Fixture, JOURNAL, parking};
use crate::table::DAY;
use crate::{Lake, Options};

const PARKING: Table = Table::ParkingReadings;

/// A lake whose parking table was made by someone else.
async fn made_by_another(change: impl Fn(StructField) -> Option<StructField>) -> (Fixture, Options) {
    let lake = Fixture::new().await;
    let folder = lake.folder.path().join("other");
    let options = Options::at(folder.to_str().expect("utf-8"));
    Location::create(&options.url).expect("a folder");
    let location = Location::open(&options.url, &options.storage).expect("a local folder");
    let schema: StructType = PARKING.schema().as_ref().try_into_kernel().expect("fits the Delta types");
    let prefixed = Arc::new(PrefixStore::new(location.store.clone(), location.table_root(PARKING)));
    let url = location.table_url(PARKING);
    let log_store = default_logstore(prefixed, location.store.clone(), &url, &StorageConfig::default());
    CreateBuilder::new()
        .with_log_store(log_store)
        .with_columns(schema.fields().cloned().filter_map(change))
        .with_partition_columns([DAY])
        .await
        .expect("creates");
    (lake, options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_that_an_older_version_did_not_have_are_added_on_opening() {
    let without = |field: StructField| (field.name() != "temp_c").then_some(field);
    let (mut lake, options) = made_by_another(without).await;
    lake.lake = Lake::open(options, lake.clock.clone()).await.expect("opens");
    lake.commit_parking(1, parking(1, &[("a", "2026-11-24T10:00:00Z")])).await;
    let found = lake.lake.verify(&[(JOURNAL, Position(1))]).await.expect("readable");
    assert_eq!(found.findings, []);
    assert_eq!(lake.lake.snapshot(PARKING).version, 2, "created, extended, committed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_with_a_column_of_another_type_is_refused() {
    let retyped = |field: StructField| {
        let text = DataType::Primitive(PrimitiveType::String);
        Some(if field.name() == "seq" { StructField::nullable("seq", text) } else { field })
    };
    let (lake, options) = made_by_another(retyped).await;
    let refused = Lake::open(options, lake.clock.clone()).await;
    assert!(matches!(refused, Err(Error::Schema { table: PARKING, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_in_doubt_that_took_place_is_not_repeated() {
    let lake = Fixture::new().await;
    let rows = parking(1, &[("a", "2026-11-24T10:00:00Z")]);
    lake.commit_parking(1, rows.clone()).await;
    let log = lake.lake.log(PARKING);
    let before = log.snapshot();
    // As after a write whose answer was lost: the entry is there, this process does not know.
    {
        let mut writer = log.lock().await;
        writer.positions.insert(JOURNAL, Position::START);
        writer.in_doubt = true;
        let forgotten = TableSnapshot { version: 0, committed: Position::START, files: Vec::new(), ..before.as_ref().clone() };
        *log.current.write() = Arc::new(forgotten);
    }
    lake.commit_parking(1, rows).await;
    assert_eq!((log.snapshot().version, log.snapshot().files.len()), (1, 1));
    assert_eq!(lake.rows(PARKING).await.len(), 1);
}
