//! One data directory, started and stopped or killed as often as a test likes. The wall clock can be moved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use domain::record::{Publish, Source};
use domain::registry::CityOptions;
use domain::time::{Sleep, SystemClock};
use domain::{Clock, JournalId, Position, Reason, Timestamp};
use journal::{Journal, OpenError};
use lake::Lake;
use lake::contract::{Counts, Intake as _, Live as _, View};
use lake::table::Table;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::handle::Handle;
use crate::options::Options;
use crate::service::{Deps, Service};
use crate::shared::Shared;
use crate::verify::{Report, Subject};

pub const ONE_BAY: &str = r#"{"type":"FeatureCollection","features":[
  {"type":"Feature","geometry":{"type":"LineString","coordinates":[[105.8,21.0],[105.81,21.0]]},
   "properties":{"kind":"site","id":"street-1","site_kind":"street"}},
  {"type":"Feature","geometry":{"type":"Point","coordinates":[105.8,21.0]},"properties":{"kind":"bay","id":"bay-1","site":"street-1"}}]}"#;

/// Real durations, and a wall clock that stands `ahead`.
pub struct MovableClock {
    system: SystemClock,
    ahead: AtomicI64,
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.system.now().as_micros() + self.ahead.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        self.system.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.system.sleep(duration)
    }
}

pub struct Bench {
    pub dir: TempDir,
    pub clock: Arc<MovableClock>,
    pub options: Options,
    /// Of a journal that is not there yet.
    pub fresh_id: JournalId,
    last: Weak<Shared>,
}

