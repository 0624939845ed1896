//! A disk that fails under the source: what is not durable is not acknowledged, and comes again when the disk is well.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use journal::storage::{File, Storage};
use journal::{Disk, Health};

use super::*;

/// The real disk, whose syncs fail while told to.
struct Failing {
    disk: Disk,
    fails: Arc<AtomicBool>,
}

struct FailingFile {
    file: Arc<dyn File>,
    fails: Arc<AtomicBool>,
}

impl Failing {
    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(FailingFile { file, fails: Arc::clone(&self.fails) })
    }
}

impl Storage for Failing {
    fn lock(&self) -> io::Result<Box<dyn Send>> {
        self.disk.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.disk.create(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.disk.open(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_names()
    }
}

impl File for FailingFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn sync(&self) -> io::Result<()> {
        if self.fails.load(Ordering::Relaxed) { Err(io::Error::other("told to fail")) } else { self.file.sync() }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failing_disk_did_not_take_comes_again() {
    let Some(mosquitto) = Mosquitto::start().await else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let fails = Arc::new(AtomicBool::new(false));
    let storage = Failing { disk: Disk::create(dir.path()).expect("a directory"), fails: Arc::clone(&fails) };
    let (journal, _, mut writer) =
        Journal::open_on(journal::Options::default(), clock(), JournalId(1), Arc::new(storage)).expect("opens");
    let ends = CancellationToken::new();
    let ended = ends.clone();
    let writing = tokio::spawn(async move {
        while !ended.is_cancelled() {
            writer.step();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let rig = Rig { journal, ..Rig::new(&mosquitto, Version::V5, None) };
    let running = rig.start().await;
    publish(mosquitto.port, 10).await;
    rig.holds(10).await;

    fails.store(true, Ordering::Relaxed);
    let mut durable = rig.journal.durable();
    publish(mosquitto.port, 20).await;
    while rig.journal.health() == Health::Writable {
        soon("the journal fails", durable.changed()).await.expect("the journal stays");
    }
    assert_eq!(rig.journal.head(), Position(10));
    fails.store(false, Ordering::Relaxed);
    rig.holds(30).await;
    assert_eq!(rig.payloads().await.len(), 20, "the first ten came twice by name, the other ten once");
    running.shutdown.cancel();
    running.task.await.expect("ends by itself").expect("never fails");
    ends.cancel();
    writing.await.expect("ends by itself");
}
