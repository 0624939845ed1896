//! Of which record a row is the effect: what decides whether a table, or somebody's copy of the hot rows, holds it already.

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use domain::Position;

use crate::Error;
use crate::arrange::integers;
use crate::table::Table;

/// The positions of a batch's rows: `journal_offset`, of a resolved dead letter `resolved_offset`.
pub(crate) struct Positions {
    offsets: Int64Array,
    resolved: Option<Int64Array>,
}

impl Positions {
    pub fn of(table: Table, batch: &RecordBatch) -> Result<Self, Error> {
        let resolved = match table {
            Table::DeadLetters => Some(integers(batch, "resolved_offset")?),
            _ => None,
        };
        Ok(Self { offsets: integers(batch, "journal_offset")?, resolved })
    }

    pub fn at(&self, row: usize) -> i64 {
        let resolved = self.resolved.as_ref().filter(|resolved| resolved.is_valid(row)).map(|resolved| resolved.value(row));
        resolved.unwrap_or(self.offsets.value(row))
    }
}

/// The rows that are effects of records after `position`.
pub fn after(table: Table, batch: &RecordBatch, position: Position) -> Result<RecordBatch, Error> {
    let positions = Positions::of(table, batch)?;
    let news = (0..batch.num_rows()).map(|row| Some(positions.at(row) > position.as_i64())).collect::<BooleanArray>();
    match news.true_count() == batch.num_rows() {
        true => Ok(batch.clone()),
        false => Ok(filter_record_batch(batch, &news)?),
    }
}
