//! What a step brings about outside the pipeline: rows, and what the service has to write down.

use arrow::record_batch::RecordBatch;
use domain::record::Publish;
use domain::registry::{Change, RowVerdict};
use domain::{Position, Timestamp};
use lake::rows::{AirRows, DeadLetterRows, ParkingRows};
use lake::table::Table;

/// The effects of the records `first` to `last`.
#[derive(Default)]
pub struct Effects {
    pub first: Position,
    pub last: Position,
    pub parking: ParkingRows,
    pub air: AirRows,
    pub dead_letters: DeadLetterRows,
    /// One of each edit that the table does not hold yet.
    pub registry: Vec<RecordBatch>,
    pub edits: Vec<AppliedEdit>,
    pub uplinks: Vec<UplinkNote>,
}

/// A registry edit as the pipeline judged it.
pub struct AppliedEdit {
    pub position: Position,
    pub author: String,
    /// Empty when a row was refused or nothing changed.
    pub changes: Vec<Change>,
    pub rows: Vec<RowVerdict>,
    /// No row was refused.
    pub taken: bool,
}

/// A payload of a sensor as it came.
pub struct UplinkNote {
    pub sensor: u32,
    pub position: Position,
    pub received_at: Timestamp,
    pub publish: Publish,
    /// One of its readings is of an erased period: its payload is shown to nobody, though the rest goes with it.
    pub is_erased: bool,
    /// Of its first refused element.
    pub error: Option<String>,
}

/// Up to where each table holds the rows already: what a replay must not write again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Committed([Position; Table::ALL.len()]);

impl Committed {
    pub fn of(&self, table: Table) -> Position {
        self.0[table as usize]
    }

    pub fn set(&mut self, table: Table, upto: Position) {
        self.0[table as usize] = upto;
    }

    /// Whether a row of the record at `position` is in the table.
    pub fn holds(&self, table: Table, position: Position) -> bool {
        position <= self.of(table)
    }
}
