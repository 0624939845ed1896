//! Writes what the pipeline cut: commits of the tables, then the checkpoint, then the trim of the journal. One job at a time.
//!
//! A commit that fails is tried again until it succeeds: the rows are in the journal and in memory, and the pipeline waits at its
//! limit. What trying again cannot mend (another writer, a table changed by hand) stops ingest. The checkpoint
//! comes after all tables, so a restart from it finds every row before it in the lake.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use domain::{Position, Promise, check, crash_point};
use lake::table::Table;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use crate::checkpoint::Checkpoints;
use crate::error::Error;
use crate::metrics as names;
use crate::options::Options;
use crate::service::Backoff;
use crate::shared::Shared;

/// Everything up to one position.
pub struct Job {
    pub upto: Position,
    pub tables: Vec<(Table, Vec<RecordBatch>)>,
    /// The checkpoint's bytes, where one is due.
    pub checkpoint: Option<Vec<u8>>,
}

/// A job that is done.
pub struct Written {
    pub checkpoint: Option<Position>,
}

/// Begins jobs when they are due and waits for the one under way.
pub struct Writer {
    running: Option<JoinHandle<Result<Written, Error>>>,
    commit_every: Duration,
    checkpoint_every: Duration,
    checkpoint_records: u64,
    last_begun: Duration,
    last_checkpoint: Duration,
    last_checkpoint_position: Position,
}

impl Writer {
    pub fn new(options: &Options, now: Duration, checkpoint: Position) -> Self {
        Self {
            running: None,
            commit_every: options.commit_every(),
            checkpoint_every: options.checkpoint_every(),
            checkpoint_records: options.checkpoint_records,
            last_begun: now,
            last_checkpoint: now,
            last_checkpoint_position: checkpoint,
        }
    }

    pub fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    pub fn until_due(&self, now: Duration) -> Duration {
        (self.last_begun + self.commit_every).saturating_sub(now)
    }

    pub fn is_checkpoint_due(&self, position: Position, now: Duration) -> bool {
        now.saturating_sub(self.last_checkpoint) >= self.checkpoint_every
            || position.0.saturating_sub(self.last_checkpoint_position.0) >= self.checkpoint_records
    }

    /// Call it when no job is under way.
    pub fn begin(&mut self, shared: &Arc<Shared>, checkpoints: &Checkpoints, job: Job, now: Duration) {
        self.last_begun = now;
        if job.tables.is_empty() && job.checkpoint.is_none() {
            return;
        }
        if job.checkpoint.is_some() {
            self.last_checkpoint = now;
            self.last_checkpoint_position = job.upto;
        }
        debug_assert!(self.running.is_none(), "one job at a time");
        self.running = Some(tokio::spawn(write(shared.clone(), checkpoints.clone(), job)));
    }

    /// Pending for ever while nothing is under way. Dropping the future loses nothing.
    pub async fn finished(&mut self) -> Result<Written, Error> {
        let Some(running) = &mut self.running else {
            return std::future::pending().await;
        };
        let outcome = running.await;
        self.running = None;
        outcome.map_err(|_| Error::Ended("the lake writer"))?
    }

    /// Gives up a job that cannot end: everything it would write is in the journal.
    pub fn abandon(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.abandon();
    }
}

async fn write(shared: Arc<Shared>, checkpoints: Checkpoints, job: Job) -> Result<Written, Error> {
    let began = shared.clock.elapsed();
    for (table, rows) in job.tables {
        commit(&shared, table, job.upto, rows).await?;
        crash_point!(CommitBetweenTables);
    }
    let took = shared.clock.elapsed().saturating_sub(began);
    metrics::histogram!(names::COMMIT_SECONDS).record(took.as_secs_f64());
    let Some(bytes) = job.checkpoint else {
        return Ok(Written { checkpoint: None });
    };
    save(&shared, checkpoints, job.upto, bytes).await?;
    Ok(Written { checkpoint: Some(job.upto) })
}

async fn commit(shared: &Shared, table: Table, upto: Position, rows: Vec<RecordBatch>) -> Result<(), Error> {
    let journal = shared.journal.id();
    let mut backoff = Backoff::new();
    loop {
        match shared.lake.commit(table, journal, upto, rows.clone()).await {
            Ok(snapshot) => {
                check!(Promise::Lake1, snapshot.committed >= upto, "a commit moves the table's position");
                shared.hot.write().committed(table, upto, shared.clock.elapsed());
                debug!(table = table.name(), upto = upto.0, version = snapshot.version, "committed");
                return Ok(());
            }
            Err(error) if is_final(&error) => return Err(error.into()),
            Err(error) => {
                metrics::counter!(names::COMMIT_FAILURES).increment(1);
                let wait = backoff.next();
                warn!(%error, table = table.name(), wait_ms = wait.as_millis() as u64, "commit failed, trying again");
                shared.clock.sleep(wait).await;
            }
        }
    }
}

/// What trying again cannot mend.
fn is_final(error: &lake::Error) -> bool {
    use lake::Error as E;
    match error {
        E::NewerVersion { .. } | E::Location { .. } | E::Column(_) | E::Schema { .. } | E::Conflict { .. } | E::ReadOnly => true,
        // Of computing with the rows, which are the same the next time.
        E::Arrow(error) => !matches!(error, ArrowError::IoError(..) | ArrowError::ExternalError(_)),
        _ => false,
    }
}

/// Retried as well: a full disk is mended by an operator, and the journal is kept until then.
async fn save(shared: &Arc<Shared>, checkpoints: Checkpoints, position: Position, bytes: Vec<u8>) -> Result<(), Error> {
    let began = shared.clock.elapsed();
    let bytes = Arc::new(bytes);
    let mut backoff = Backoff::new();
    let fallback = loop {
        let (checkpoints, bytes) = (checkpoints.clone(), bytes.clone());
        let written = aside::run(move || checkpoints.write(position, &bytes)).await;
        match written.map_err(|_| Error::Ended("the checkpoint writer"))? {
            Ok(fallback) => break fallback,
            Err(error) => {
                warn!(%error, "checkpoint failed, trying again");
                shared.clock.sleep(backoff.next()).await;
            }
        }
    };
    metrics::gauge!(names::CHECKPOINT_BYTES).set(bytes.len() as f64);
    metrics::histogram!(names::CHECKPOINT_SECONDS).record(shared.clock.elapsed().saturating_sub(began).as_secs_f64());
    shared.checkpoint.store(position.0, Ordering::Release);
    if let Some(fallback) = fallback {
        shared.fallback.store(fallback.0, Ordering::Release);
        trim(shared, fallback).await;
    }
    Ok(())
}

/// Frees what nobody needs any more. A failure only keeps more of the journal; the next checkpoint tries again.
async fn trim(shared: &Arc<Shared>, fallback: Position) {
    let upto = shared.floors.iter().map(|floor| floor()).fold(fallback, Position::min);
    let journal = shared.journal.clone();
    match aside::run(move || journal.trim(upto)).await {
        Ok(Ok(())) => debug!(upto = upto.0, "journal trimmed"),
        Ok(Err(error)) => warn!(%error, "journal not trimmed"),
        Err(error) => warn!(%error, "journal not trimmed"),
    }
}
