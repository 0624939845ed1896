//! What is known of a file without opening it: rows, and the ranges of key and time.
//!
//! Written into the Delta log as its `stats`, so that any engine prunes by them, and read back from there. The file's hash stands beside
//! them under a name of our own, which other engines pass over: a bit that flips in a compressed page may well decode.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::TimestampMicrosecondType;
use domain::Timestamp;
use serde_json::{Map, Value, json};

use crate::table::Table;

/// Of one file, or of the part of it written so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FileStats {
    pub rows: u64,
    pub key_min: Option<String>,
    pub key_max: Option<String>,
    pub time_min: Option<i64>,
    pub time_max: Option<i64>,
    /// Of the whole file.
    pub hash: Option<u64>,
}

/// In `stats`: the file's xxh3 as 16 hexadecimal digits, since JSON numbers end at 2^53.
const HASH: &str = "kerbsideXxh3";

impl FileStats {
    /// Takes in the next rows of a file in the table's order.
    pub fn add(&mut self, table: Table, rows: &RecordBatch) {
        let order = table.order();
        self.rows += rows.num_rows() as u64;
        if let Some(keys) = rows.column_by_name(order.key).and_then(|column| column.as_string_opt::<i32>()) {
            // Sorted with nulls first: the last row holds the largest, the first row that is not null the smallest.
            if keys.null_count() < keys.len() {
                if self.key_min.is_none() {
                    self.key_min = Some(keys.value(keys.null_count()).to_owned());
                }
                self.key_max = Some(keys.value(keys.len() - 1).to_owned());
            }
        }
        let times = rows.column_by_name(order.time).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        if let Some(times) = times {
            self.time_min = [self.time_min, min(times)].into_iter().flatten().min();
            self.time_max = [self.time_max, max(times)].into_iter().flatten().max();
        }
    }

    pub fn to_json(&self, table: Table) -> String {
        let order = table.order();
        let range = |key: &Option<String>, time: Option<i64>| {
            let mut values = Map::new();
            if let Some(key) = key {
                values.insert(order.key.to_owned(), json!(key));
            }
            if let Some(time) = time {
                values.insert(order.time.to_owned(), json!(Timestamp::from_micros(time).to_string()));
            }
            Value::Object(values)
        };
        let mut stats = json!({
            "numRecords": self.rows,
            "minValues": range(&self.key_min, self.time_min),
            "maxValues": range(&self.key_max, self.time_max),
        });
        if let Some(hash) = self.hash {
            stats[HASH] = json!(format!("{hash:016x}"));
        }
        stats.to_string()
    }

    /// Of any writer's stats; what is missing or unreadable stays unknown, and rows count as 0.
    pub fn from_json(table: Table, text: &str) -> Self {
        let order = table.order();
        let stats: Value = serde_json::from_str(text).unwrap_or_default();
        let key = |range: &str| stats[range][order.key].as_str().map(str::to_owned);
        let time = |range: &str| Timestamp::parse_rfc3339(stats[range][order.time].as_str()?).ok().map(Timestamp::as_micros);
        // Spark cuts to milliseconds: the largest may be up to 999 µs later than it says.
        let widened = |micros: i64| if micros % 1_000 == 0 { micros + 999 } else { micros };
        Self {
            rows: stats["numRecords"].as_u64().unwrap_or_default(),
            key_min: key("minValues"),
            key_max: key("maxValues"),
            time_min: time("minValues"),
            time_max: time("maxValues").map(widened),
            hash: stats[HASH].as_str().and_then(|digits| u64::from_str_radix(digits, 16).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_come_back_as_they_were_written_and_the_largest_time_never_shrinks() {
        let stats = FileStats {
            rows: 7,
            key_min: Some("a".into()),
            key_max: Some("b".into()),
            time_min: Some(1_700_000_000_000_001),
            time_max: Some(1_700_000_000_000_000),
            hash: Some(u64::MAX - 6),
        };
        let back = FileStats::from_json(Table::AirReadings, &stats.to_json(Table::AirReadings));
        assert_eq!(back, FileStats { time_max: Some(1_700_000_000_000_999), ..stats });
        assert_eq!(FileStats::from_json(Table::AirReadings, "nonsense"), FileStats::default());
    }
}
