//! A modelled disk: knows what was synced, fails on command, and after a crash keeps any part of what was not synced.
//!
//! A failed sync drops what it should have written, as Linux does: a later sync that succeeds does not bring it back.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::storage::{File, Storage};

#[derive(Default)]
pub(super) struct Memory {
    names: Mutex<Names>,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
struct Names {
    now: BTreeMap<String, Arc<Content>>,
    synced: BTreeMap<String, Arc<Content>>,
}

/// What fails from now on.
#[derive(Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) write: bool,
    pub(super) sync: bool,
    pub(super) create: bool,
    pub(super) truncate: bool,
    /// Bytes that may still be written before the disk is full.
    pub(super) room: Option<usize>,
}

struct Content {
    bytes: Mutex<Bytes>,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
struct Bytes {
    now: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

/// What a disk writes whole or not at all.
const SECTOR: usize = 16;

impl Memory {
    pub(super) fn set_faults(&self, faults: Faults) {
        *self.faults.lock() = faults;
    }

    /// The disk as it may be found after power loss; each unsynced sector and cut is kept when `chance` says so.
    pub(super) fn after_crash(&self, chance: &mut dyn FnMut() -> bool) -> Self {
        let faults = Arc::new(Mutex::default());
        let names = self.names.lock();
        let kept = if chance() { &names.now } else { &names.synced };
        let survived: BTreeMap<_, _> =
            kept.iter().map(|(name, content)| (name.clone(), content.survivor(&faults, chance))).collect();
        Self { names: Mutex::new(Names { now: survived.clone(), synced: survived }), faults }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.names.lock().now.keys().cloned().collect()
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        self.names.lock().now[name].bytes.lock().now.clone()
    }

    /// Puts a file there as if it had always been.
    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) {
        let content = Content { bytes: Mutex::default(), faults: Arc::clone(&self.faults) };
        *content.bytes.lock() = Bytes { now: bytes.clone(), synced: bytes, unsynced: Vec::new() };
        let content = Arc::new(content);
        let mut names = self.names.lock();
        names.now.insert(name.to_owned(), Arc::clone(&content));
        names.synced.insert(name.to_owned(), content);
    }

    fn check(&self, what: impl Fn(&Faults) -> bool) -> io::Result<()> {
        if what(&self.faults.lock()) { Err(io::Error::other("modelled fault")) } else { Ok(()) }
    }
}

impl Content {
    fn survivor(&self, faults: &Arc<Mutex<Faults>>, chance: &mut dyn FnMut() -> bool) -> Arc<Self> {
        let bytes = self.bytes.lock();
        let mut survived = bytes.synced.clone();
        for change in &bytes.unsynced {
            match change {
                Change::Write(offset, written) => {
                    for (number, sector) in written.chunks(SECTOR).enumerate() {
                        if chance() {
                            write(&mut survived, *offset as usize + number * SECTOR, sector);
                        }
                    }
                }
                Change::Truncate(length) if chance() => survived.resize(*length as usize, 0),
                Change::Truncate(_) => {}
            }
        }
        let bytes = Mutex::new(Bytes { now: survived.clone(), synced: survived, unsynced: Vec::new() });
        Arc::new(Self { bytes, faults: Arc::clone(faults) })
    }
}

fn write(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    into.resize(into.len().max(offset + bytes.len()), 0);
    into[offset..offset + bytes.len()].copy_from_slice(bytes);
}

impl Storage for Memory {
    fn lock(&self) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.check(|faults| faults.create)?;
        let content = Arc::new(Content { bytes: Mutex::default(), faults: Arc::clone(&self.faults) });
        self.names.lock().now.insert(name.to_owned(), Arc::clone(&content));
        Ok(content)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let content = self.names.lock().now.get(name).cloned();
        content.map(|content| content as Arc<dyn File>).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut names = self.names.lock();
        let content = names.now.remove(from).ok_or(io::ErrorKind::NotFound)?;
        names.now.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.names.lock().now.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.check(|faults| faults.sync)?;
        let mut names = self.names.lock();
        names.synced = names.now.clone();
        Ok(())
    }
}

impl File for Content {
    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().now.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.lock();
        let from = bytes.now.get(offset as usize..).unwrap_or_default();
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
        Ok(length)
    }

    fn write_at(&self, offset: u64, written: &[u8]) -> io::Result<()> {
        let mut faults = self.faults.lock();
        let whole = if faults.write { written.len() / 2 } else { faults.room.unwrap_or(usize::MAX).min(written.len()) };
        if let Some(room) = &mut faults.room {
            *room -= whole.min(*room);
        }
        let mut bytes = self.bytes.lock();
        write(&mut bytes.now, offset as usize, &written[..whole]);
        bytes.unsynced.push(Change::Write(offset, written[..whole].to_vec()));
        if whole < written.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        if self.faults.lock().truncate {
            return Err(io::Error::other("modelled fault"));
        }
        let mut bytes = self.bytes.lock();
        bytes.now.resize(length as usize, 0);
        bytes.unsynced.push(Change::Truncate(length));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut bytes = self.bytes.lock();
        let changes = std::mem::take(&mut bytes.unsynced);
        if self.faults.lock().sync {
            // A cut is metadata and comes back with the next journal commit; dropped pages do not.
            bytes.unsynced = changes.into_iter().filter(|change| matches!(change, Change::Truncate(_))).collect();
            return Err(io::Error::other("modelled fault"));
        }
        for change in changes {
            match change {
                Change::Write(offset, written) => write(&mut bytes.synced, offset as usize, &written),
                Change::Truncate(length) => bytes.synced.resize(length as usize, 0),
            }
        }
        Ok(())
    }
}
