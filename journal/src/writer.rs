//! The one writer of a journal: takes all that is pending, writes it, syncs once, publishes, and mends the log after a failure.
//!
//! Group commit without a timer: while one fdatasync runs, what arrives gathers for the next. After a failed write or sync
//! nothing behind the last durable record is trusted (the kernel may have dropped the pages and called them clean), so mending cuts
//! the file back to it and begins a new segment.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::{Position, crash_point};
use metrics::{counter, gauge, histogram};
use tracing::{error, info, warn};

use crate::frame;
use crate::metrics as names;
use crate::pending::{Chunk, State};
use crate::segment::{self, HEADER, Segment};
use crate::shared::{Shared, Waits, Work};
use crate::storage::File;

/// Drives a journal's disk. [`Journal::open`](crate::Journal::open) gives it a thread of its own; a simulation steps it.
pub struct Writer {
    shared: Arc<Shared>,
    segment: Arc<Segment>,
    file: Arc<dyn File>,
    segment_bytes: u64,
    /// Of the clock's elapsed time: when a failed log is tried again.
    mend_at: Duration,
    /// Held until the writer ends.
    lock: Option<Box<dyn Send>>,
}

/// Between two attempts to mend a failed log.
const MEND_EVERY: Duration = Duration::from_secs(1);

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        segment: Arc<Segment>,
        file: Arc<dyn File>,
        segment_bytes: u64,
        lock: Box<dyn Send>,
    ) -> Self {
        Self { shared, segment, file, segment_bytes, mend_at: Duration::ZERO, lock: Some(lock) }
    }

    /// Does what there is to do, without waiting; false when the journal is being closed and all is written.
    pub fn step(&mut self) -> bool {
        match self.shared.work_at_once() {
            Some(work) => self.work(work),
            None => true,
        }
    }

    /// When a step has something to do, by the clock's elapsed time; `None`: not before somebody appends or closes.
    pub fn due(&self) -> Option<Duration> {
        match self.shared.waits_for_writer() {
            Waits::Nothing => None,
            Waits::Now => Some(Duration::ZERO),
            Waits::Mending => Some(self.mend_at),
        }
    }

    /// Until the journal is closed.
    pub(crate) fn run(mut self) {
        while self.work(self.shared.wait_for_work()) {}
    }

    fn work(&mut self, work: Work) -> bool {
        match work {
            Work::Commit(batch) => self.commit(batch),
            Work::Mend => self.mend_when_due(),
            Work::Stop => return false,
        }
        true
    }

    fn commit(&mut self, mut batch: Vec<Chunk>) {
        let (Some(first), Some(last)) = (batch.first().map(|chunk| chunk.first), batch.last().map(Chunk::last)) else {
            return;
        };
        let bytes: usize = batch.iter().map(|chunk| chunk.frames.len()).sum();
        let started = self.shared.clock.elapsed();
        if let Err(error) = self.write(first, bytes as u64, &mut batch) {
            counter!(names::ERRORS).increment(1);
            error!(%error, position = %first, bytes, segment = %self.segment.name, "journal cannot write: appends fail until it can");
            self.mend_at = self.shared.clock.elapsed() + MEND_EVERY;
            self.shared.fail(State::Failed(error.to_string().into()));
            return;
        }
        histogram!(names::SYNC_SECONDS).record(self.shared.clock.elapsed().saturating_sub(started).as_secs_f64());
        let mut hot = self.shared.hot.lock();
        for chunk in batch {
            let held = chunk.frames.capacity();
            hot.push(chunk.first, chunk.last(), chunk.frames.freeze(), held);
        }
        drop(hot);
        self.shared.publish(last, bytes);
        let records = last.0 - first.0 + 1;
        counter!(names::APPENDS).increment(records);
        counter!(names::BYTES).increment(bytes as u64);
        histogram!(names::BATCH_RECORDS).record(records as f64);
        gauge!(names::HEAD).set(last.0 as f64);
        gauge!(names::KEPT_BYTES).set(self.shared.segments.bytes() as f64);
    }

    fn write(&mut self, first: Position, bytes: u64, batch: &mut [Chunk]) -> io::Result<()> {
        if self.segment.end() > HEADER && self.segment.end() + bytes > self.segment_bytes {
            self.begin_segment(first)?;
        }
        crash_point!(JournalBeforeWrite);
        let mut end = self.segment.end();
        let mut first_of_batch = true;
        for chunk in batch.iter_mut() {
            frame::seal(&mut chunk.frames, self.segment.seed, first_of_batch);
            self.file.write_at(end, &chunk.frames)?;
            end += chunk.frames.len() as u64;
            first_of_batch = false;
        }
        crash_point!(JournalBeforeSync);
        self.file.sync()?;
        crash_point!(JournalAfterSync);
        let mut offset = self.segment.end();
        for chunk in batch.iter() {
            self.segment.note(chunk.first, offset);
            offset += chunk.frames.len() as u64;
        }
        self.segment.set_end(end);
        Ok(())
    }

    fn begin_segment(&mut self, first: Position) -> io::Result<()> {
        self.file = segment::create(self.shared.storage.as_ref(), self.shared.id, first)?;
        self.segment = Arc::new(Segment::new(self.shared.id, first, HEADER));
        self.shared.segments.push(Arc::clone(&self.segment));
        Ok(())
    }

    fn mend_when_due(&mut self) {
        let now = self.shared.clock.elapsed();
        if now < self.mend_at {
            return;
        }
        self.mend_at = now + MEND_EVERY;
        match self.mend() {
            Ok(()) => {
                self.shared.mend();
                info!(position = %self.shared.head().next(), segment = %self.segment.name, "journal can write again");
            }
            Err(error) => {
                counter!(names::ERRORS).increment(1);
                warn!(%error, "journal still cannot write");
            }
        }
    }

    fn mend(&mut self) -> io::Result<()> {
        self.file.truncate(self.segment.end())?;
        self.file.sync()?;
        self.begin_segment(self.shared.head().next())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.lock = None;
        let state = match self.shared.state() {
            State::Writable if std::thread::panicking() => State::Failed("its writer panicked".into()),
            State::Writable => State::Closed,
            ended => ended,
        };
        self.shared.close(state);
    }
}
