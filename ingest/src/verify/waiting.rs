//! Rows that the pipeline brought and no table holds yet.

use arrow::array::{Array, RecordBatch};
use domain::Kind;
use hashbrown::HashMap;
use lake::rows::{AirColumns, ParkingColumns};
use lake::table::Table;

use super::Uncommitted;
use crate::pipeline::{Committed, Effects};

#[derive(Default)]
pub struct Waiting {
    rows: [u64; Table::ALL.len()],
    by_sensor: HashMap<String, u64>,
    /// Dead letters that stand, less those that no longer do.
    pub letters: i64,
    /// By `Kind as usize`: the duplicate look-up asks for them.
    readings: [Vec<RecordBatch>; Kind::ALL.len()],
}

impl Waiting {
    pub fn take(&mut self, mut effects: Effects) -> Result<(), lake::Error> {
        let (parking, air) = (effects.parking.finish(), effects.air.finish());
        let columns = ParkingColumns::of(&parking)?;
        (0..columns.len()).for_each(|row| self.count(columns.sensor(row)));
        let columns = AirColumns::of(&air)?;
        (0..columns.len()).for_each(|row| self.count(columns.sensor(row)));
        self.add(Table::ParkingReadings, parking.num_rows());
        self.add(Table::AirReadings, air.num_rows());
        for (kind, rows) in [(Kind::Parking, parking), (Kind::Air, air)] {
            if rows.num_rows() > 0 {
                self.readings[kind as usize].push(rows);
            }
        }
        let letters = effects.dead_letters.finish();
        self.add(Table::DeadLetters, letters.num_rows());
        let resolved = letters.column_by_name("resolved_offset").ok_or(lake::Error::Column("resolved_offset"))?;
        let still = resolved.null_count() as i64;
        self.letters += still - (letters.num_rows() as i64 - still);
        for rows in effects.registry {
            self.add(Table::Registry, rows.num_rows());
        }
        Ok(())
    }

    pub fn rows(&self) -> u64 {
        self.rows.iter().sum()
    }

    pub fn of_sensor(&self, sensor: &str) -> u64 {
        self.by_sensor.get(sensor).copied().unwrap_or(0)
    }

    pub fn readings(&self, kind: Kind) -> &[RecordBatch] {
        &self.readings[kind as usize]
    }

    pub fn uncommitted(&self, committed: &Committed) -> Vec<Uncommitted> {
        let tables = Table::ALL.into_iter().filter(|table| self.rows[*table as usize] > 0);
        let told = tables.map(|table| Uncommitted {
            table: table.name(),
            committed: committed.of(table),
            rows: self.rows[table as usize],
        });
        told.collect()
    }

    fn add(&mut self, table: Table, rows: usize) {
        self.rows[table as usize] += rows as u64;
    }

    fn count(&mut self, sensor: &str) {
        *self.by_sensor.entry_ref(sensor).or_default() += 1;
    }
}
