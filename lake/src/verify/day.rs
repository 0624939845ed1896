//! The rows of one table's day, in order.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use domain::{Position, Quantity, Timestamp};
use object_store::ObjectStore;
use object_store::path::Path;

use super::finding::{Finding, FindingKind, TableCount};
use crate::Error;
use crate::arrange::text_column;
use crate::footer::Footers;
use crate::snapshot::DataFile;
use crate::table::Table;
use crate::walk::{Chunk, Walk};

/// Findings of one kind that are told a day; the rest is summed up in one more.
const TOLD_MAX: u64 = 20;

pub(super) struct DayCheck {
    pub table: Table,
    pub day: i32,
    /// The newest record of any journal.
    pub newest: Option<Position>,
    pub store: Arc<dyn ObjectStore>,
    pub root: Path,
}

#[derive(Default)]
pub(super) struct Walked {
    pub findings: Vec<Finding>,
    pub count: TableCount,
}

impl DayCheck {
    /// All files in one order. A file whose footer is whole may hold a broken page: then each is read by itself first, so that
    /// the others are checked all the same.
    pub async fn walk_or_each(&self, files: Vec<DataFile>) -> Walked {
        if let Ok(walked) = self.walk(&files).await {
            return walked;
        }
        let (mut sound, mut broken) = (Vec::new(), Vec::new());
        for file in files {
            match self.walk(std::slice::from_ref(&file)).await {
                Ok(_) => sound.push(file),
                Err(error) => broken.push(self.finding(FindingKind::FileDamaged, &file.path, error.to_string())),
            }
        }
        let mut walked = self.walk(&sound).await.unwrap_or_else(|error| Walked {
            findings: vec![self.finding(FindingKind::FileUnreadable, "", error.to_string())],
            count: TableCount::of(self.table),
        });
        walked.findings.extend(broken);
        walked
    }

    async fn walk(&self, files: &[DataFile]) -> Result<Walked, Error> {
        let mut opened = Vec::with_capacity(files.len());
        for file in files {
            // Past the handle's cache: what is on the disk now is what counts.
            opened.push((file.clone(), Footers::default().open(&self.store, &self.root, file).await?));
        }
        let mut walk = Walk::start(self.table, opened).await?;
        let mut state = State::new(self, files);
        while let Some(run) = walk.next_run().await? {
            for row in run.rows {
                state.row(run.input, &run.chunk, row)?;
            }
        }
        Ok(state.finish())
    }

    fn finding(&self, kind: FindingKind, path: &str, detail: String) -> Finding {
        Finding { kind, table: self.table.name(), file: Some(path.to_owned()), detail }
    }
}

struct State<'a> {
    check: &'a DayCheck,
    files: &'a [DataFile],
    last: Option<(Arc<Chunk>, usize)>,
    /// Air: the quantities that stand under the last identity already.
    quantities: u32,
    /// Dead letters: the last name was counted as standing.
    letter_stands: bool,
    told: [u64; 4],
    walked: Walked,
}

impl<'a> State<'a> {
    fn new(check: &'a DayCheck, files: &'a [DataFile]) -> Self {
        let walked = Walked { findings: Vec::new(), count: TableCount::of(check.table) };
        Self { check, files, last: None, quantities: 0, letter_stands: false, told: [0; 4], walked }
    }

    fn row(&mut self, input: usize, chunk: &Arc<Chunk>, row: usize) -> Result<(), Error> {
        let time = chunk.time(row);
        if time.map_or(0, |time| Timestamp::from_micros(time).utc_day()) != self.check.day {
            self.tell(0, FindingKind::WrongDay, input, describe(chunk, row));
        }
        let order = self.last.as_ref().map(|(last, place)| last.compare(*place, chunk, row));
        let same = order.is_some_and(std::cmp::Ordering::is_eq);
        if order.is_some_and(std::cmp::Ordering::is_gt) {
            self.tell(1, FindingKind::Unsorted, input, describe(chunk, row));
        }
        let twice = match self.check.table {
            Table::ParkingReadings => same,
            Table::AirReadings => self.air_twice(chunk, row, same)?,
            // Several rows of one name are as they should be.
            Table::DeadLetters | Table::Registry => false,
        };
        if twice {
            self.tell(2, FindingKind::IdentityTwice, input, describe(chunk, row));
        }
        self.offset(input, chunk, row);
        self.count(chunk, row, same)?;
        self.last = Some((chunk.clone(), row));
        Ok(())
    }

