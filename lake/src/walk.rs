//! The rows of several sorted files in one order: what compaction writes and verification reads.
//!
//! Rows come in runs, stretches of one batch that precede everything else, so that the cost is a comparison a row and a heap
//! operation a run. Memory is one batch a file. Decoding is work: walk on a blocking thread.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampMicrosecondType;
use domain::Timestamp;
use futures::TryStreamExt;
use parquet::arrow::async_reader::ParquetRecordBatchStream;

use crate::arrange::{self, integers, or_least, text_column};
use crate::footer::Opened;
use crate::object::Object;
use crate::snapshot::DataFile;
use crate::table::Table;
use crate::{Error, conform, staging};

const BATCH_ROWS: usize = 8_192;

/// A batch with its order columns at hand.
pub(crate) struct Chunk {
    pub batch: RecordBatch,
    pub keys: StringArray,
    pub times: TimestampMicrosecondArray,
    pub ties: Vec<Int64Array>,
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
    stream: Option<ParquetRecordBatchStream<Object>>,
    /// Rows of a file of another writer, sorted here.
    sorted: Option<RecordBatch>,
}

impl Walk {
    pub async fn start(table: Table, files: Vec<(DataFile, Opened)>) -> Result<Self, Error> {
        let mut walk = Self { inputs: Vec::with_capacity(files.len()), heads: BinaryHeap::new() };
        for (file, opened) in files {
            let stream = opened.with_batch_size(BATCH_ROWS).build()?;
            let mut input = Input { table, stream: Some(stream), sorted: None };
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
        if let Some(batch) = self.sorted.take() {
            return Chunk::of(self.table, batch).map(Some);
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
        let all = concat_batches(&self.table.file_schema(), &batches)?;
        if all.num_rows() > 0 {
            self.sorted = Some(arrange::sorted(self.table, &all)?);
        }
        Ok(())
    }
}

impl Chunk {
    fn of(table: Table, batch: RecordBatch) -> Result<Self, Error> {
        let order = table.order();
        let keys = text_column(&batch, order.key)?.clone();
        let times = batch.column_by_name(order.time).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let times = times.ok_or(Error::Column(order.time))?.clone();
        let ties = order.ties.iter().map(|tie| integers(&batch, tie)).collect::<Result<_, _>>()?;
        Ok(Self { batch, keys, times, ties })
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
