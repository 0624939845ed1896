//! Rows of any order as one number: equal sums mean the same rows, each as often.

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use domain::kind::parking::ParkingValue;
use domain::{Quantity, Reason, Timestamp};
use hashbrown::HashMap;
use lake::rows::{AirColumns, ParkingColumns};
use lake::table::Table;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use xxhash_rust::xxh3::xxh3_64;

/// So many rows, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub rows: u64,
    pub hash: u64,
}

impl Sum {
    pub fn add(&mut self, hash: u64) {
        self.rows += 1;
        self.hash = self.hash.wrapping_add(hash);
    }

    pub fn join(&mut self, other: Self) {
        self.rows += other.rows;
        self.hash = self.hash.wrapping_add(other.hash);
    }
}

/// A dead letter by its name: the record and the element.
pub type Name = (u64, u32);

/// What stands of a dead letter: its reason and the record that resolved it.
pub type Letter = (Reason, Option<u64>);

pub fn parking(sensor: &str, observed_at: Timestamp, received_at: Timestamp, value: ParkingValue) -> u64 {
    let mut bytes = head(sensor, observed_at, received_at);
    match value {
        ParkingValue::Bay(state) => bytes.extend_from_slice(state.name().as_bytes()),
        ParkingValue::Counter { free, capacity } => bytes.extend_from_slice(format!("{free}/{capacity:?}").as_bytes()),
    }
    xxh3_64(&bytes)
}

pub fn air(
    sensor: &str,
    observed_at: Timestamp,
    received_at: Timestamp,
    avg_s: u32,
    values: impl Iterator<Item = (Quantity, f64)>,
) -> u64 {
    let mut bytes = head(sensor, observed_at, received_at);
    bytes.extend_from_slice(&avg_s.to_le_bytes());
    for (quantity, value) in values {
        bytes.extend_from_slice(quantity.name().as_bytes());
        bytes.extend_from_slice(&value.to_bits().to_le_bytes());
    }
    xxh3_64(&bytes)
}

fn head(sensor: &str, observed_at: Timestamp, received_at: Timestamp) -> Vec<u8> {
    let mut bytes = sensor.as_bytes().to_vec();
    bytes.extend_from_slice(&observed_at.as_micros().to_le_bytes());
    bytes.extend_from_slice(&received_at.as_micros().to_le_bytes());
    bytes
}

/// What one file or chunk of a table holds.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub sum: Sum,
    pub letters: HashMap<Name, Letter>,
}

impl Content {
    /// Of a Parquet file.
    pub fn of_file(table: Table, bytes: Bytes) -> Result<Self, String> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| error.to_string())?;
        let columns = ProjectionMask::columns(builder.parquet_schema(), columns_of(table));
        let mut content = Self::default();
        for batch in builder.with_projection(columns).build().map_err(|error| error.to_string())? {
            content.take(table, &batch.map_err(|error| error.to_string())?)?;
        }
        Ok(content)
    }

    pub fn take(&mut self, table: Table, rows: &RecordBatch) -> Result<(), String> {
        match table {
            Table::ParkingReadings => self.take_parking(rows),
            Table::AirReadings => self.take_air(rows),
            Table::DeadLetters => self.take_letters(rows),
            Table::Registry => {
                self.sum.rows += rows.num_rows() as u64;
                Some(())
            }
        }
        .ok_or_else(|| format!("columns of {} are not as they should be", table.name()))
    }

    fn take_parking(&mut self, rows: &RecordBatch) -> Option<()> {
        let columns = ParkingColumns::of(rows).ok()?;
        let received_at = rows.column_by_name("received_at")?.as_primitive_opt::<TimestampMicrosecondType>()?;
        for row in 0..columns.len() {
            let received_at = Timestamp::from_micros(received_at.value(row));
            self.sum.add(parking(columns.sensor(row), columns.observed_at(row), received_at, columns.value(row)?));
        }
        Some(())
    }

    fn take_air(&mut self, rows: &RecordBatch) -> Option<()> {
        let columns = AirColumns::of(rows).ok()?;
        let received_at = rows.column_by_name("received_at")?.as_primitive_opt::<TimestampMicrosecondType>()?;
        for row in 0..columns.len() {
            let (received_at, values) = (Timestamp::from_micros(received_at.value(row)), columns.values(row));
            let (sensor, observed_at, avg_s) = (columns.sensor(row), columns.observed_at(row), columns.avg_s(row));
            self.sum.add(air(sensor, observed_at, received_at, avg_s, values.iter()));
        }
        Some(())
    }

    /// Of several rows of one name the one that was resolved last counts.
    fn take_letters(&mut self, rows: &RecordBatch) -> Option<()> {
        let of = rows.column_by_name("journal_offset")?.as_primitive_opt::<Int64Type>()?;
        let element = rows.column_by_name("element")?.as_primitive_opt::<Int32Type>()?;
        let resolved = rows.column_by_name("resolved_offset")?.as_primitive_opt::<Int64Type>()?;
        let reason = rows.column_by_name("reason")?.as_string_opt::<i32>()?;
        for row in 0..rows.num_rows() {
            let name = (of.value(row).cast_unsigned(), element.value(row).cast_unsigned());
            let resolved = resolved.is_valid(row).then(|| resolved.value(row).cast_unsigned());
            self.put(name, (Reason::by_name(reason.value(row))?, resolved));
        }
        Some(())
    }

    pub fn put(&mut self, name: Name, letter: Letter) {
        let known = self.letters.entry(name).or_insert(letter);
        if letter.1 > known.1 {
            *known = letter;
        }
    }

    /// Takes in what another holds.
    pub fn join(&mut self, other: &Self) {
        self.sum.join(other.sum);
        for (name, letter) in &other.letters {
            self.put(*name, *letter);
        }
    }

    /// With the dead letters in it.
    pub fn total(&self) -> Sum {
        let mut sum = self.sum;
        for (name, letter) in &self.letters {
            sum.add(letter_hash(*name, *letter));
        }
        sum
    }
}

/// What is looked into.
fn columns_of(table: Table) -> Vec<&'static str> {
    match table {
        Table::ParkingReadings => {
            ["sensor", "observed_at", "received_at", "state", "free", "capacity", "journal_offset"].to_vec()
        }
        Table::AirReadings => {
            let quantities = Quantity::ALL.iter().map(|quantity| quantity.name);
            ["sensor", "observed_at", "received_at", "avg_s", "journal_offset"].into_iter().chain(quantities).collect()
        }
        Table::DeadLetters => ["reason", "element", "journal_offset", "resolved_offset"].to_vec(),
        Table::Registry => ["kind"].to_vec(),
    }
}

pub fn letter_hash(name: Name, letter: Letter) -> u64 {
    xxh3_64(format!("{name:?}{}{:?}", letter.0.name(), letter.1).as_bytes())
}
