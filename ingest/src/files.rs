//! Files of the lake read row by row, for what ingest asks of its own tables beside the duplicate look-up.

use lake::table::Table;
use lake::{Error, Lake};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
#[expect(deprecated, reason = "its replacement is an example, not an interface; the lake reads the same way")]
use parquet::arrow::async_reader::ParquetObjectReader;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;

/// `path` is relative to the table's folder, as snapshots have it.
#[expect(deprecated, reason = "as above")]
pub async fn open(lake: &Lake, table: Table, path: &str) -> Result<ParquetRecordBatchStreamBuilder<ParquetObjectReader>, Error> {
    let store = lake.object_store();
    let path = Path::from_iter(lake.table_root(table).parts().chain(Path::from(path).parts()));
    let size = store.head(&path).await?.size;
    let reader = ParquetObjectReader::new(store, path).with_file_size(size);
    Ok(ParquetRecordBatchStreamBuilder::new(reader).await?)
}
