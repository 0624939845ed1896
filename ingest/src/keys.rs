//! Loads the key sets that a plan asks for: from the lake and from the hot rows after it.
//!
//! Rows of the batch's own positions and later are left out: after a restart the lake may be ahead of the checkpoint, and a
//! lake row with the record's own position is itself, never a duplicate.

use arrow::record_batch::RecordBatch;
use domain::identity::{Fingerprint, Identity};
use domain::{Kind, Position, SensorId};
use hashbrown::{HashMap, HashSet};
use lake::rows::{AirColumns, ParkingColumns};

use crate::pipeline::{KeySet, Sensors, SetId};

/// The sets of one kind while they are filled.
pub struct Loading {
    kind: Kind,
    /// Rows at or after it are the batch's own.
    first: Position,
    numbers: HashMap<SensorId, u32>,
    sets: HashMap<SetId, KeySet>,
}

impl Loading {
    /// `None` when the plan asks for no set of the kind.
    pub fn of(kind: Kind, wanted: &HashSet<SetId>, sensors: &Sensors, first: Position) -> Option<Self> {
        let sets: HashMap<_, _> = wanted.iter().filter(|id| id.kind == kind).map(|id| (*id, KeySet::default())).collect();
        let numbers = sets.keys().map(|id| (sensors.get(id.sensor).id.clone(), id.sensor)).collect();
        (!sets.is_empty()).then_some(Self { kind, first, numbers, sets })
    }

    /// What to ask the lake for.
    pub fn wanted(&self) -> Vec<(SensorId, i32)> {
        let by_number: HashMap<u32, &SensorId> = self.numbers.iter().map(|(id, number)| (*number, id)).collect();
        self.sets.keys().map(|id| (by_number[&id.sensor].clone(), id.day)).collect()
    }

    /// Takes in the rows of a batch in the table's schema.
    pub fn take(&mut self, rows: &RecordBatch) -> Result<(), lake::Error> {
        match self.kind {
            Kind::Parking => self.take_parking(&ParkingColumns::of(rows)?),
            Kind::Air => self.take_air(&AirColumns::of(rows)?),
        }
        Ok(())
    }

    pub fn finish(self) -> impl Iterator<Item = (SetId, KeySet)> {
        self.sets.into_iter()
    }

    fn take_parking(&mut self, rows: &ParkingColumns<'_>) {
        for row in 0..rows.len() {
            let observed_at = rows.observed_at(row);
            let Some(set) = self.set_of(rows.sensor(row), observed_at.utc_day(), rows.position(row)) else {
                continue;
            };
            if let Some(value) = rows.value(row) {
                set.insert(Identity::Parking { observed_at }, Fingerprint::of_parking(value));
            }
        }
    }

    fn take_air(&mut self, rows: &AirColumns<'_>) {
        for row in 0..rows.len() {
            let observed_at = rows.observed_at(row);
            let Some(set) = self.set_of(rows.sensor(row), observed_at.utc_day(), rows.position(row)) else {
                continue;
            };
            let avg_s = rows.avg_s(row);
            for (quantity, value) in rows.values(row).iter() {
                set.insert(Identity::Air { observed_at, avg_s, quantity }, Fingerprint::of_air(value));
            }
        }
    }

    fn set_of(&mut self, sensor: &str, day: i32, position: Option<Position>) -> Option<&mut KeySet> {
        if position.is_some_and(|position| position >= self.first) {
            return None;
        }
        let sensor = *self.numbers.get(sensor)?;
        self.sets.get_mut(&SetId { kind: self.kind, sensor, day })
    }
}
