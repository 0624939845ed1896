//! Hot rows as they were told, and the lake's snapshots that they stand after.
//!
//! A snapshot is adopted when the copy has reached the position that it holds: then the rows up to there leave the hot part. So each
//! row is in one of the two at any moment, whatever ingest commits meanwhile (SNAP-1).

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::compute::concat_batches;
use domain::limits::{HOT_BYTES_MAX, HOT_CHUNK_BYTES_MAX, HOT_CHUNK_ROWS_MAX, HOT_ROWS_MAX};
use domain::{Position, Promise, check};
use lake::contract::{HotChunk, TableView};
use lake::snapshot::TableSnapshot;
use lake::table::Table;

/// All tables.
#[derive(Default)]
pub struct HotCopy {
    tables: [TableCopy; Table::ALL.len()],
}

#[derive(Default)]
struct TableCopy {
    chunks: VecDeque<HotChunk>,
    /// What answers are made of; `None` before the first step.
    shown: Option<Arc<TableSnapshot>>,
    /// The newest that was read.
    newest: Option<Arc<TableSnapshot>>,
}

impl HotCopy {
    /// Rows after all that are there.
    pub fn push(&mut self, table: Table, chunk: HotChunk) -> Result<(), lake::Error> {
        self.tables[table as usize].push(table, chunk)
    }

    /// A snapshot that was read: shown from when the copy reaches it.
    pub fn offer(&mut self, snapshot: Arc<TableSnapshot>) {
        let table = snapshot.table;
        self.tables[table as usize].newest = Some(snapshot);
    }

    /// The copy is true up to `head`.
    pub fn adopt(&mut self, head: Position) -> Result<(), lake::Error> {
        Table::ALL.into_iter().zip(&mut self.tables).try_for_each(|(table, copy)| copy.adopt(table, head))
    }

    /// `None` for a table that is not followed.
    pub fn view(&self, table: Table, head: Position) -> Option<TableView> {
        let copy = &self.tables[table as usize];
        let lake = copy.shown.clone()?;
        check!(Promise::Snap1, lake.committed <= head, "a lake version holds no rows from after the view");
        check!(
            Promise::Snap1,
            copy.chunks.iter().all(|chunk| chunk.first > lake.committed && chunk.last <= head),
            "the hot rows are those between lake and head"
        );
        Some(TableView { lake, hot: copy.chunks.iter().cloned().collect() })
    }

    pub fn rows(&self) -> usize {
        self.chunks().map(|chunk| chunk.rows.num_rows()).sum()
    }

    /// Beyond it nothing more may be told before the lake has taken some off.
    pub fn is_full(&self) -> bool {
        let bytes: usize = self.chunks().map(|chunk| chunk.rows.get_array_memory_size()).sum();
        bytes > HOT_BYTES_MAX || self.rows() > HOT_ROWS_MAX
    }

    fn chunks(&self) -> impl Iterator<Item = &HotChunk> {
        self.tables.iter().flat_map(|copy| &copy.chunks)
    }
}

impl TableCopy {
    fn push(&mut self, table: Table, chunk: HotChunk) -> Result<(), lake::Error> {
        let mut chunk = chunk;
        while let Some(before) = self.chunks.back() {
            let (rows, more) = (before.rows.num_rows(), chunk.rows.num_rows());
            let bytes = before.rows.get_array_memory_size() + chunk.rows.get_array_memory_size();
            if rows > 2 * more || rows + more > HOT_CHUNK_ROWS_MAX || bytes > HOT_CHUNK_BYTES_MAX {
                break;
            }
            let rows = concat_batches(&table.schema(), [&before.rows, &chunk.rows])?;
            chunk = HotChunk { first: before.first, last: chunk.last, rows };
            self.chunks.pop_back();
        }
        self.chunks.push_back(chunk);
        Ok(())
    }

    fn adopt(&mut self, table: Table, head: Position) -> Result<(), lake::Error> {
        let Some(newest) = self.newest.clone().filter(|newest| newest.committed <= head) else {
            return Ok(());
        };
        let committed = newest.committed;
        self.shown = Some(newest);
        while self.chunks.front().is_some_and(|chunk| chunk.last <= committed) {
            self.chunks.pop_front();
        }
        // Merging knew nothing of where ingest would cut.
        for chunk in self.chunks.iter_mut().take_while(|chunk| chunk.first <= committed) {
            chunk.rows = lake::rows::after(table, &chunk.rows, committed)?;
            chunk.first = committed.next();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
