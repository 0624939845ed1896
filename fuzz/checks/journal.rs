//! A journal whose files were changed anyhow opens or says what is wrong, and gives no record but those that were written.
//!
//! The input is a list of changes to a journal of three segments, four bytes each: which file and what, where, and a byte.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::time::Sleep;
use domain::{Clock, JournalId, Position, Timestamp};
use journal::storage::{File, Storage};
use journal::{Journal, Options};

const RECORDS: u8 = 12;
const ID: JournalId = JournalId(7);

pub fn check(bytes: &[u8]) {
    let disk = Arc::new(Memory::default());
    write(&disk);
    for change in bytes.chunks_exact(4).take(64) {
        disk.change(change[0], change[1], change[2], change[3]);
    }
    let Ok((journal, ..)) = Journal::open_on(options(), Arc::new(Still), ID, disk) else { return };
    let Ok(mut tail) = journal.tail(Position(journal.first().0.saturating_sub(1))) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    let mut last = Position::START;
    while let Ok(entries) = runtime.block_on(tail.try_next(4, 1_000)) {
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            assert!(entry.position > last, "{} after {last}", entry.position);
            last = entry.position;
            assert_eq!(entry.body, body(entry.position.0), "record {}", entry.position);
        }
    }
}

fn body(position: u64) -> Vec<u8> {
    vec![position as u8; 10 + position as usize * 7]
}

/// Few records a segment.
fn options() -> Options {
    Options { segment_bytes: 400, hot_bytes_max: 0, ..Options::default() }
}

fn write(disk: &Arc<Memory>) {
    let opened = Journal::open_on(options(), Arc::new(Still), ID, Arc::clone(disk) as _);
    let (journal, _, mut writer) = opened.expect("an empty disk opens");
    for position in 1..=u64::from(RECORDS) {
        let _unawaited = journal.append(1, &body(position));
        writer.step();
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _duration: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Arc<Content>>>);

#[derive(Default)]
struct Content(Mutex<Vec<u8>>);

impl Memory {
    fn names(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Content>>> {
        self.0.lock().expect("nobody panics with it")
    }

    fn change(&self, what: u8, high: u8, low: u8, byte: u8) {
        let mut names = self.names();
        let Some(name) = names.keys().nth(usize::from(what >> 4)).cloned() else { return };
        let offset = usize::from(u16::from_be_bytes([high, low]));
        if what & 0x0F == 4 {
            names.remove(&name);
            return;
        }
        let mut content = names[&name].bytes();
        match what & 0x0F {
            0 => content.iter_mut().skip(offset).take(1).for_each(|old| *old ^= byte),
            1 => content.truncate(offset),
            2 => content.push(byte),
            3 if offset <= content.len() => content.insert(offset, byte),
            _ => {}
        }
    }
}

impl Content {
    fn bytes(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl Storage for Memory {
    fn lock(&self) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names().keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let content = Arc::new(Content::default());
        self.names().insert(name.to_owned(), Arc::clone(&content));
        Ok(content)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let content = self.names().get(name).cloned();
        content.map(|content| content as Arc<dyn File>).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut names = self.names();
        let content = names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        names.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.names().remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
}

impl File for Content {
    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes();
        let from = bytes.get(offset as usize..).unwrap_or_default();
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
        Ok(length)
    }

    fn write_at(&self, offset: u64, written: &[u8]) -> io::Result<()> {
        let (mut bytes, end) = (self.bytes(), offset as usize + written.len());
        let length = bytes.len().max(end);
        bytes.resize(length, 0);
        bytes[offset as usize..end].copy_from_slice(written);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.bytes().resize(length as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
