//! Erasure on request: rows of one sensor and period leave the tables, the files that held them, and the log.
//!
//! ```text
//! survey: which files hold such rows ─► erase: each file without them, one commit a table ─► scrub: replaced files, old log entries
//! ```
//!
//! Every step may be done again after any failure: a survey after it finds less, and scrubbing removes whatever no live version names.
//! Whoever still reads an older version loses its files: erased means gone, not gone in a day. Call it where nobody else has the lake.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use domain::erasure::{Erasure, Message};
use domain::{Position, Timestamp, codec, crash_point};
use futures::TryStreamExt;
use hashbrown::{HashMap, HashSet};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use tracing::info;

use super::merge::{Merged, Output, Target};
use super::vacuum::remove_leftovers;
use crate::arrange::text_column;
use crate::footer::Footers;
use crate::keys::may_hold;
use crate::log::{Added, Change, Outcome};
use crate::snapshot::DataFile;
use crate::staging::{join, written};
use crate::table::{DAY, Table};
use crate::walk::Walk;
use crate::{Error, Lake, day};

const READINGS: [Table; 2] = [Table::ParkingReadings, Table::AirReadings];
const TABLES: [Table; 3] = [Table::ParkingReadings, Table::AirReadings, Table::DeadLetters];
/// Files that one commit replaces: its entry is held in memory as a whole.
const FILES_A_COMMIT: usize = 256;
/// No file or entry is younger: whatever the store's clock says, nothing counts as too new to go.
const FAR: Duration = Duration::from_secs(366 * 86_400);

/// What the tables hold of an erasure.
#[derive(Debug, Default)]
pub struct Survey {
    /// `observed_at` of every row of the reading tables, in no order.
    pub readings: Vec<Timestamp>,
    /// The dead letters, each once; whether it stands.
    pub letters: HashMap<LetterName, bool>,
    /// Files that hold such rows, and how many.
    files: Vec<(Table, DataFile, u64)>,
}

/// Names a dead letter: the record that held it and the element in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterName {
    pub of: Position,
    pub element: u32,
}

impl Survey {
    /// Names of the letters that stand.
    pub fn standing(&self) -> impl Iterator<Item = LetterName> + '_ {
        self.letters.iter().filter(|(_, stands)| **stands).map(|(name, _)| *name)
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn take_letters(&mut self, erasure: &Erasure, batch: &RecordBatch) -> Result<u64, Error> {
        let picked = picked(Table::DeadLetters, erasure, batch)?;
        let column = |name: &'static str| batch.column_by_name(name).ok_or(Error::Column(name));
        let offsets = column("journal_offset")?.as_primitive_opt::<Int64Type>().ok_or(Error::Column("journal_offset"))?;
        let elements = column("element")?.as_primitive_opt::<Int32Type>().ok_or(Error::Column("element"))?;
        let resolved = column("resolved_offset")?;
        for row in (0..batch.num_rows()).filter(|row| picked.value(*row)) {
            let of = Position(offsets.value(row).cast_unsigned());
            let name = LetterName { of, element: elements.value(row).cast_unsigned() };
            *self.letters.entry(name).or_insert(true) &= resolved.is_null(row);
        }
        Ok(picked.true_count() as u64)
    }
}

impl Lake {
    /// Looks for rows that an erasure reaches; changes nothing.
    pub async fn survey(&self, erasure: &Erasure) -> Result<Survey, Error> {
        let mut survey = Survey::default();
        for table in READINGS {
            self.survey_readings(table, erasure, &mut survey).await?;
        }
        for file in &self.snapshot(Table::DeadLetters).files {
            let count = self.survey_letters(file, erasure, &mut survey).await?;
            if count > 0 {
                survey.files.push((Table::DeadLetters, file.clone(), count));
            }
        }
        Ok(survey)
    }

