//! One snapshot for one answer (SNAP-1).

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use domain::{Position, Timestamp};

use crate::snapshot::TableSnapshot;
use crate::table::Table;

/// Rows that the pipeline accepted from the records `first` to `last`, in the table's lake schema.
#[derive(Clone, Debug)]
pub struct HotChunk {
    pub first: Position,
    pub last: Position,
    pub rows: RecordBatch,
}

/// One table: what is in the lake, and what is not yet.
#[derive(Clone, Debug)]
pub struct TableView {
    pub lake: Arc<TableSnapshot>,
    /// Exactly the rows after the lake's committed position, up to the view's head.
    pub hot: Vec<HotChunk>,
}

/// All tables up to one position.
#[derive(Clone, Debug)]
pub struct View {
    pub head: Position,
    /// The pipeline's now at `head`, or the wall clock when that is later.
    pub as_of: Timestamp,
    tables: Vec<(Table, TableView)>,
}

impl View {
    pub fn new(head: Position, as_of: Timestamp, tables: Vec<(Table, TableView)>) -> Self {
        Self { head, as_of, tables }
    }

    /// `None` for a table that this process does not serve.
    pub fn table(&self, table: Table) -> Option<&TableView> {
        self.tables.iter().find(|(name, _)| *name == table).map(|(_, view)| view)
    }

    pub fn tables(&self) -> impl Iterator<Item = &(Table, TableView)> {
        self.tables.iter()
    }
}
