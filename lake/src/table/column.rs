//! Columns that several tables share, and how a column says its unit and meaning.
//!
//! Metadata keys: `comment` (what Spark and DuckDB show) and `unit` (as the API writes it).

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::builder::MapFieldNames;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use domain::Flag;

/// The partition column of every table: a UTC date.
pub const DAY: &str = "day";

/// Element names of a Parquet map, as its specification asks (Arrow's own defaults differ).
pub static MAP_NAMES: LazyLock<MapFieldNames> =
    LazyLock::new(|| MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() });

/// A value of the map `as_sent`.
pub static AS_SENT_FIELDS: LazyLock<Fields> =
    LazyLock::new(|| Fields::from(vec![Field::new("value", DataType::Float64, true), Field::new("unit", DataType::Utf8, true)]));

pub(super) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(super) fn map_of(value: DataType) -> DataType {
    let entry = Fields::from(vec![Field::new(&MAP_NAMES.key, DataType::Utf8, false), Field::new(&MAP_NAMES.value, value, true)]);
    DataType::Map(Arc::new(Field::new(&MAP_NAMES.entry, DataType::Struct(entry), false)), false)
}

/// A column that is there in every row.
pub(super) fn required(name: &str, kind: DataType, comment: &str) -> Field {
    Field::new(name, kind, false).with_metadata(HashMap::from([("comment".to_owned(), comment.to_owned())]))
}

/// A column that may be null.
pub(super) fn optional(name: &str, kind: DataType, comment: &str) -> Field {
    required(name, kind, comment).with_nullable(true)
}

pub(super) fn with_unit(field: Field, unit: &str) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert("unit".to_owned(), unit.to_owned());
    field.with_metadata(metadata)
}

pub(super) fn day(of: &str) -> Field {
    let since_ever = if of == "valid_from" { " (1970-01-01 for since ever)" } else { "" };
    required(DAY, DataType::Date32, &format!("UTC date of {of}; the partition{since_ever}"))
}

pub(super) fn sensor() -> Field {
    required("sensor", DataType::Utf8, "the device that published: 1 to 64 of A-Z a-z 0-9 . _ -")
}

pub(super) fn observed_at() -> Field {
    required("observed_at", timestamp(), "the instant the reading speaks of, as the device said, cut to microseconds")
}

pub(super) fn received_at() -> Field {
    required("received_at", timestamp(), "when the server took the message")
}

/// The way of a reading: the same in every reading table.
pub(super) fn transport() -> Vec<Field> {
    vec![
        optional("seq", DataType::Int64, "the device's own counter, 0 to 4294967295"),
        with_unit(optional("battery_mv", DataType::Int32, "battery voltage"), "mV"),
        with_unit(optional("battery_pct", DataType::Float64, "battery charge"), "%"),
        with_unit(optional("rssi_dbm", DataType::Float64, "received signal strength"), "dBm"),
        with_unit(optional("snr_db", DataType::Float64, "signal to noise ratio"), "dB"),
        optional("gateway", DataType::Utf8, "the gateway that heard it"),
    ]
}

pub(super) fn flags() -> Field {
    let bits = Flag::ALL.map(|flag| format!("{} = {}", flag as u32, flag.name())).join(", ");
    required("flags", DataType::Int32, &format!("remarks as a set of bits, 0 is none: {bits}"))
}

pub(super) fn journal_offset() -> Field {
    optional(
        "journal_offset",
        DataType::Int64,
        "position of the journal record that brought the row; null in compacted days up to a durable checkpoint",
    )
}
