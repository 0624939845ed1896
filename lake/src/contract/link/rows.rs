//! Hot rows on the link: Arrow IPC streams, each of a size that a reader can hold twice.

use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use domain::limits::LINK_PART_ROWS_BYTES_MAX;

use crate::Error;
use crate::contract::HotChunk;
use crate::table::Table;

/// The rows of a chunk in parts, in their order; each is of the records of the whole chunk, and all of a step become true together.
pub fn rows_parts(chunk: &HotChunk) -> Result<Vec<Bytes>, Error> {
    let rows = chunk.rows.num_rows();
    let parts = chunk.rows.get_array_memory_size().div_ceil(LINK_PART_ROWS_BYTES_MAX).clamp(1, rows.max(1));
    let size = rows.div_ceil(parts).max(1);
    (0..rows).step_by(size).map(|start| encoded(&chunk.rows.slice(start, size.min(rows - start)))).collect()
}

fn encoded(rows: &RecordBatch) -> Result<Bytes, Error> {
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema())?;
    writer.write(rows)?;
    Ok(Bytes::from(writer.into_inner()?))
}

/// The rows of one part, in the table's schema.
pub fn rows_from(table: Table, body: &[u8]) -> Result<RecordBatch, Error> {
    let batches = StreamReader::try_new(body, None)?.collect::<Result<Vec<_>, _>>()?;
    Ok(arrow::compute::concat_batches(&table.schema(), &batches)?)
}
