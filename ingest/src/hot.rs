//! Hot rows: what the pipeline accepted and the lake does not hold yet, and for a while what it holds since.
//!
//! A chunk is the rows of a run of records. Small chunks are merged by doubling sizes, so that a quiet city does not pile up
//! thousands of them and a row is copied a logarithmic number of times. A commit is cut at a sealed position, over which
//! nothing is merged: a chunk is wholly in the lake or wholly not (SNAP-1).

mod following;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use domain::limits::{HOT_CHUNK_BYTES_MAX, HOT_CHUNK_ROWS_MAX, HOT_KEPT};
use domain::{Position, Promise, Timestamp, check};
use lake::contract::{HotChunk, TableView, View};
use lake::snapshot::TableSnapshot;
use lake::table::Table;

/// The hot rows of all tables, up to one position.
pub struct Hot {
    head: Position,
    now: Timestamp,
    tables: [TableRows; Table::ALL.len()],
}

#[derive(Default)]
struct TableRows {
    chunks: VecDeque<Chunk>,
    /// Nothing is merged over it: a commit ends here.
    sealed: Position,
    committed: Position,
    /// Rows up to there are only in the lake any more.
    forgotten: Position,
    all: Load,
    uncommitted: Load,
}

/// So many rows, and what they take in memory: a dead letter may hold a whole payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub rows: usize,
    pub bytes: usize,
}

impl Load {
    fn of(rows: &RecordBatch) -> Self {
        Self { rows: rows.num_rows(), bytes: rows.get_array_memory_size() }
    }

    fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.bytes += more.bytes;
    }

    fn take(&mut self, less: Self) {
        self.rows -= less.rows;
        self.bytes -= less.bytes;
    }

    /// Whether either of both is reached.
    pub fn reaches(self, limit: Self) -> bool {
        self.rows >= limit.rows || self.bytes >= limit.bytes
    }

    fn sum(loads: impl Iterator<Item = Self>) -> Self {
        loads.fold(Self::default(), |mut sum, load| {
            sum.add(load);
            sum
        })
    }
}

struct Chunk {
    rows: HotChunk,
    load: Load,
    /// When its commit was done, on the clock that never goes back.
    committed_at: Option<Duration>,
}

impl Hot {
    /// Nothing hot: the pipeline stands at `head`, each table holds rows up to `committed`.
    pub fn new(head: Position, now: Timestamp, committed: impl Fn(Table) -> Position) -> Self {
        let tables = Table::ALL.map(|table| {
            let committed = committed(table);
            TableRows { committed, forgotten: committed, ..TableRows::default() }
        });
        Self { head, now, tables }
    }

    /// The rows of the records `first` to `last`, in one go for all tables.
    pub fn push(
        &mut self,
        first: Position,
        last: Position,
        now: Timestamp,
        rows: impl IntoIterator<Item = (Table, RecordBatch)>,
    ) {
        for (table, rows) in rows {
            let table = &mut self.tables[table as usize];
            // A replayed run may begin before what the table holds; its rows begin after it.
            let first = first.max(table.committed.next());
            table.push(HotChunk { first, last, rows });
        }
        self.head = last;
        self.now = now;
    }

    /// Cuts at the head: for each table the rows that a commit up to there has to write.
    pub fn seal(&mut self) -> Vec<(Table, Vec<RecordBatch>)> {
        let head = self.head;
        let mut jobs = Vec::new();
        for (table, hot) in Table::ALL.into_iter().zip(&mut self.tables) {
            hot.sealed = head;
            let rows: Vec<_> =
                hot.chunks.iter().filter(|chunk| chunk.committed_at.is_none()).map(|chunk| chunk.rows.rows.clone()).collect();
            if !rows.is_empty() {
                jobs.push((table, rows));
            }
        }
        jobs
    }

    /// The lake holds the table's rows up to `upto` since `at`.
    pub fn committed(&mut self, table: Table, upto: Position, at: Duration) {
        self.tables[table as usize].commit(upto, at);
    }

    /// Drops what was committed long enough ago for every query that began on the version before.
    pub fn forget(&mut self, now: Duration) {
        for table in &mut self.tables {
            table.forget(|at| now.saturating_sub(at) >= HOT_KEPT);
        }
    }

