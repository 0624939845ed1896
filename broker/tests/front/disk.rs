//! A disk that refuses to write: nothing is acknowledged falsely, and it goes on once the disk does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::JournalId;
use journal::storage::{File, Storage};
use journal::{Disk, Journal};
use tempfile::TempDir;

use crate::harness::{Front, clock};
use crate::raw::{Publish, Raw};

/// The real disk until it is full.
struct Filling {
    disk: Disk,
    is_full: Arc<AtomicBool>,
}

struct FillingFile {
    file: Arc<dyn File>,
    is_full: Arc<AtomicBool>,
}

fn check(is_full: &AtomicBool) -> io::Result<()> {
    if is_full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl Filling {
    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(FillingFile { file, is_full: self.is_full.clone() })
    }
}

impl Storage for Filling {
    fn lock(&self) -> io::Result<Box<dyn Send>> {
        self.disk.lock()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.create(name).map(|file| self.wrap(file))
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.disk.open(name).map(|file| self.wrap(file))
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

impl File for FillingFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, into)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        check(&self.is_full)?;
        self.file.write_at(offset, bytes)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        check(&self.is_full)?;
        self.file.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        check(&self.is_full)?;
        self.file.sync()
    }
}

async fn start(is_full: &Arc<AtomicBool>) -> Front {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("journal");
    std::fs::create_dir_all(&path).expect("a directory");
    let disk = Disk::create(&path).expect("a disk");
    let options = journal::Options { dir: path, ..journal::Options::default() };
    let storage = Arc::new(Filling { disk, is_full: is_full.clone() });
    let (journal, _, mut writer) = Journal::open_on(options, clock(), JournalId(7), storage).expect("opens");
    std::thread::spawn(move || {
        while writer.step() {
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
    });
    Front::start_on(dir, journal, |_| ()).await
}

fn publish(properties: Option<&[u8]>, flags: u8, id: u16) -> Vec<u8> {
    Publish { topic: "kerbside/v1/air/a", payload: b"{}", flags, id, properties }.bytes()
}

#[tokio::test]
async fn a_publish_that_cannot_be_kept_is_refused_and_taken_once_the_disk_writes_again() {
    let is_full = Arc::new(AtomicBool::new(false));
    let front = start(&is_full).await;
    let (mut new, _) = Raw::v5(front.mqtt, "new", 0x02, &[]).await;
    let mut old = Raw::v3(front.mqtt, "old").await;
    is_full.store(true, Ordering::SeqCst);
    new.send(&publish(Some(&[]), 0x02, 1)).await;
    new.expect(&[0x40, 3, 0, 1, 0x97]).await;
    new.send(&publish(Some(&[]), 0x04, 2)).await;
    new.expect(&[0x50, 3, 0, 2, 0x97]).await;
    old.send(&publish(None, 0x02, 1)).await;
    old.expect_closed().await;
    assert!(front.publishes().await.is_empty());
    is_full.store(false, Ordering::SeqCst);
    loop {
        new.send(&publish(Some(&[]), 0x04, 2)).await;
        let (_, body) = new.read_packet().await.expect("an answer");
        if body.len() == 2 {
            break;
        }
    }
    assert_eq!(front.publishes().await.len(), 1);
    front.stop().await;
}
