//! Compaction: each closed hour's files of a day become one, each closed day one or few sorted files.
//!
//! A replaced file stays on the disk, so a query that holds an older snapshot goes on. Rows are counted before anything is
//! committed (LAKE-1): a merge that does not add up is thrown away and told.

use std::time::Duration;

use domain::check::Promise;
use domain::time::{MICROS_PER_DAY, MICROS_PER_SECOND};
use domain::{Position, Timestamp, crash_point};
use hashbrown::HashMap;
use object_store::ObjectStoreExt;
use tracing::{info, warn};

use super::merge::{Merged, Target, merge};
use crate::footer::Footers;
use crate::log::{Change, Outcome};
use crate::snapshot::{DataFile, TableSnapshot};
use crate::staging::{Level, join, written};
use crate::table::Table;
use crate::walk::Walk;
use crate::{Error, Lake, metrics};

/// Files of one merge: each costs a decoded batch and an open row group.
const INPUTS_MAX: usize = 256;
/// A day is merged as a whole this long after its end, when what was on the way has arrived.
const DAY_SETTLES: Duration = Duration::from_secs(3_600);
/// Files that came after their day was merged are merged into it at the latest after this time …
const LATE_WAITS: Duration = Duration::from_secs(24 * 3_600);
/// … or when they hold this part of its bytes.
const LATE_PART: u64 = 8;

/// What compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    pub files_in: usize,
    pub files_out: usize,
    pub rows: u64,
    /// Merges that gave way to another writer or failed; their files stay as they were.
    pub put_off: usize,
}

/// Files of one day that become one or few.
#[derive(Debug, PartialEq)]
pub(super) struct Job {
    pub day: i32,
    pub inputs: Vec<DataFile>,
    pub level: Level,
}

impl Lake {
    /// Merges what is due at `now`. Rows at or before `checkpoint`, the newest durable one of the pipeline, lose their journal
    /// offset when their day is merged.
    pub async fn compact_due(&self, now: Timestamp, checkpoint: Position) -> Result<Compaction, Error> {
        let _turn = self.maintain().await?;
        let mut done = Compaction::default();
        for table in Table::ALL {
            for (number, job) in plan(&self.snapshot(table), now, self.inner.options.merge_every_s).into_iter().enumerate() {
                // Whoever replays the log holds each entry since its checkpoint at once: four years of days are too many.
                if number > 0 && number % self.inner.options.checkpoint_commits.max(1) as usize == 0 {
                    self.checkpoint_log(table, now).await?;
                }
                match self.run(table, &job, now, checkpoint).await {
                    Ok(Some(merged)) => {
                        done.files_in += job.inputs.len();
                        done.files_out += merged.files.len();
                        done.rows += merged.rows_read - merged.superseded;
                    }
                    Ok(None) => done.put_off += 1,
                    Err(error) => {
                        done.put_off += 1;
                        warn!(%error, table = table.name(), day = job.day, "compaction of a day was put off");
                    }
                }
            }
        }
        Ok(done)
    }

    /// `None` when another writer took one of the files meanwhile.
    async fn run(&self, table: Table, job: &Job, now: Timestamp, checkpoint: Position) -> Result<Option<Merged>, Error> {
        let root = self.table_root(table);
        let mut opened = Vec::with_capacity(job.inputs.len());
        for file in &job.inputs {
            // Past the handle's cache: nobody reads these files again.
            opened.push((file.clone(), Footers::default().open(&self.inner.location.store, &root, file).await?));
        }
        let lake = self.clone();
        let forget = (job.level == Level::Day && table.forgets_offsets()).then_some(checkpoint);
        let (day, level) = (job.day, job.level);
        let merging = aside::complete(async move {
            let target = Target {
                store: lake.object_store(),
                root: lake.table_root(table),
                table,
                day,
                level,
                names: &lake.inner.names,
                now,
                bytes: lake.inner.options.target_bytes,
                forget,
            };
            merge(Walk::start(table, opened).await?, &target).await
        });
        let merged = merging.await??;
        self.check_rows(table, job, &merged)?;
        let removed = job.inputs.iter().map(|file| file.path.clone()).collect();
        let change = Change::compact(now, merged.files.clone(), removed, self.inner.options.target_bytes);
        let log = self.log(table);
        crash_point!(CompactionBeforeLog);
        let outcome = log.write(&mut *log.lock().await, &change).await;
        match outcome {
            Ok(Outcome::Written) => {
                crash_point!(CompactionAfterLog);
                metrics::compacted(table, job.inputs.len(), merged.rows_read);
                info!(table = table.name(), day = job.day, files = job.inputs.len(), rows = merged.rows_read, "files merged");
                Ok(Some(merged))
            }
            Ok(Outcome::AlreadyIn) | Err(Error::Conflict { .. }) => {
                self.discard(table, &merged).await;
                Ok(None)
            }
            // In doubt: the files may be in the log, so they stay; the vacuum knows orphans.
            Err(error) => Err(error),
        }
    }

