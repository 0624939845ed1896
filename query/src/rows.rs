//! The rows of a statement in each format. Written column by column from Arrow, never as a tree of JSON values: an answer of
//! 100,000 rows fits twice into memory, not ten times.

use std::io::Write as _;

use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use domain::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use crate::answer::quoted;
use crate::engine::{Rows, cell_json};
use crate::format::Format;

/// Why rows could not be written: a type that the format does not have.
#[derive(Debug, thiserror::Error)]
#[error("this answer cannot be written as {format}: {cause}")]
pub struct RowsError {
    format: &'static str,
    cause: String,
}

/// The whole answer. CPU work for as long as the rows are many: not for the threads that serve sockets.
pub fn write(rows: &Rows, format: Format, as_of: Timestamp) -> Result<Bytes, RowsError> {
    let cannot = |cause: String| RowsError { format: format.name(), cause };
    let written = match format {
        Format::Csv => csv(rows),
        Format::NdJson => ended(objects(rows, b'\n')),
        Format::Arrow => arrow(rows).map_err(|error| cannot(error.to_string()))?,
        Format::Parquet => parquet(rows).map_err(|error| cannot(error.to_string()))?,
        _ => json_list(rows, as_of),
    };
    Ok(Bytes::from(written))
}

/// Each column under a name of its own: of two that are called the same the second becomes `name_2`.
fn names(rows: &Rows) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for field in rows.schema.fields() {
        let mut name = field.name().clone();
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{}_{number}", field.name());
            number += 1;
        }
        names.push(name);
    }
    names
}

fn json_list(rows: &Rows, as_of: Timestamp) -> Vec<u8> {
    let columns = names(rows).into_iter().zip(rows.schema.fields());
    let columns: Vec<Value> = columns.map(|(name, field)| json!({"name": name, "type": field.data_type().to_string()})).collect();
    let mut out = format!("{{\"columns\":{},\"items\":[", Value::Array(columns)).into_bytes();
    out.append(&mut objects(rows, b','));
    out.extend_from_slice(format!("],\"next\":null,\"as_of\":\"{as_of}\"}}").as_bytes());
    out
}

/// A text of lines has an end behind the last.
fn ended(mut lines: Vec<u8>) -> Vec<u8> {
    if !lines.is_empty() {
        lines.push(b'\n');
    }
    lines
}

/// One object a row, with `between` between two.
fn objects(rows: &Rows, between: u8) -> Vec<u8> {
    let keys: Vec<String> = names(rows).iter().map(|name| Value::from(name.as_str()).to_string()).collect();
    let mut out = Vec::new();
    for batch in &rows.batches {
        for row in 0..batch.num_rows() {
            if !out.is_empty() {
                out.push(between);
            }
            for (place, (key, column)) in keys.iter().zip(batch.columns()).enumerate() {
                out.push(if place == 0 { b'{' } else { b',' });
                let value = cell_json(column, row);
                write!(out, "{key}:{value}").expect("a Vec takes every byte");
            }
            if keys.is_empty() {
                out.push(b'{');
            }
            out.push(b'}');
        }
    }
    out
}

/// RFC 4180, the header also where there are no rows.
fn csv(rows: &Rows) -> Vec<u8> {
    let mut out = Vec::new();
    let header: Vec<String> = names(rows).iter().map(|name| quoted(name)).collect();
    out.extend_from_slice(header.join(",").as_bytes());
    out.extend_from_slice(b"\r\n");
    for batch in &rows.batches {
        for row in 0..batch.num_rows() {
            for (place, column) in batch.columns().iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                let cell = match cell_json(column, row) {
                    Value::Null => continue,
                    Value::String(text) => quoted(&text),
                    other => quoted(&other.to_string()),
                };
                out.extend_from_slice(cell.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

fn arrow(rows: &Rows) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema)?;
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

fn parquet(rows: &Rows) -> Result<Vec<u8>, parquet::errors::ParquetError> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema.clone(), Some(properties))?;
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

#[cfg(test)]
mod tests;
