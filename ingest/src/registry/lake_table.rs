//! The lake's `registry` table read back: every version that edits up to a position brought.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use domain::registry::ObjectKind;
use domain::{Position, Timestamp};
use futures::TryStreamExt as _;
use lake::table::Table;
use lake::{Error, Lake};

use super::row::LakeRow;
use crate::files;

/// In no order. A city has a few hundred bytes a version.
pub async fn rows_upto(lake: &Lake, upto: Position) -> Result<Vec<LakeRow>, Error> {
    let mut rows = Vec::new();
    for file in &lake.snapshot(Table::Registry).files {
        let mut batches = files::open(lake, Table::Registry, &file.path).await?.build()?;
        while let Some(batch) = batches.try_next().await? {
            take(&batch, upto, &mut rows)?;
        }
    }
    Ok(rows)
}

fn take(batch: &RecordBatch, upto: Position, rows: &mut Vec<LakeRow>) -> Result<(), Error> {
    let column = |name: &'static str| batch.column_by_name(name).ok_or(Error::Column(name));
    let text = |name: &'static str| column(name)?.as_string_opt::<i32>().ok_or(Error::Column(name));
    let time = |name: &'static str| column(name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or(Error::Column(name));
    let (kinds, ids, properties, geometry) = (text("kind")?, text("id")?, text("properties")?, text("geometry")?);
    let (from, to) = (time("valid_from")?, time("valid_to")?);
    let offsets = column("journal_offset")?.as_primitive_opt::<Int64Type>().ok_or(Error::Column("journal_offset"))?;
    for row in 0..batch.num_rows() {
        let position = Position(offsets.value(row).cast_unsigned());
        if position > upto {
            continue;
        }
        rows.push(LakeRow {
            kind: ObjectKind::by_name(kinds.value(row)).ok_or(Error::Column("kind"))?,
            id: ids.value(row).to_owned(),
            valid_from: from.is_valid(row).then(|| Timestamp::from_micros(from.value(row))),
            valid_to: to.is_valid(row).then(|| Timestamp::from_micros(to.value(row))),
            properties: properties.value(row).to_owned(),
            geometry: geometry.is_valid(row).then(|| geometry.value(row).to_owned()),
            position,
        });
    }
    Ok(())
}