    fn air_twice(&mut self, chunk: &Chunk, row: usize, same: bool) -> Result<bool, Error> {
        let mut present = 0;
        for quantity in &Quantity::ALL {
            let column = chunk.batch.column_by_name(quantity.name).and_then(|column| column.as_primitive_opt::<Float64Type>());
            if column.ok_or(Error::Column(quantity.name))?.is_valid(row) {
                present |= 1 << quantity.quantity as u32;
            }
        }
        let before = if same { self.quantities } else { 0 };
        self.quantities = before | present;
        Ok(before & present != 0)
    }

    fn offset(&mut self, input: usize, chunk: &Chunk, row: usize) {
        let Some(newest) = self.check.newest else {
            return;
        };
        let column = chunk.batch.column_by_name("journal_offset").and_then(|column| column.as_primitive_opt::<Int64Type>());
        if column.is_some_and(|offsets| offsets.is_valid(row) && offsets.value(row) > newest.as_i64()) {
            self.tell(3, FindingKind::OffsetBeyondJournal, input, describe(chunk, row));
        }
    }

    /// A dead letter's name counts once, by the row that was resolved last.
    fn count(&mut self, chunk: &Chunk, row: usize, same: bool) -> Result<(), Error> {
        let table = self.check.table;
        if table == Table::DeadLetters {
            return self.count_letter(chunk, row, same);
        }
        let name = match table {
            Table::Registry => text_column(&chunk.batch, "kind")?.value(row),
            _ => chunk.key(row).unwrap_or_default(),
        };
        self.walked.count.rows += 1;
        bump(&mut self.walked.count.by_sensor, name);
        Ok(())
    }

    fn count_letter(&mut self, chunk: &Chunk, row: usize, same: bool) -> Result<(), Error> {
        let count = &mut self.walked.count;
        let sensor = chunk.key(row).unwrap_or_default();
        let reason = text_column(&chunk.batch, "reason")?.value(row);
        let name = (sensor.to_owned(), reason.to_owned());
        let resolved = is_resolved(chunk, row);
        if !same {
            count.rows += 1;
            bump(&mut count.by_sensor, sensor);
            self.letter_stands = !resolved;
            if !resolved {
                *count.standing.entry(name).or_default() += 1;
            }
        } else if resolved
            && std::mem::take(&mut self.letter_stands)
            && let Some(standing) = count.standing.get_mut(&name)
        {
            *standing = standing.saturating_sub(1);
        }
        Ok(())
    }

    fn tell(&mut self, slot: usize, kind: FindingKind, input: usize, detail: String) {
        self.told[slot] += 1;
        if self.told[slot] <= TOLD_MAX {
            let path = self.files.get(input).map_or("", |file| file.path.as_str());
            self.walked.findings.push(self.check.finding(kind, path, detail));
        }
    }

    fn finish(mut self) -> Walked {
        let kinds = [FindingKind::WrongDay, FindingKind::Unsorted, FindingKind::IdentityTwice, FindingKind::OffsetBeyondJournal];
        for (kind, told) in kinds.into_iter().zip(self.told) {
            if told > TOLD_MAX {
                let detail = format!("{} more in this day", told - TOLD_MAX);
                self.walked.findings.push(Finding { kind, table: self.check.table.name(), file: None, detail });
            }
        }
        self.walked
    }
}

fn bump(counts: &mut std::collections::BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_owned(), 1);
        }
    }
}

fn is_resolved(chunk: &Chunk, row: usize) -> bool {
    let column = chunk.batch.column_by_name("resolved_offset");
    column.is_some_and(|column| column.is_valid(row))
}

fn describe(chunk: &Chunk, row: usize) -> String {
    let time = chunk.time(row).map(|time| Timestamp::from_micros(time).to_string()).unwrap_or_default();
    format!("{} at {time}", chunk.key(row).unwrap_or("-"))
}
