//! Several files of one day become one, or few: same rows, one order.
//!
//! Of a dead letter's rows only the one that counts goes on. Nothing is committed here.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use domain::limits::{LAKE_BATCH_ROWS_MAX, LAKE_MERGE_BYTES_MAX};
use domain::{Position, Timestamp};
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::AsyncArrowWriter;
use parquet::arrow::async_writer::AsyncFileWriter;
use tokio::io::AsyncWriteExt;
use xxhash_rust::xxh3::Xxh3;

use crate::log::Added;
use crate::staging::{Level, Names, added, join};
use crate::stats::FileStats;
use crate::table::Table;
use crate::walk::{Chunk, Walk};
use crate::{Error, encode};

/// Where and how the merged rows are written.
pub(super) struct Target<'a> {
    pub store: Arc<dyn ObjectStore>,
    pub root: Path,
    pub table: Table,
    pub day: i32,
    pub level: Level,
    pub names: &'a Names,
    pub now: Timestamp,
    /// A file is closed once it holds this much.
    pub bytes: u64,
    /// Rows up to here lose their journal offset.
    pub forget: Option<Position>,
}

#[derive(Default)]
pub(super) struct Merged {
    pub files: Vec<Added>,
    pub rows_read: u64,
    /// Dead letters' rows that no longer count.
    pub superseded: u64,
}

pub(super) async fn merge(mut walk: Walk, target: &Target<'_>) -> Result<Merged, Error> {
    let mut merged = Merged::default();
    let mut pending = Pending::default();
    let mut output = Output::new(target);
    while let Some(run) = walk.next_run().await? {
        merged.rows_read += run.rows.len() as u64;
        for row in run.rows {
            if target.table == Table::DeadLetters && pending.supersedes(&run.chunk, row) {
                merged.superseded += 1;
            } else {
                pending.push(run.input, &run.chunk, row);
            }
        }
        if pending.is_full() {
            output.write(pending.take_all_but_last()?, &mut merged).await?;
        }
    }
    if let Some(rest) = pending.take_all()? {
        output.write(rest, &mut merged).await?;
    }
    output.close(&mut merged).await?;
    Ok(merged)
}

/// Rows chosen and not yet put together.
#[derive(Default)]
struct Pending {
    chunks: Vec<Arc<Chunk>>,
    /// By input: where its present chunk stands in `chunks`.
    slots: Vec<Option<usize>>,
    places: Vec<(usize, usize)>,
    bytes: usize,
}

impl Pending {
    /// The last row stays behind, so there must be another.
    fn is_full(&self) -> bool {
        self.places.len() > LAKE_BATCH_ROWS_MAX || self.places.len() > 1 && self.bytes > LAKE_MERGE_BYTES_MAX
    }

    fn push(&mut self, input: usize, chunk: &Arc<Chunk>, row: usize) {
        if self.slots.len() <= input {
            self.slots.resize(input + 1, None);
        }
        let slot = match self.slots[input].filter(|&slot| Arc::ptr_eq(&self.chunks[slot], chunk)) {
            Some(slot) => slot,
            None => {
                self.chunks.push(chunk.clone());
                self.slots[input] = Some(self.chunks.len() - 1);
                self.chunks.len() - 1
            }
        };
        self.places.push((slot, row));
        self.bytes += chunk.row_bytes;
    }

    /// A row with the name of the last one: the one that was resolved later stays.
    fn supersedes(&mut self, chunk: &Arc<Chunk>, row: usize) -> bool {
        let Some((slot, last)) = self.places.last().copied() else {
            return false;
        };
        if self.chunks[slot].compare(last, chunk, row).is_ne() {
            return false;
        }
        if resolved(chunk, row) > resolved(&self.chunks[slot], last) {
            self.places.pop();
            self.chunks.push(chunk.clone());
            self.places.push((self.chunks.len() - 1, row));
        }
        true
    }

    fn take_all(&mut self) -> Result<Option<RecordBatch>, Error> {
        if self.places.is_empty() {
            return Ok(None);
        }
        let batches = self.chunks.iter().map(|chunk| &chunk.batch).collect::<Vec<_>>();
        let rows = interleave_record_batch(&batches, &self.places)?;
        *self = Self::default();
        Ok(Some(rows))
    }