/// A service that runs.
pub struct Running {
    pub handle: Handle,
    pub journal: Journal,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Bench {
    pub fn new(options: Options) -> Self {
        let system = SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration)));
        let clock = Arc::new(MovableClock { system, ahead: AtomicI64::new(0) });
        Self { dir: tempfile::tempdir().expect("a temporary folder"), clock, options, fresh_id: JournalId(7), last: Weak::new() }
    }

    pub fn move_clock(&self, by: Duration) {
        self.clock.ahead.fetch_add(by.as_micros() as i64, Ordering::Relaxed);
    }

    /// Opens everything anew and waits until it has caught up.
    pub async fn start(&mut self) -> Running {
        let mut running = self.try_start().await.expect("a data directory that opens");
        tokio::select! {
            () = running.handle.caught_up() => running,
            ended = &mut running.task => panic!("ingest ended: {ended:?}"),
        }
    }

    /// What the keeper of the lake's files does each minute, now.
    pub async fn tend(&self) {
        let shared = self.last.upgrade().expect("a service runs");
        crate::service::keeper::tend(&shared).await.expect("a lake that can be tended");
    }

    /// Waits until nobody has a hand on the directory.
    pub async fn released(&self) {
        while self.last.strong_count() > 0 {
            self.clock.sleep(Duration::from_millis(1)).await;
        }
        drop(self.journal().await);
    }

    pub async fn try_start(&mut self) -> Result<Running, Error> {
        while self.last.strong_count() > 0 {
            self.clock.sleep(Duration::from_millis(1)).await;
        }
        let clock: Arc<dyn Clock> = self.clock.clone();
        let journal = self.journal().await;
        let url = self.dir.path().join("lake").display().to_string();
        let lake = Lake::open(lake::Options::at(url), clock.clone()).await.expect("a lake that opens");
        let deps = Deps {
            journal: journal.clone(),
            lake,
            clock,
            city: CityOptions::default(),
            data_dir: self.dir.path().to_owned(),
            floors: Vec::new(),
        };
        let service = Service::new(self.options.clone(), deps).await?;
        self.last = Arc::downgrade(&service.shared);
        let (handle, shutdown) = (service.handle(), CancellationToken::new());
        let task = tokio::spawn(service.run(shutdown.clone()));
        Ok(Running { handle, journal, shutdown, task })
    }

    /// What a check at rest finds; everything is compared one by one.
    pub async fn broken_promises(&self) -> Vec<String> {
        let (report, of_lake) = self.verified().await;
        assert!(report.exact, "{report:?}");
        of_lake.into_iter().chain(report.findings.iter().map(|finding| format!("{finding:?}"))).collect()
    }

    /// What a check at rest says of ingest, and what it finds in the lake.
    pub async fn verified(&self) -> (Report, Vec<String>) {
        while self.last.strong_count() > 0 {
            self.clock.sleep(Duration::from_millis(1)).await;
        }
        let journal = journal::verify(&self.dir.path().join("journal")).expect("readable").expect("there");
        let url = self.dir.path().join("lake").display().to_string();
        let lake = Lake::open_read_only(lake::Options::at(url), self.clock.clone()).await.expect("a lake");
        let tables = lake.verify(&[(journal.id, journal.last)]).await.expect("readable");
        let city = CityOptions::default();
        let journal_dir = &self.dir.path().join("journal");
        let subject = Subject { data_dir: self.dir.path(), journal_dir, options: &self.options, city: &city };
        let report = crate::verify::verify(&subject, Some(&journal), &lake, &tables).await.expect("readable");
        (report, tables.findings.iter().map(|finding| format!("{finding:?}")).collect())
    }

    /// A killed service's writer may hold the folder for a moment.
    pub async fn journal(&self) -> Journal {
        loop {
            let dir = self.dir.path().join("journal");
            let options = journal::Options { dir, ..journal::Options::default() };
            match Journal::open(options, self.clock.clone(), self.fresh_id) {
                Ok((journal, _)) => return journal,
                Err(OpenError::InUse { .. }) => self.clock.sleep(Duration::from_millis(1)).await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Running {
    /// Durable, and taken by the pipeline.
    pub async fn publish(&self, messages: Vec<Publish>) -> Vec<Position> {
        let positions = self.handle.publish(messages).await.expect("a journal that writes");
        if let Some(last) = positions.last() {
            assert!(self.handle.settled(*last, Duration::from_secs(20)).await, "the pipeline goes on");
        }
        positions
    }

    pub fn ledger(&self) -> Counts {
        let counts = self.handle.ledger().counts;
        assert!(counts.adds_up());
        counts
    }

    pub async fn rows(&self, table: Table) -> u64 {
        rows_in(&self.handle.view().await.expect("a view"), table)
    }

    /// Waits until the ledger says so; what never comes fails after a while.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Counts) -> bool) {
        for _ in 0..2_000 {
            if is_so(&self.ledger()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: {:?}", self.ledger());
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("no panic").expect("a clean end");
        self.journal.close().await.expect("a journal that closes");
    }

    /// As a kill would: nothing is finished.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

pub fn rows_in(view: &View, table: Table) -> u64 {
    let table = view.table(table).expect("served");
    let lake: u64 = table.lake.files.iter().map(|file| file.rows).sum();
    lake + table.hot.iter().map(|chunk| chunk.rows.num_rows() as u64).sum::<u64>()
}

/// Seconds after midnight of 2026-01-05, UTC.
pub fn second(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_767_571_200 + seconds) * 1_000_000)
}

pub fn parking(sensor: &str, seconds: i64, state: &str) -> Publish {
    parking_at(sensor, second(seconds), state)
}

pub fn parking_at(sensor: &str, at: Timestamp, state: &str) -> Publish {
    let payload = format!(r#"{{"ts":"{at}","state":"{state}"}}"#);
    Publish::new(Source::Http, &format!("kerbside/v1/parking/{sensor}"), Bytes::from(payload))
}

/// `values` as they stand in the payload.
pub fn air(sensor: &str, seconds: i64, values: &str) -> Publish {
    air_at(sensor, second(seconds), values)
}

pub fn air_at(sensor: &str, at: Timestamp, values: &str) -> Publish {
    let comma = if values.is_empty() { "" } else { "," };
    let payload = format!(r#"{{"ts":"{at}"{comma}{values}}}"#);
    Publish::new(Source::Http, &format!("kerbside/v1/air/{sensor}"), Bytes::from(payload))
}

pub fn counts(received: u64, accepted: u64, duplicate: u64, rejected: &[(Reason, u64)]) -> Counts {
    let mut counts = Counts { received, accepted, duplicate, ..Counts::default() };
    rejected.iter().for_each(|(reason, count)| counts.rejected[*reason as usize] = *count);
    counts
}
