//! The rows of several sorted files in one order: what compaction writes and verification reads.
//!
//! Rows come in runs, stretches of one batch that precede everything else, so that the cost is a comparison a row and a heap
//! operation a run. Memory is one batch a file, and where rows may be long all files share a limit of bytes. Decoding is work: walk
//! on a blocking thread.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use domain::Timestamp;
use domain::limits::{LAKE_BATCH_ROWS_MAX, LAKE_WALK_BYTES_MAX, PAYLOAD_BYTES_MAX};
use futures::TryStreamExt;
use parquet::arrow::async_reader::ParquetRecordBatchStream;

use crate::arrange::{self, integers, or_least, text_column};
use crate::footer::Opened;
use crate::object::Object;
use crate::snapshot::DataFile;
use crate::table::Table;
use crate::{Error, conform, staging};

/// A batch with its order columns at hand.
pub(crate) struct Chunk {
    pub batch: RecordBatch,
    pub keys: StringArray,
    pub times: TimestampMicrosecondArray,
    pub ties: Vec<Int64Array>,
    /// What one of its rows takes in memory, more or less.
    pub row_bytes: usize,
}

/// Rows that come next.
pub(crate) struct Run {
    /// Which of the files.
    pub input: usize,
    pub chunk: Arc<Chunk>,
    pub rows: Range<usize>,
}

pub(crate) struct Walk {
    inputs: Vec<Input>,
    heads: BinaryHeap<Reverse<Head>>,
}

struct Input {
    table: Table,
    batch_rows: usize,
    stream: Option<ParquetRecordBatchStream<Object>>,
    sorted: Option<Sorted>,
}

/// Rows of a file of another writer, sorted here.
struct Sorted {
    batches: Vec<RecordBatch>,
    /// Of the rows that still come.
    places: std::vec::IntoIter<(usize, usize)>,
}

impl Walk {
    pub async fn start(table: Table, files: Vec<(DataFile, Opened)>) -> Result<Self, Error> {
        let batch_rows = batch_rows(table, files.len());
        let mut walk = Self { inputs: Vec::with_capacity(files.len()), heads: BinaryHeap::new() };
        for (file, opened) in files {
            let stream = opened.with_batch_size(batch_rows).build()?;
            let mut input = Input { table, batch_rows, stream: Some(stream), sorted: None };
            if staging::written(&file.path).1 == Timestamp::UNIX_EPOCH {
                input.sort().await?;
            }
            let number = walk.inputs.len();
            if let Some(chunk) = input.next().await? {
                walk.heads.push(Reverse(Head { chunk: Arc::new(chunk), row: 0, input: number }));
            }
            walk.inputs.push(input);
        }
        Ok(walk)
    }

    /// `None` at the end.
    pub async fn next_run(&mut self) -> Result<Option<Run>, Error> {
        let Some(Reverse(mut head)) = self.heads.pop() else {
            return Ok(None);
        };
        let (input, chunk, start) = (head.input, head.chunk.clone(), head.row);
        let length = chunk.batch.num_rows();
        head.row += 1;
        match self.heads.peek() {
            None => head.row = length,
            Some(Reverse(other)) => {
                while head.row < length && head <= *other {
                    head.row += 1;
                }
            }
        }
        let end = head.row;
        if end < length {
            self.heads.push(Reverse(head));
        } else if let Some(next) = self.inputs[input].next().await? {
            self.heads.push(Reverse(Head { chunk: Arc::new(next), row: 0, input }));
        }
        Ok(Some(Run { input, chunk, rows: start..end }))
    }
}

impl Input {
    async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        if let Some(sorted) = &mut self.sorted {
            return sorted.next(self.batch_rows)?.map(|batch| Chunk::of(self.table, batch)).transpose();
        }
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        while let Some(batch) = stream.try_next().await? {
            if batch.num_rows() > 0 {
                return Chunk::of(self.table, conform::to_schema(&batch, &self.table.file_schema())?).map(Some);
            }
        }
        Ok(None)
    }

    async fn sort(&mut self) -> Result<(), Error> {
        let mut batches = Vec::new();
        if let Some(mut stream) = self.stream.take() {
            while let Some(batch) = stream.try_next().await? {
                batches.push(conform::to_schema(&batch, &self.table.file_schema())?);
            }
        }
        let places = arrange::order(self.table, &batches)?.into_iter();
        self.sorted = Some(Sorted { batches, places });
        Ok(())
    }
}

impl Sorted {
    fn next(&mut self, rows: usize) -> Result<Option<RecordBatch>, Error> {
        let places: Vec<_> = self.places.by_ref().take(rows).collect();
        if places.is_empty() {
            return Ok(None);
        }
        let batches: Vec<_> = self.batches.iter().collect();
        Ok(Some(interleave_record_batch(&batches, &places)?))
    }
}

/// Of each of so many files.
fn batch_rows(table: Table, files: usize) -> usize {
    match table.has_long_rows() {
        true => (LAKE_WALK_BYTES_MAX / files.max(1) / PAYLOAD_BYTES_MAX).clamp(1, LAKE_BATCH_ROWS_MAX),
        false => LAKE_BATCH_ROWS_MAX,
    }
}

impl Chunk {
    fn of(table: Table, batch: RecordBatch) -> Result<Self, Error> {
        let order = table.order();
        let keys = text_column(&batch, order.key)?.clone();
        let times = batch.column_by_name(order.time).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let times = times.ok_or(Error::Column(order.time))?.clone();
        let ties = order.ties.iter().map(|tie| integers(&batch, tie)).collect::<Result<_, _>>()?;
        let row_bytes = batch.get_array_memory_size() / batch.num_rows().max(1);
        Ok(Self { batch, keys, times, ties, row_bytes })
    }

    /// `None` is null, which sorts first.
    pub fn key(&self, row: usize) -> Option<&str> {
        self.keys.is_valid(row).then(|| self.keys.value(row))
    }

    pub fn time(&self, row: usize) -> Option<i64> {
        self.times.is_valid(row).then(|| self.times.value(row))
    }

    pub fn compare(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        let ties = || {
            let pairs = self.ties.iter().zip(&other.ties);
            pairs.map(|(a, b)| or_least(a, row).cmp(&or_least(b, other_row))).find(|order| order.is_ne())
        };
        (self.key(row).cmp(&other.key(other_row)))
            .then_with(|| self.time(row).cmp(&other.time(other_row)))
            .then_with(|| ties().unwrap_or(Ordering::Equal))
    }
}

/// The next row of one input.
struct Head {
    chunk: Arc<Chunk>,
    row: usize,
    input: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.chunk.compare(self.row, &other.chunk, other.row).then(self.input.cmp(&other.input))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_of_as_many_files_as_are_merged_at_once_fit_into_their_limit() {
        for files in [1, 24, 256] {
            let rows = batch_rows(Table::DeadLetters, files);
            assert!(rows >= 1 && rows * files * PAYLOAD_BYTES_MAX <= LAKE_WALK_BYTES_MAX, "{rows} rows of {files} files");
        }
        assert_eq!(batch_rows(Table::ParkingReadings, 256), LAKE_BATCH_ROWS_MAX);
    }
}
