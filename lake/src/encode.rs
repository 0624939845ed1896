//! How rows become a Parquet file.
//!
//! The settings are those that paid in measurements on real columns (docs/benchmarks.md): zstd 3, integers that grow or
//! repeat by difference (`DELTA_BINARY_PACKED`), everything else by dictionary, row groups of 131,072 rows, and the page
//! index, by which a query of one sensor reads a few pages of a day. Bloom filters cost more than they find in sorted files.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use domain::limits::LAKE_LONG_ROW_GROUP_BYTES_MAX;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::Error;
use crate::table::Table;

pub(crate) const ROW_GROUP_ROWS: usize = 131_072;
/// A page is what a look-up of one sensor decodes at least: half of it doubles their speed and adds 2 % to the bytes.
const PAGE_ROWS: usize = 4_096;

/// Free text of which hardly two rows are alike.
const NO_DICTIONARY: [&str; 4] = ["payload", "properties", "geometry", "hash"];
/// Integers of few distinct values: a dictionary is smaller than their differences.
const DICTIONARY: [&str; 6] = ["avg_s", "flags", "element", "battery_mv", "free", "capacity"];

/// Without Arrow's own copy of the schema: Parquet's says all of it, and the copy is longer than a small file's rows.
pub(crate) fn options(table: Table) -> ArrowWriterOptions {
    ArrowWriterOptions::new().with_properties(properties(table)).with_skip_arrow_metadata(true)
}

fn properties(table: Table) -> WriterProperties {
    let level = ZstdLevel::try_new(3).expect("3 is a level of zstd");
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("kerbside ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(table.has_long_rows().then_some(LAKE_LONG_ROW_GROUP_BYTES_MAX))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page);
    for field in table.file_schema().fields() {
        let column = ColumnPath::from(field.name().as_str());
        let by_difference = matches!(field.data_type(), DataType::Timestamp(..) | DataType::Int64 | DataType::Int32)
            && !DICTIONARY.contains(&field.name().as_str());
        if by_difference {
            builder = builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        } else if NO_DICTIONARY.contains(&field.name().as_str()) {
            builder = builder.set_column_dictionary_enabled(column, false);
        }
    }
    builder.build()
}

/// One whole file of rows that are already in the table's order.
pub(crate) fn file(table: Table, rows: &RecordBatch) -> Result<Vec<u8>, Error> {
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), table.file_schema(), options(table))?;
    for rows in portions(table, rows) {
        writer.write(&rows)?;
    }
    Ok(writer.into_inner()?)
}

/// What a writer is given at once: it looks at the size of its row group between two of them only.
pub(crate) fn portions(table: Table, rows: &RecordBatch) -> Vec<RecordBatch> {
    if !table.has_long_rows() {
        return vec![rows.clone()];
    }
    let (mut portions, mut start, mut bytes) = (Vec::new(), 0, 0);
    for row in 0..rows.num_rows() {
        let more = text_bytes(rows, row);
        if bytes + more > LAKE_LONG_ROW_GROUP_BYTES_MAX && row > start {
            portions.push(rows.slice(start, row - start));
            (start, bytes) = (row, 0);
        }
        bytes += more;
    }
    portions.push(rows.slice(start, rows.num_rows() - start));
    portions
}

/// Of a row's columns that have no fixed width.
fn text_bytes(rows: &RecordBatch, row: usize) -> usize {
    let length = |column: &ArrayRef| match column.data_type() {
        DataType::Binary => column.as_binary::<i32>().value_length(row),
        DataType::Utf8 => column.as_string::<i32>().value_length(row),
        _ => 0,
    };
    rows.columns().iter().map(|column| length(column) as usize).sum()
}
