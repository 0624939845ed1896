//! A batch of a file in the table's present columns: files of older versions lack columns, other writers order them as they
//! like.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{Schema, SchemaRef};

use crate::Error;
use crate::table::Table;

/// The named columns of a table, in the table's order.
pub(crate) fn projection(table: Table, names: &[&str]) -> SchemaRef {
    let schema = table.file_schema();
    let fields = schema.fields().iter().filter(|field| names.contains(&field.name().as_str())).cloned().collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

pub(crate) fn to_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let rows = batch.num_rows();
    let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, Error> {
        match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => Ok(cast(column, field.data_type())?),
            None => Ok(new_null_array(field.data_type(), rows)),
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &options)?)
}