    async fn survey_readings(&self, table: Table, erasure: &Erasure, survey: &mut Survey) -> Result<(), Error> {
        let sensors = Arc::new(vec![erasure.sensor.as_str().to_owned()]);
        let days = erasure.from.utc_day()..=erasure.last().utc_day();
        let snapshot = self.snapshot(table);
        for file in snapshot.files.iter().filter(|file| days.contains(&file.day) && may_hold(file, &sensors)) {
            let before = survey.readings.len();
            for batch in self.look(table, file.clone(), sensors.clone()).await? {
                let times = times_of(table, &batch)?;
                let instants = times.iter().flatten().map(Timestamp::from_micros);
                survey.readings.extend(instants.filter(|at| erasure.covers(*at)));
            }
            let count = survey.readings.len() - before;
            if count > 0 {
                survey.files.push((table, file.clone(), count as u64));
            }
        }
        Ok(())
    }

    /// The topic decides whose letter it is, so that the range of sensors rules no file out.
    async fn survey_letters(&self, file: &DataFile, erasure: &Erasure, survey: &mut Survey) -> Result<u64, Error> {
        let (mut walk, mut count) = (self.walk(Table::DeadLetters, file).await?, 0);
        while let Some(run) = walk.next_run().await? {
            count += survey.take_letters(erasure, &run.chunk.batch.slice(run.rows.start, run.rows.len()))?;
        }
        Ok(count)
    }

    async fn walk(&self, table: Table, file: &DataFile) -> Result<Walk, Error> {
        let opened = Footers::default().open(&self.inner.location.store, &self.table_root(table), file).await?;
        Walk::start(table, vec![(file.clone(), opened)]).await
    }

    /// Commits the tables without the rows that a survey of the same erasure found; their old files are still there.
    pub async fn erase(&self, erasure: &Erasure, survey: &Survey, now: Timestamp) -> Result<(), Error> {
        let _turn = self.maintain().await?;
        for table in TABLES {
            let found: Vec<_> = survey.files.iter().filter(|(of, ..)| *of == table).collect();
            for files in found.chunks(FILES_A_COMMIT) {
                let (mut added, mut removed) = (Vec::new(), HashSet::new());
                for (_, file, count) in files {
                    added.extend(self.without(table, file, *count, erasure, now).await?);
                    removed.insert(file.path.clone());
                }
                let log = self.log(table);
                let change = Change::erase(now, added, removed);
                if let Outcome::Written = log.write(&mut *log.lock().await, &change).await? {
                    info!(table = table.name(), files = files.len(), "rows erased");
                }
            }
        }
        Ok(())
    }

    /// The file's other rows, durable and named by no log yet; none where it held nothing else.
    async fn without(
        &self,
        table: Table,
        file: &DataFile,
        count: u64,
        erasure: &Erasure,
        now: Timestamp,
    ) -> Result<Vec<Added>, Error> {
        let (lake, of, erasure) = (self.clone(), file.clone(), erasure.clone());
        let merged = aside::complete(async move {
            let target = Target {
                store: lake.object_store(),
                root: lake.table_root(table),
                table,
                day: of.day,
                level: written(&of.path).0,
                names: &lake.inner.names,
                now,
                bytes: u64::MAX,
                forget: None,
            };
            let (mut walk, mut merged) = (lake.walk(table, &of).await?, Merged::default());
            let mut output = Output::new(&target);
            while let Some(run) = walk.next_run().await? {
                let rows = run.chunk.batch.slice(run.rows.start, run.rows.len());
                merged.rows_read += rows.num_rows() as u64;
                let kept = filter_record_batch(&rows, &not(&picked(table, &erasure, &rows)?)?)?;
                if kept.num_rows() > 0 {
                    output.write(kept, &mut merged).await?;
                }
            }
            output.close(&mut merged).await?;
            Ok::<_, Error>(merged)
        });
        let merged = merged.await??;
        let kept = merged.files.iter().map(|added| added.file.rows).sum::<u64>();
        if kept + count != merged.rows_read {
            let why = format!("of {} rows of {} {count} were to go, and {kept} are left", merged.rows_read, file.path);
            return Err(Error::Conflict { table, why });
        }
        Ok(merged.files)
    }

