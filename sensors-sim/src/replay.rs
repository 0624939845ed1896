//! A recording sent through MQTT: one connection keeps the order of the file, the end is the last PUBACK.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, Timestamp};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::error::Error;
use crate::mapping::Mapping;
use crate::publisher::{Handle, Message, Publisher, PublisherOptions, PublisherStats};
use crate::recording::{Recorded, Recording, RecordingCounts, RowError};

/// Rows that the reading thread hands over at once, and batches that may wait.
const BATCH_ROWS: usize = 512;
const BATCHES_MAX: usize = 8;
/// Refusals that are kept for the summary; all are counted.
pub const REFUSALS_TOLD_MAX: usize = 20;

/// How fast: `max`, or so many times faster than it was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Speed {
    #[default]
    Max,
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            _ => Err(Error::Options(format!("speed {text:?} is neither `max` nor a number above 0"))),
        }
    }
}

impl TryFrom<String> for Speed {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayOptions {
    pub publisher: PublisherOptions,
    pub speed: Speed,
    /// Moves all times so that the last row of the file becomes now.
    pub shift_to_now: bool,
}

/// What a replay has come to, so far or at its end.
#[derive(Clone, Debug, Default)]
pub struct ReplaySummary {
    pub counts: RecordingCounts,
    /// The first refusals; `counts` has the number of all.
    pub refusals: Vec<RowError>,
    pub published: PublisherStats,
    /// By how much the times of the file were moved, microseconds.
    pub shifted_micros: i64,
    pub took: Duration,
    /// The file was read to its end.
    pub ended: bool,
}

impl ReplaySummary {
    /// Whether the broker has acknowledged every reading of the file.
    pub fn is_complete(&self) -> bool {
        self.ended && self.published.acknowledged == self.counts.readings
    }
}

/// A view of a running replay, for a progress bar.
#[derive(Clone)]
pub struct Progress(Arc<Mutex<ReplaySummary>>);

impl Progress {
    pub fn now(&self) -> ReplaySummary {
        self.0.lock().clone()
    }
}

pub struct Replay {
    path: PathBuf,
    mapping: Option<Mapping>,
    options: ReplayOptions,
    clock: Arc<dyn Clock>,
    summary: Arc<Mutex<ReplaySummary>>,
}

/// What the reading thread hands over.
struct Batch {
    rows: Vec<Result<Recorded, RowError>>,
    counts: RecordingCounts,
}

impl Replay {
    /// Without a mapping the file's header chooses a shipped one.
    pub fn new(path: PathBuf, mapping: Option<Mapping>, options: ReplayOptions, clock: Arc<dyn Clock>) -> Self {
        Self { path, mapping, options, clock, summary: Arc::default() }
    }

    pub fn progress(&self) -> Progress {
        Progress(Arc::clone(&self.summary))
    }

    /// Until every reading is acknowledged. Cancelled, it stops reading and tells how far it came.
    pub async fn run(self, shutdown: CancellationToken) -> Result<ReplaySummary, Error> {
        let started = self.clock.elapsed();
        let shift = if self.options.shift_to_now { self.shift().await? } else { 0 };
        self.summary.lock().shifted_micros = shift;
        let recording = self.open().await?;
        let (batches, mut received) = mpsc::channel(BATCHES_MAX);
        let reading = tokio::task::spawn_blocking(move || read(recording, &batches));
        let (publisher, handle) = Publisher::new(self.options.publisher.clone(), Arc::clone(&self.clock));
        let leave = shutdown.child_token();
        let mut publishing = tokio::spawn(publisher.run(leave.clone()));
        let fed = tokio::select! {
            ended = self.feed(&mut received, handle, shift) => ended,
            // The publisher gave up, or was cancelled: its result, below, says why.
            result = &mut publishing => {
                drop(received);
                return self.finish(started, false, result);
            }
        };
        drop(received);
        let result = publishing.await;
        if let Err(panic) = reading.await {
            return Err(Error::Options(format!("reading {} failed: {panic}", self.path.display())));
        }
        self.finish(started, fed, result)
    }

    async fn feed(&self, received: &mut mpsc::Receiver<Batch>, handle: Handle, shift: i64) -> bool {
        let mut pace = Pace::new(self.options.speed, self.clock.elapsed());
        while let Some(batch) = received.recv().await {
            for row in batch.rows {
                match row {
                    Ok(recorded) => {
                        if let Some(wait) = pace.wait(recorded.ts, self.clock.elapsed()) {
                            self.clock.sleep(wait).await;
                        }
                        let ts = Timestamp::from_micros(recorded.ts.as_micros().saturating_add(shift));
                        let message = Message { topic: recorded.topic(), payload: recorded.payload_at(ts) };
                        if handle.publish(message).await.is_err() {
                            return false;
                        }
                    }
                    Err(refused) => self.refuse(refused),
                }
            }
            let mut summary = self.summary.lock();
            summary.counts = batch.counts;
            summary.published = handle.stats();
        }
        true
    }

    fn refuse(&self, refused: RowError) {
        warn!(%refused, "not replayed");
        let mut summary = self.summary.lock();
        if summary.refusals.len() < REFUSALS_TOLD_MAX {
            summary.refusals.push(refused);
        }
    }

    fn finish(
        &self,
        started: Duration,
        ended: bool,
        result: Result<Result<PublisherStats, Error>, tokio::task::JoinError>,
    ) -> Result<ReplaySummary, Error> {
        let published = result.map_err(|panic| Error::Options(format!("the publisher failed: {panic}")))??;
        let mut summary = self.summary.lock();
        summary.ended = ended;
        summary.published = published;
        summary.took = self.clock.elapsed().saturating_sub(started);
        Ok(summary.clone())
    }

    async fn open(&self) -> Result<Recording, Error> {
        let (path, mapping) = (self.path.clone(), self.mapping.clone());
        blocking(move || Recording::open(&path, mapping)).await
    }

    /// Microseconds from the last reading of the file to now, whole milliseconds: payloads stay short.
    async fn shift(&self) -> Result<i64, Error> {
        let recording = self.open().await?;
        let last = blocking(move || Ok(recording.last_ts())).await?;
        let last = last.ok_or_else(|| Error::Options(format!("{} has no reading to shift to now", self.path.display())))?;
        Ok(self.clock.now().micros_since(last).div_euclid(1_000) * 1_000)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| Error::Options(format!("reading failed: {panic}")))?
}

/// Reads to the end, or until nobody listens any more.
fn read(mut recording: Recording, batches: &mpsc::Sender<Batch>) {
    loop {
        let rows: Vec<_> = recording.by_ref().take(BATCH_ROWS).collect();
        let last = rows.len() < BATCH_ROWS;
        if batches.blocking_send(Batch { rows, counts: recording.counts() }).is_err() || last {
            return;
        }
    }
}

/// When a row is due: as far from the first row as in the file, divided by the speed.
struct Pace {
    speed: Speed,
    started: Duration,
    first: Option<Timestamp>,
}

impl Pace {
    fn new(speed: Speed, started: Duration) -> Self {
        Self { speed, started, first: None }
    }

    fn wait(&mut self, ts: Timestamp, now: Duration) -> Option<Duration> {
        let Speed::Times(times) = self.speed else { return None };
        let first = *self.first.get_or_insert(ts);
        let into = Duration::from_micros(u64::try_from(ts.micros_since(first)).unwrap_or(0));
        let due = Duration::try_from_secs_f64(into.as_secs_f64() / times)
            .map_or(Duration::MAX, |after| self.started.saturating_add(after));
        due.checked_sub(now).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests;
