//! Everything that outlives a life of the server: disks, store, clock, the memory of the oracle, and the verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::rng::Rng;
use domain::{Clock as _, Timestamp};
use lake::table::Table;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::VirtualClock;
use crate::desk::Desk;
use crate::disk::Disk;
use crate::log::Archive;
use crate::mutation::Mutation;
use crate::oracle::Oracle;
use crate::scenario::Scenario;
use crate::store::Store;
use crate::trace::Trace;

/// How far ahead of the server a reading may be, seconds.
pub const FUTURE_S: u32 = 300;

pub struct World {
    pub seed: u64,
    /// No record is freed.
    pub keeps_journal: bool,
    pub scenario: Scenario,
    pub mutation: Mutation,
    pub clock: Arc<VirtualClock>,
    pub trace: Trace,
    pub oracle: Oracle,
    pub journal: Arc<Disk>,
    pub checkpoints: Arc<Disk>,
    /// Of the front.
    pub front: Arc<Disk>,
    pub store: Arc<Store>,
    pub archives: [Arc<Archive>; Table::ALL.len()],
    /// Holds the registry's SQLite file.
    pub folder: tempfile::TempDir,
    /// The journal's writer of the present life.
    pub desk: Mutex<Option<Arc<Desk>>>,
    rng: Rng,
    readings: AtomicU64,
    is_calm: AtomicBool,
    verdict: Mutex<Option<String>>,
    judged: Notify,
}

impl World {
    pub fn new(seed: u64, scenario: Scenario, mutation: Mutation) -> std::io::Result<Arc<Self>> {
        Self::of(seed, scenario, mutation, false)
    }

    pub fn keeping_its_journal(seed: u64, scenario: Scenario) -> std::io::Result<Arc<Self>> {
        Self::of(seed, scenario, Mutation::None, true)
    }

    fn of(seed: u64, scenario: Scenario, mutation: Mutation, keeps_journal: bool) -> std::io::Result<Arc<Self>> {
        let rng = Rng::from_seed(seed);
        let clock = VirtualClock::starting_at(beginning(seed));
        let world = Self {
            seed,
            keeps_journal,
            scenario,
            mutation,
            trace: Trace::new(clock.clone()),
            clock,
            oracle: Oracle::new(scenario.edits, FUTURE_S),
            journal: Disk::new(rng.stream(1)),
            checkpoints: Disk::new(rng.stream(2)),
            front: Disk::new(rng.stream(6)),
            store: Store::new(rng.stream(3)),
            archives: Default::default(),
            folder: tempfile::tempdir()?,
            desk: Mutex::new(None),
            rng,
            readings: AtomicU64::new(0),
            is_calm: AtomicBool::new(false),
            verdict: Mutex::new(None),
            judged: Notify::new(),
        };
        world.weather();
        Ok(Arc::new(world))
    }

    /// The usual faults of the scenario, and the promise that is broken on purpose.
    pub fn weather(&self) {
        let Scenario { store_error, store_lost, store_torn, store_latency_ms, disk_error, .. } = self.scenario;
        self.store.set_faults(|faults| {
            *faults = crate::store::Faults {
                error: store_error,
                lost: store_lost,
                torn: store_torn,
                full: false,
                latency_ms: store_latency_ms,
            };
        });
        for (disk, liar) in [
            (&self.journal, Mutation::AckBeforeSync),
            (&self.checkpoints, Mutation::SkippedCheckpointSync),
            (&self.front, Mutation::SkippedCheckpointSync),
        ] {
            let lies = self.mutation == liar;
            disk.set_faults(|faults| {
                *faults = crate::disk::Faults { sync: disk_error, write: disk_error, room: None, lies };
            });
        }
    }

    /// No more faults; a promise that is broken on purpose stays broken.
    pub fn calm_down(&self) {
        self.is_calm.store(true, Ordering::Relaxed);
        self.store.set_faults(|faults| *faults = crate::store::Faults { latency_ms: 20, ..Default::default() });
        for disk in self.disks() {
            disk.set_faults(|faults| *faults = crate::disk::Faults { lies: faults.lies, ..Default::default() });
        }
    }

    pub fn disks(&self) -> [&Arc<Disk>; 3] {
        [&self.journal, &self.checkpoints, &self.front]
    }

    pub fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    /// A sequence of chance of its own.
    pub fn rng(&self, number: u64) -> Rng {
        self.rng.stream(number)
    }

    pub fn count_reading(&self) {
        self.readings.fetch_add(1, Ordering::Relaxed);
    }

    pub fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    /// A promise was checked; the first that is broken ends the day.
    pub fn judge(&self, outcome: Result<(), String>) {
        if let Err(broken) = outcome {
            let mut verdict = self.verdict.lock();
            if verdict.is_none() {
                crate::note!(self.trace, "BROKEN {broken}");
                *verdict = Some(broken);
                self.judged.notify_one();
            }
        }
    }

    /// Resolves once a promise is broken.
    pub async fn broken(&self) -> String {
        loop {
            if let Some(broken) = self.verdict.lock().clone() {
                return broken;
            }
            self.judged.notified().await;
        }
    }

    /// Called when no task has anything to do: the journal's writer first, then time passes.
    pub fn idle(&self) {
        let desk = self.desk.lock().clone();
        if desk.is_some_and(|desk| desk.wake(self.clock.elapsed())) {
            return;
        }
        assert!(self.clock.advance(), "nobody waits for anything any more");
    }
}

/// Shortly before the end of a UTC day, so that a day is closed and compacted.
fn beginning(seed: u64) -> Timestamp {
    const FIRST_DAY: i64 = 20_400;
    Timestamp::from_micros(((FIRST_DAY + (seed % 300) as i64) * 86_400 + 18 * 3_600) * 1_000_000)
}
