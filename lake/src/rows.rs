//! Rows on their way into the lake: builders that take domain types straight into Arrow columns.
//!
//! What they finish is at once a hot chunk for queries and what a commit takes. A push allocates nothing but the growth
//! of its columns. Times beyond the years 1 to 9999 never come here: the pipeline refused them.

mod air;
mod dead_letter;
mod parking;
mod position;
mod registry;
mod transport;

pub use air::{AirColumns, AirRows};
pub use dead_letter::{DeadLetter, DeadLetterRows};
pub use parking::{ParkingColumns, ParkingRows};
pub(crate) use position::Positions;
pub use position::after;
pub use registry::{RegistryRows, RegistryVersion};

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondBuilder};
use domain::Timestamp;

use crate::table::Table;

/// Columns in the order of the table's schema, `day` among them.
fn batch(table: Table, columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(table.schema(), columns).expect("the builders are made of the table's schema")
}

fn timestamps() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_timezone("UTC")
}

fn shared(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// The partition of a row: the UTC date of its time, 1970-01-01 where there is none.
fn day_of(time: Option<Timestamp>) -> i32 {
    time.map_or(0, Timestamp::utc_day)
}

#[cfg(test)]
mod tests;