    /// Drops everything that is committed: at the limit of memory.
    pub fn forget_committed(&mut self) {
        for table in &mut self.tables {
            table.forget(|_| true);
        }
    }

    /// SNAP-1: one lake version a table and exactly the rows after it.
    pub fn view(&self, as_of: Timestamp, snapshot: impl Fn(Table) -> Arc<TableSnapshot>) -> View {
        let tables = Table::ALL.into_iter().zip(&self.tables).map(|(table, hot)| {
            let lake = snapshot(table);
            let hot = hot.after(lake.committed).cloned().collect();
            (table, TableView { lake, hot })
        });
        View::new(self.head, as_of.max(self.now), tables.collect())
    }

    /// The rows of a table that a snapshot with this committed position does not hold.
    pub fn after(&self, table: Table, committed: Position) -> Vec<HotChunk> {
        self.tables[table as usize].after(committed).cloned().collect()
    }

    /// Of all tables.
    pub fn all(&self) -> Load {
        Load::sum(self.tables.iter().map(|table| table.all))
    }

    /// Of all tables, without what the lake holds.
    pub fn uncommitted(&self) -> Load {
        Load::sum(self.tables.iter().map(|table| table.uncommitted))
    }

    pub fn rows_of(&self, table: Table) -> usize {
        self.tables[table as usize].all.rows
    }
}

impl TableRows {
    fn push(&mut self, chunk: HotChunk) {
        if chunk.rows.num_rows() == 0 {
            return;
        }
        check!(Promise::Snap1, chunk.first <= chunk.last, "a replay does not bring back committed rows");
        let (mut load, mut chunk) = (Load::of(&chunk.rows), chunk);
        while let Some(before) = self.chunks.pop_back_if(|before| is_merged(before, load, self.sealed)) {
            let rows = concat_batches(&chunk.rows.schema(), [&before.rows.rows, &chunk.rows]);
            let rows = rows.expect("chunks of one table have one schema, and merged ones are far below what offsets reach");
            chunk = HotChunk { first: before.rows.first, last: chunk.last, rows };
            load = Load::of(&chunk.rows);
            self.all.take(before.load);
            self.uncommitted.take(before.load);
        }
        self.all.add(load);
        self.uncommitted.add(load);
        self.chunks.push_back(Chunk { rows: chunk, load, committed_at: None });
    }

    fn commit(&mut self, upto: Position, at: Duration) {
        self.committed = self.committed.max(upto);
        for chunk in self.chunks.iter_mut().filter(|chunk| chunk.committed_at.is_none()) {
            if chunk.rows.last <= upto {
                chunk.committed_at = Some(at);
                self.uncommitted.take(chunk.load);
            } else {
                check!(Promise::Snap1, chunk.rows.first > upto, "no chunk lies on both sides of a commit");
            }
        }
    }

    fn forget(&mut self, is_old: impl Fn(Duration) -> bool) {
        while let Some(chunk) = self.chunks.front()
            && chunk.committed_at.is_some_and(&is_old)
        {
            self.all.take(chunk.load);
            self.forgotten = self.forgotten.max(chunk.rows.last);
            self.chunks.pop_front();
        }
    }

    fn after(&self, committed: Position) -> impl Iterator<Item = &HotChunk> {
        self.chunks.iter().map(|chunk| &chunk.rows).filter(move |rows| {
            let is_after = rows.first > committed;
            check!(Promise::Snap1, is_after || rows.last <= committed, "no chunk lies on both sides of a commit");
            is_after
        })
    }
}

/// Whether rows that come next are put together with the chunk before them.
fn is_merged(before: &Chunk, next: Load, sealed: Position) -> bool {
    let is_small = before.load.rows <= 2 * next.rows;
    let fits = before.load.rows + next.rows <= HOT_CHUNK_ROWS_MAX && before.load.bytes + next.bytes <= HOT_CHUNK_BYTES_MAX;
    is_small && fits && before.committed_at.is_none() && before.rows.first > sealed
}

#[cfg(test)]
mod tests;