    /// The last row stays, since the next may supersede it.
    fn take_all_but_last(&mut self) -> Result<RecordBatch, Error> {
        let last = self.places.pop().map(|(slot, row)| (self.chunks[slot].clone(), row));
        let rows = self.take_all()?;
        if let Some((chunk, row)) = last {
            self.places.push((0, row));
            self.bytes = chunk.row_bytes;
            self.chunks.push(chunk);
        }
        rows.ok_or_else(|| Error::Other("a merge flushed without rows".to_owned()))
    }
}

fn resolved(chunk: &Chunk, row: usize) -> Option<i64> {
    let column = chunk.batch.column_by_name("resolved_offset")?.as_primitive_opt::<Int64Type>()?;
    column.is_valid(row).then(|| column.value(row))
}

/// Rows in the table's order on their way into one file, or few.
pub(super) struct Output<'a> {
    target: &'a Target<'a>,
    open: Option<OpenFile>,
}

/// A file on its way to the store, hashed as it goes by.
struct Hashed {
    sink: BufWriter,
    hash: Xxh3,
}

impl Hashed {
    fn new(sink: BufWriter) -> Self {
        Self { sink, hash: Xxh3::new() }
    }
}

impl AsyncFileWriter for Hashed {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, parquet::errors::Result<()>> {
        async move {
            self.hash.update(&bytes);
            Ok(self.sink.put(bytes).await?)
        }
        .boxed()
    }

    fn complete(&mut self) -> BoxFuture<'_, parquet::errors::Result<()>> {
        async move { Ok(self.sink.shutdown().await?) }.boxed()
    }
}

struct OpenFile {
    path: String,
    writer: AsyncArrowWriter<Hashed>,
    stats: FileStats,
}

impl<'a> Output<'a> {
    pub fn new(target: &'a Target<'a>) -> Self {
        Self { target, open: None }
    }

    pub async fn write(&mut self, rows: RecordBatch, merged: &mut Merged) -> Result<(), Error> {
        let rows = match self.target.forget {
            Some(upto) => forget_offsets(&rows, upto)?,
            None => rows,
        };
        let file = match &mut self.open {
            Some(file) => file,
            None => self.open.insert(OpenFile::create(self.target)?),
        };
        file.stats.add(self.target.table, &rows);
        for rows in encode::portions(self.target.table, &rows) {
            file.writer.write(&rows).await?;
        }
        if file.writer.bytes_written() as u64 >= self.target.bytes {
            self.close(merged).await?;
        }
        Ok(())
    }

    pub async fn close(&mut self, merged: &mut Merged) -> Result<(), Error> {
        if let Some(mut file) = self.open.take() {
            file.writer.finish().await?;
            file.stats.hash = Some(file.writer.into_inner().hash.digest());
            let size = self.target.store.head(&join(&self.target.root, &file.path)).await?.size;
            merged.files.push(added(file.path, size, self.target.day, file.stats));
        }
        Ok(())
    }
}

impl OpenFile {
    fn create(target: &Target<'_>) -> Result<Self, Error> {
        let path = target.names.next(target.day, target.level, target.now);
        let sink = Hashed::new(BufWriter::new(target.store.clone(), join(&target.root, &path)));
        let writer = AsyncArrowWriter::try_new_with_options(sink, target.table.file_schema(), encode::options(target.table))?;
        Ok(Self { path, writer, stats: FileStats::default() })
    }
}

fn forget_offsets(rows: &RecordBatch, upto: Position) -> Result<RecordBatch, Error> {
    let schema = rows.schema();
    let (place, _) = schema.column_with_name("journal_offset").ok_or(Error::Column("journal_offset"))?;
    let offsets = rows.column(place).as_primitive_opt::<Int64Type>().ok_or(Error::Column("journal_offset"))?;
    let kept = offsets.iter().map(|offset| offset.filter(|&offset| offset > upto.as_i64())).collect::<Int64Array>();
    let mut columns = rows.columns().to_vec();
    columns[place] = Arc::new(kept);
    Ok(RecordBatch::try_new(schema, columns)?)
}