    /// Removes what no live version names: replaced files of the period's days and of all dead letters, leftovers of writes that died, and
    /// log entries from before the newest version, whose statistics tell of files that are gone. Returns the number of files.
    pub async fn scrub(&self, erasure: &Erasure, now: Timestamp) -> Result<u64, Error> {
        let _turn = self.maintain().await?;
        let mut removed = 0;
        for table in TABLES {
            if self.snapshot(table).version < 0 {
                continue;
            }
            removed += self.remove_replaced(table, erasure).await?;
            if let Some(folder) = self.inner.location.table_disk(table) {
                let before = now.plus(FAR);
                removed += aside::run(move || remove_leftovers(&folder, before)).await??;
            }
            self.scrub_log(table, now).await?;
        }
        Ok(removed)
    }

    async fn remove_replaced(&self, table: Table, erasure: &Erasure) -> Result<u64, Error> {
        let (store, root) = (&self.inner.location.store, self.table_root(table));
        let live: HashSet<Path> = self.snapshot(table).files.iter().map(|file| join(&root, &file.path)).collect();
        let listed: Vec<_> = store.list(Some(&root)).try_collect().await?;
        let mut removed = 0;
        for object in listed {
            if !live.contains(&object.location) && may_be_replaced(table, erasure, &root, &object.location) {
                store.delete(&object.location).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// A reader opens the table by a checkpoint of its newest version; every entry before it goes, and torn ones that were set aside.
    async fn scrub_log(&self, table: Table, now: Timestamp) -> Result<(), Error> {
        let log = self.log(table);
        crash_point!(LogCheckpointBefore);
        log.log().write_checkpoint(now.plus(FAR)).await?;
        crash_point!(LogCheckpointAfter);
        let (store, root) = (&self.inner.location.store, self.table_root(table).join("_delta_log"));
        let listed: Vec<_> = store.list(Some(&root)).try_collect().await?;
        for object in listed.into_iter().filter(|object| object.location.as_ref().contains(".json.torn.")) {
            store.delete(&object.location).await?;
        }
        Ok(())
    }
}

/// A data file of a day that an erasure may have rows of. Dead letters lie under the day on which they came, whatever they speak of.
fn may_be_replaced(table: Table, erasure: &Erasure, root: &Path, file: &Path) -> bool {
    let folder = file.prefix_match(root).and_then(|mut parts| parts.next().map(|part| part.as_ref().to_owned()));
    let Some(text) = folder.as_deref().and_then(|folder| folder.strip_prefix(DAY)?.strip_prefix('=')) else {
        return false;
    };
    let days = erasure.from.utc_day()..=erasure.last().utc_day();
    table == Table::DeadLetters || day::parse(text).is_none_or(|day| days.contains(&day))
}

/// Which rows go.
fn picked(table: Table, erasure: &Erasure, batch: &RecordBatch) -> Result<BooleanArray, Error> {
    let times = times_of(table, batch)?;
    let sensors = text_column(batch, table.order().key)?;
    let names = |row: usize| sensors.is_valid(row) && sensors.value(row) == erasure.sensor.as_str();
    let at = |row: usize| times.is_valid(row).then(|| Timestamp::from_micros(times.value(row)));
    let rows = 0..batch.num_rows();
    if table != Table::DeadLetters {
        return Ok(rows.map(|row| Some(names(row) && at(row).is_some_and(|at| erasure.covers(at)))).collect());
    }
    let topics = text_column(batch, "topic")?;
    let payloads = batch.column_by_name("payload").and_then(|column| column.as_binary_opt::<i32>());
    let payloads = payloads.ok_or(Error::Column("payload"))?;
    let goes = |row: usize| {
        let topic = topics.value(row);
        // Most letters are of others, and no payload is copied for them.
        if !names(row) && !erasure.names(topic) {
            return false;
        }
        if names(row) && at(row).is_some_and(|at| erasure.covers(at)) {
            return true;
        }
        let payload = Bytes::copy_from_slice(payloads.value(row));
        let content = codec::content_of(&payload);
        erasure.reaches(&Message { topic, content, payload: &payload, received_at: at(row) })
    };
    Ok(rows.map(|row| Some(goes(row))).collect())
}

fn times_of(table: Table, batch: &RecordBatch) -> Result<&arrow::array::TimestampMicrosecondArray, Error> {
    let name = table.order().time;
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    column.ok_or(Error::Column(name))
}
