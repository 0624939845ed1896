//! What the journal promises, each as one fact: on a modelled disk that fails, loses and tears on command, and on the real one.

mod at_rest;
mod disk;
mod erasing;
mod failure;
mod flipped;
mod memory;
mod model;
mod order;
mod reading;
mod torn;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::time::Sleep;
use domain::{Clock, JournalId, Position, Timestamp};

use crate::{Append, Entry, Journal, OpenError, Options, Recovery, TailError, Writer};
use memory::Memory;

/// A clock that stands until it is moved.
#[derive(Default)]
struct HandClock(AtomicI64);

impl HandClock {
    fn advance(&self, duration: Duration) {
        self.0.fetch_add(duration.as_micros() as i64, Ordering::Relaxed);
    }

    fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed).max(0) as u64)
    }

    fn sleep(&self, _duration: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

const ID: JournalId = JournalId(0xfeed);

/// A journal on a modelled disk, stepped by the test.
struct Rig {
    disk: Arc<Memory>,
    clock: Arc<HandClock>,
    options: Options,
    journal: Journal,
    recovery: Recovery,
    writer: Writer,
}

impl Rig {
    fn new(segment_bytes: u64, hot_bytes_max: usize) -> Self {
        let options = Options { segment_bytes, hot_bytes_max, ..Options::default() };
        Self::on(Arc::default(), Arc::default(), options).expect("an empty disk opens")
    }

    fn on(disk: Arc<Memory>, clock: Arc<HandClock>, options: Options) -> Result<Self, OpenError> {
        let (journal, recovery, writer) =
            Journal::open_on(options.clone(), Arc::clone(&clock) as Arc<dyn Clock>, ID, Arc::clone(&disk) as _)?;
        Ok(Self { disk, clock, options, journal, recovery, writer })
    }

    /// The process dies; what the disk kept by `chance` is opened again.
    fn crash(self, chance: &mut dyn FnMut() -> bool) -> Result<Self, OpenError> {
        let disk = Arc::new(self.disk.after_crash(chance));
        Self::on(disk, self.clock, self.options)
    }

    /// The process dies; the page cache and what it has not synced stay, the disk works again.
    fn kill(self) -> Result<Self, OpenError> {
        self.disk.set_faults(memory::Faults::default());
        Self::on(self.disk, self.clock, self.options)
    }

    fn reopen(self) -> Result<Self, OpenError> {
        self.crash(&mut || true)
    }

    fn append(&self, body: &[u8]) -> Append {
        self.journal.append(1, body)
    }

    /// One batch of these bodies, made durable.
    fn batch(&mut self, bodies: &[&[u8]]) -> Vec<Append> {
        let appends = bodies.iter().map(|body| self.append(body)).collect();
        self.writer.step();
        appends
    }

    fn read(&self, after: u64) -> Result<Vec<Entry>, TailError> {
        let mut tail = self.journal.tail(Position(after))?;
        block_on(async {
            let mut all = Vec::new();
            loop {
                let entries = tail.try_next(7, 1_000).await?;
                if entries.is_empty() {
                    return Ok(all);
                }
                all.extend(entries);
            }
        })
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        self.read(self.journal.first().0 - 1).expect("reads back").iter().map(|entry| entry.body.to_vec()).collect()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers").block_on(future)
}
