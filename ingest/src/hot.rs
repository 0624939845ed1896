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
use domain::limits::HOT_KEPT;
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
    rows: usize,
    rows_uncommitted: usize,
}

struct Chunk {
    rows: HotChunk,
    /// When its commit was done, on the clock that never goes back.
    committed_at: Option<Duration>,
}

/// Above this a chunk is not merged any more.
const CHUNK_ROWS_MAX: usize = 65_536;

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

    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows).sum()
    }

    pub fn rows_uncommitted(&self) -> usize {
        self.tables.iter().map(|table| table.rows_uncommitted).sum()
    }

    pub fn rows_of(&self, table: Table) -> usize {
        self.tables[table as usize].rows
    }
}

impl TableRows {
    fn push(&mut self, chunk: HotChunk) {
        let added = chunk.rows.num_rows();
        if added == 0 {
            return;
        }
        check!(Promise::Snap1, chunk.first <= chunk.last, "a replay does not bring back committed rows");
        self.rows += added;
        self.rows_uncommitted += added;
        let mut chunk = chunk;
        while let Some(before) = self.chunks.back() {
            let small = before.rows.rows.num_rows() <= 2 * chunk.rows.num_rows();
            let fits = before.rows.rows.num_rows() + chunk.rows.num_rows() <= CHUNK_ROWS_MAX;
            if !(small && fits && before.committed_at.is_none() && before.rows.first > self.sealed) {
                break;
            }
            let rows = concat_batches(&chunk.rows.schema(), [&before.rows.rows, &chunk.rows]);
            let rows = rows.expect("chunks of one table have one schema");
            chunk = HotChunk { first: before.rows.first, last: chunk.last, rows };
            self.chunks.pop_back();
        }
        self.chunks.push_back(Chunk { rows: chunk, committed_at: None });
    }

    fn commit(&mut self, upto: Position, at: Duration) {
        self.committed = self.committed.max(upto);
        for chunk in self.chunks.iter_mut().filter(|chunk| chunk.committed_at.is_none()) {
            if chunk.rows.last <= upto {
                chunk.committed_at = Some(at);
                self.rows_uncommitted -= chunk.rows.rows.num_rows();
            } else {
                check!(Promise::Snap1, chunk.rows.first > upto, "no chunk lies on both sides of a commit");
            }
        }
    }

    fn forget(&mut self, is_old: impl Fn(Duration) -> bool) {
        while let Some(chunk) = self.chunks.front()
            && chunk.committed_at.is_some_and(&is_old)
        {
            self.rows -= chunk.rows.rows.num_rows();
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

#[cfg(test)]
mod tests;