    fn check_rows(&self, table: Table, job: &Job, merged: &Merged) -> Result<(), Error> {
        let told = job.inputs.iter().map(|file| file.rows).sum::<u64>();
        let out = merged.files.iter().map(|added| added.file.rows).sum::<u64>();
        // Another writer's file may not tell its rows.
        let as_told = told == merged.rows_read || job.inputs.iter().any(|file| file.rows == 0);
        let conserved = as_told && out + merged.superseded == merged.rows_read;
        domain::check!(Promise::Lake1, conserved, "a merge writes each row that it read once");
        if conserved {
            return Ok(());
        }
        let why = format!("a merge of day {} read {} rows of {told} and wrote {out}", job.day, merged.rows_read);
        Err(Error::Conflict { table, why })
    }

    async fn discard(&self, table: Table, merged: &Merged) {
        for added in &merged.files {
            let path = join(&self.table_root(table), &added.file.path);
            if let Err(error) = self.inner.location.store.delete(&path).await {
                warn!(%error, %path, "an unused file is left to the vacuum");
            }
        }
    }
}

/// Only files written in spans (hours, unless configured) that are over: what is written now waits for more.
pub(super) fn plan(snapshot: &TableSnapshot, now: Timestamp, every_s: u32) -> Vec<Job> {
    let span = i64::from(every_s.max(1)) * MICROS_PER_SECOND;
    let this_span = now.as_micros().div_euclid(span) * span;
    let mut days: HashMap<i32, Vec<&DataFile>> = HashMap::new();
    for file in &snapshot.files {
        days.entry(file.day).or_default().push(file);
    }
    let mut jobs = Vec::new();
    for (day, files) in days {
        let past = files.into_iter().filter(|file| written(&file.path).1.as_micros() < this_span).collect::<Vec<_>>();
        let settled = i64::from(day + 1) * MICROS_PER_DAY + DAY_SETTLES.as_micros() as i64;
        let job = if now.as_micros() >= settled { whole_day(&past, now) } else { hours(&past) };
        if let Some((inputs, level)) = job {
            jobs.extend(bounded(day, inputs, level));
        }
    }
    jobs.sort_by_key(|job| job.day);
    jobs
}

/// The flushes of past hours become one file.
fn hours(past: &[&DataFile]) -> Option<(Vec<DataFile>, Level)> {
    let flushed = past.iter().filter(|file| written(&file.path).0 == Level::Flush).copied().cloned().collect::<Vec<_>>();
    (flushed.len() > 1).then_some((flushed, Level::Hour))
}

/// All files of a day become one order, once; late ones gather until they are worth it.
fn whole_day(past: &[&DataFile], now: Timestamp) -> Option<(Vec<DataFile>, Level)> {
    let (merged, late): (Vec<&DataFile>, Vec<&DataFile>) =
        past.iter().copied().partition(|file| written(&file.path).0 == Level::Day);
    let oldest = late.iter().map(|file| written(&file.path).1).min()?;
    let bytes = |files: &[&DataFile]| files.iter().map(|file| file.bytes).sum::<u64>();
    let waited = now.micros_since(oldest) >= LATE_WAITS.as_micros() as i64;
    if merged.is_empty() || waited || bytes(&late) * LATE_PART >= bytes(&merged) {
        return Some((past.iter().copied().cloned().collect(), Level::Day));
    }
    hours(&late)
}

/// Too many at once: the smallest first, as hours; the rest follows in the next round.
fn bounded(day: i32, mut inputs: Vec<DataFile>, level: Level) -> Vec<Job> {
    if inputs.len() <= INPUTS_MAX {
        return vec![Job { day, inputs, level }];
    }
    inputs.sort_by_key(|file| file.bytes);
    let pieces = inputs.chunks(INPUTS_MAX).filter(|piece| piece.len() > 1);
    pieces.map(|piece| Job { day, inputs: piece.to_vec(), level: Level::Hour }).collect()
}
