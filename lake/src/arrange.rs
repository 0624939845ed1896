//! Rows as they came → one sorted batch a day, ready to be written.
//!
//! Keys are ranked once a call (there are far fewer sensors than rows), so that sorting compares integers only.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use hashbrown::HashMap;

use crate::Error;
use crate::table::{DAY, Table};

/// The table's order; the place of the row last, so that equal rows keep theirs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey {
    day: i32,
    rank: u32,
    time: i64,
    ties: [i64; 2],
    place: (u32, u32),
}

/// In the table's file schema, by ascending day.
pub(crate) fn by_day(table: Table, batches: &[RecordBatch]) -> Result<Vec<(i32, RecordBatch)>, Error> {
    let mut keys = sort_keys(table, batches)?;
    keys.sort_unstable();
    let columns =
        table.schema().fields().iter().enumerate().filter(|(_, field)| field.name() != DAY).map(|(i, _)| i).collect::<Vec<_>>();
    let files = batches.iter().map(|batch| batch.project(&columns)).collect::<Result<Vec<_>, _>>()?;
    let files = files.iter().collect::<Vec<_>>();
    let mut days = Vec::new();
    let mut rest = keys.as_slice();
    while let Some(first) = rest.first() {
        let end = rest.partition_point(|key| key.day == first.day);
        let places = rest[..end].iter().map(|key| (key.place.0 as usize, key.place.1 as usize)).collect::<Vec<_>>();
        days.push((first.day, interleave_record_batch(&files, &places)?));
        rest = &rest[end..];
    }
    Ok(days)
}

/// Where the rows of batches in the table's file schema stand, in the table's order: which batch, which row of it.
pub(crate) fn order(table: Table, batches: &[RecordBatch]) -> Result<Vec<(usize, usize)>, Error> {
    let mut keys = sort_keys(table, batches)?;
    keys.sort_unstable();
    Ok(keys.iter().map(|key| (key.place.0 as usize, key.place.1 as usize)).collect())
}

/// Of batches with or without their day.
fn sort_keys(table: Table, batches: &[RecordBatch]) -> Result<Vec<SortKey>, Error> {
    let order = table.order();
    let texts = batches.iter().map(|batch| text_column(batch, order.key)).collect::<Result<Vec<_>, _>>()?;
    let ranks = Ranks::of(&texts);
    let mut keys = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (number, (batch, text)) in batches.iter().zip(texts).enumerate() {
        let column = |name: &'static str| batch.column_by_name(name).ok_or(Error::Column(name));
        let days = batch.column_by_name(DAY).and_then(|column| column.as_primitive_opt::<Date32Type>());
        let times = column(order.time)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or(Error::Column(order.time))?;
        let ties = order.ties.iter().map(|tie| integers(batch, tie)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let tie = |n: usize| ties.get(n).map_or(0, |column| or_least(column, row));
            keys.push(SortKey {
                day: days.map_or(0, |days| days.value(row)),
                rank: if text.is_null(row) { 0 } else { ranks.of_text(text.value(row)) },
                time: if times.is_null(row) { i64::MIN } else { times.value(row) },
                ties: [tie(0), tie(1)],
                place: (number as u32, row as u32),
            });
        }
    }
    Ok(keys)
}

/// Each distinct text's place among all, from 1; 0 is null.
struct Ranks<'a>(HashMap<&'a str, u32>);

impl<'a> Ranks<'a> {
    fn of(columns: &[&'a StringArray]) -> Self {
        let mut ranks = HashMap::new();
        for column in columns {
            for text in column.iter().flatten() {
                ranks.entry(text).or_insert(0);
            }
        }
        let mut sorted = ranks.keys().copied().collect::<Vec<_>>();
        sorted.sort_unstable();
        for (place, text) in sorted.into_iter().enumerate() {
            ranks.insert(text, place as u32 + 1);
        }
        Self(ranks)
    }

    fn of_text(&self, text: &str) -> u32 {
        self.0.get(text).copied().unwrap_or_default()
    }
}

pub(crate) fn text_column<'a>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a StringArray, Error> {
    batch.column_by_name(name).and_then(|column| column.as_string_opt()).ok_or(Error::Column(name))
}

/// An `Int32` or `Int64` column as `Int64`.
pub(crate) fn integers(batch: &RecordBatch, name: &'static str) -> Result<Int64Array, Error> {
    let column = batch.column_by_name(name).ok_or(Error::Column(name))?;
    match column.data_type() {
        DataType::Int64 => Ok(column.as_primitive::<Int64Type>().clone()),
        DataType::Int32 => Ok(column.as_primitive::<Int32Type>().unary(i64::from)),
        _ => Err(Error::Column(name)),
    }
}

/// Null sorts first.
pub(crate) fn or_least(column: &Int64Array, row: usize) -> i64 {
    if column.is_null(row) { i64::MIN } else { column.value(row) }
}
