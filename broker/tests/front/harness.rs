//! A front on a free port with a journal in a directory of its own; can be stopped, killed and started again on that directory.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use broker::{Broker, Deps, Handle, Options};
use domain::access::{Anonymous, Authority};
use domain::record::Record;
use domain::rng::Rng;
use domain::time::SystemClock;
use domain::{Clock, JournalId, Position};
use journal::Journal;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub struct Front {
    pub dir: TempDir,
    pub journal: Journal,
    pub handle: Handle,
    pub mqtt: SocketAddr,
    pub websocket: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), broker::Error>>,
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}

impl Front {
    pub async fn start() -> Self {
        Self::start_in(TempDir::new().expect("a temporary directory")).await
    }

    pub async fn start_in(dir: TempDir) -> Self {
        Self::start_with(dir, |_| ()).await
    }

    pub async fn start_with(dir: TempDir, set: impl FnOnce(&mut Options)) -> Self {
        let journal = open_journal(dir.path()).await;
        Self::start_on(dir, journal, set).await
    }

    /// Whoever connects is judged by `authority`.
    pub async fn start_for(authority: Arc<dyn Authority>) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let journal = open_journal(dir.path()).await;
        Self::start_as(dir, journal, authority, |_| ()).await
    }

    pub async fn start_on(dir: TempDir, journal: Journal, set: impl FnOnce(&mut Options)) -> Self {
        Self::start_as(dir, journal, Arc::new(Anonymous::LoopbackOnly), set).await
    }

    async fn start_as(dir: TempDir, journal: Journal, authority: Arc<dyn Authority>, set: impl FnOnce(&mut Options)) -> Self {
        let free = "127.0.0.1:0".parse().expect("an address");
        let mut options = Options { listen: free, websocket: Some(free), dir: dir.path().join("broker"), ..Options::default() };
        set(&mut options);
        let deps = Deps { journal: journal.clone(), clock: clock(), rng: Rng::from_seed(1), authority, tls: None };
        let front = Broker::bind(options, deps).await.expect("the front starts");
        let mqtt = front.local_addr();
        let websocket = front.ws_addr().expect("asked for");
        let (handle, shutdown) = (front.handle(), CancellationToken::new());
        let task = tokio::spawn(front.run(shutdown.clone()));
        Self { dir, journal, handle, mqtt, websocket, shutdown, task }
    }

    /// As SIGTERM: drains.
    pub async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        self.task.await.expect("no panic").expect("stopped in order");
        self.journal.close().await.expect("the journal closes");
        self.dir
    }

    /// As a crash: the tasks are gone in the middle of whatever they do. What was appended may still become durable.
    pub async fn kill(self) -> TempDir {
        self.task.abort();
        let _ = self.task.await;
        drop(self.handle);
        self.journal.close().await.expect("the journal closes");
        self.dir
    }

    /// Everything in the journal.
    pub async fn records(&self) -> Vec<Record> {
        let mut tail = self.journal.tail(Position::START).expect("from the start");
        let mut records = Vec::new();
        loop {
            let entries = tail.try_next(1_000, 1 << 20).await.expect("readable");
            if entries.is_empty() {
                return records;
            }
            records.extend(entries.into_iter().map(|entry| Record::decode(entry.kind, entry.body).expect("a record")));
        }
    }

    /// Topics and payloads of the publishes in the journal.
    pub async fn publishes(&self) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let records = self.records().await.into_iter();
        records
            .filter_map(|record| match record {
                Record::Publish(publish) => Some((publish.topic().to_owned(), text(&publish.payload))),
                _ => None,
            })
            .collect()
    }
}

async fn open_journal(dir: &Path) -> Journal {
    let options = journal::Options { dir: dir.join("journal"), ..journal::Options::default() };
    let open = move || Journal::open(options, clock(), JournalId(7));
    let opened = tokio::task::spawn_blocking(open).await.expect("no panic");
    opened.expect("the journal opens").0
}
