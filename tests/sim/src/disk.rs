//! A modelled disk: what was synced stays, of what was not anything may be left after the power was cut.
//!
//! A file's content and its name are made durable by calls of their own, as on ext4 and xfs; changes of names reach the disk in the order
//! in which they were made. A failed sync drops what it should have written and calls it clean, as Linux does. A killed process loses
//! nothing that the kernel has; power loss keeps each unsynced sector and cut as chance says.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use domain::rng::Rng;
use journal::storage::{File, Storage};
use parking_lot::Mutex;

use crate::power::{Power, dead};

/// What goes wrong from now on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub sync: f64,
    pub write: f64,
    /// Bytes of all files together, beyond which the disk is full.
    pub room: Option<u64>,
    /// A sync that says that it is done and does nothing: a promise broken on purpose.
    pub lies: bool,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    Kill,
    PowerLoss,
}

/// One directory, which outlives the processes that use it.
pub struct Disk(Mutex<Model>);

struct Model {
    rng: Rng,
    faults: Faults,
    now: BTreeMap<String, Inode>,
    synced: BTreeMap<String, Inode>,
    unsynced: Vec<Renaming>,
    locked: bool,
}

type Inode = Arc<Mutex<Content>>;

#[derive(Clone)]
enum Renaming {
    Create(String, Inode),
    Rename(String, String),
    Remove(String),
}

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

/// What a disk writes whole or not at all: smaller than a real one's, so that records of a hundred bytes are torn, too.
const SECTOR: usize = 64;

impl Disk {
    pub fn new(rng: Rng) -> Arc<Self> {
        let model = Model {
            rng,
            faults: Faults::default(),
            now: BTreeMap::new(),
            synced: BTreeMap::new(),
            unsynced: Vec::new(),
            locked: false,
        };
        Arc::new(Self(Mutex::new(model)))
    }

    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.0.lock().faults);
    }

    pub fn bytes(&self) -> u64 {
        self.0.lock().bytes()
    }

    /// Ends the life that used it. The next one finds what is left.
    pub fn crash(&self, crash: Crash) {
        let mut model = self.0.lock();
        model.locked = false;
        if crash == Crash::PowerLoss {
            model.lose_power();
        }
    }

    /// Turns one bit of a durable file around. Twice is as if it had never been.
    pub fn flip(&self, name: &str, at: usize, bit: u8) {
        let model = self.0.lock();
        if let Some(inode) = model.now.get(name) {
            let Content { now, synced, .. } = &mut *inode.lock();
            for byte in [now, synced].into_iter().filter_map(|bytes| bytes.get_mut(at)) {
                *byte ^= 1 << bit;
            }
        }
    }

    /// Names and what the files hold.
    pub fn contents(&self) -> Vec<(String, Vec<u8>)> {
        self.0.lock().now.iter().map(|(name, inode)| (name.clone(), inode.lock().now.clone())).collect()
    }

    /// Names and lengths.
    pub fn files(&self) -> Vec<(String, usize)> {
        self.0.lock().now.iter().map(|(name, inode)| (name.clone(), inode.lock().now.len())).collect()
    }

    /// The directory as one process sees it.
    pub fn mount(self: &Arc<Self>, power: Power) -> Arc<dyn Storage> {
        Arc::new(Mounted { disk: self.clone(), power })
    }
}

impl Model {
    fn bytes(&self) -> u64 {
        self.now.values().map(|inode| inode.lock().now.len() as u64).sum()
    }

    fn lose_power(&mut self) {
        let kept = self.rng.below(self.unsynced.len() as u64 + 1) as usize;
        let mut names = std::mem::take(&mut self.synced);
        for renaming in self.unsynced.drain(..).take(kept) {
            apply(&mut names, renaming);
        }
        let mut survived = BTreeMap::new();
        for (name, inode) in names {
            let bytes = inode.lock().survivor(&mut self.rng);
            let content = Content { now: bytes.clone(), synced: bytes, unsynced: Vec::new() };
            survived.insert(name, Arc::new(Mutex::new(content)));
        }
        self.now = survived.clone();
        self.synced = survived;
    }
}

fn apply(names: &mut BTreeMap<String, Inode>, renaming: Renaming) {
    match renaming {
        Renaming::Create(name, inode) => {
            names.insert(name, inode);
        }
        Renaming::Rename(from, to) => {
            if let Some(inode) = names.remove(&from) {
                names.insert(to, inode);
            }
        }
        Renaming::Remove(name) => {
            names.remove(&name);
        }
    }
}

impl Content {
    /// Mostly all of it or none reached the disk, sometimes any of its sectors.
    fn survivor(&self, rng: &mut Rng) -> Vec<u8> {
        let share = [0.0, 1.0, 0.5][rng.below(3) as usize];
        let mut bytes = self.synced.clone();
        for change in &self.unsynced {
            match change {
                Change::Write(offset, written) => {
                    for (number, sector) in written.chunks(SECTOR).enumerate() {
                        if rng.chance(share) {
                            write(&mut bytes, *offset as usize + number * SECTOR, sector);
                        }
                    }
                }
                Change::Truncate(length) if rng.chance(share) => bytes.resize(*length as usize, 0),
                Change::Truncate(_) => {}
            }
        }
        bytes
    }
}

fn write(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    into.resize(into.len().max(offset + bytes.len()), 0);
    into[offset..offset + bytes.len()].copy_from_slice(bytes);
}

struct Mounted {
    disk: Arc<Disk>,
    power: Power,
}

impl Mounted {
    /// A change of names.
    fn rename_with(&self, renaming: Renaming) -> io::Result<()> {
        let fails_in_it = self.power.operation()?;
        let mut model = self.disk.0.lock();
        let happens = !fails_in_it || model.rng.chance(0.5);
        if happens {
            let model = &mut *model;
            apply(&mut model.now, renaming.clone());
            model.unsynced.push(renaming);
        }
        if fails_in_it { Err(dead()) } else { Ok(()) }
    }

    fn file(&self, inode: Inode) -> Arc<dyn File> {
        Arc::new(Opened { disk: self.disk.clone(), power: self.power.clone(), inode })
    }

    fn must_exist(&self, name: &str) -> io::Result<Inode> {
        self.disk.0.lock().now.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Storage for Mounted {
    fn lock(&self) -> io::Result<Box<dyn Send>> {
        self.power.operation()?;
        let mut model = self.disk.0.lock();
        if std::mem::replace(&mut model.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Lock(self.disk.clone(), self.power.clone())))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.power.operation()?;
        Ok(self.disk.0.lock().now.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let inode = Inode::default();
        self.rename_with(Renaming::Create(name.to_owned(), inode.clone()))?;
        Ok(self.file(inode))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.power.operation()?;
        Ok(self.file(self.must_exist(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.must_exist(from)?;
        self.rename_with(Renaming::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.must_exist(name)?;
        self.rename_with(Renaming::Remove(name.to_owned()))
    }

    fn sync_names(&self) -> io::Result<()> {
        if self.power.operation()? {
            return Err(dead());
        }
        let mut model = self.disk.0.lock();
        let fails = model.faults.sync;
        if model.rng.chance(fails) {
            return Err(io::Error::other("modelled: names cannot be synced"));
        }
        if !model.faults.lies {
            model.unsynced.clear();
            model.synced = model.now.clone();
        }
        Ok(())
    }
}

/// Given back with the process.
struct Lock(Arc<Disk>, Power);

impl Drop for Lock {
    fn drop(&mut self) {
        if self.1.is_on() {
            self.0.0.lock().locked = false;
        }
    }
}

struct Opened {
    disk: Arc<Disk>,
    power: Power,
    inode: Inode,
}

impl File for Opened {
    fn length(&self) -> io::Result<u64> {
        self.power.operation()?;
        Ok(self.inode.lock().now.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.power.operation()?;
        let content = self.inode.lock();
        let from = content.now.get(offset as usize..).unwrap_or_default();
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
        Ok(length)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let fails_in_it = self.power.operation()?;
        let mut model = self.disk.0.lock();
        let mut whole = bytes.len();
        let grows = (offset as usize + whole).saturating_sub(self.inode.lock().now.len()) as u64;
        let room = model.faults.room.map_or(u64::MAX, |room| room.saturating_sub(model.bytes()));
        let is_full = grows > room;
        if is_full {
            whole = whole.saturating_sub((grows - room) as usize);
        }
        let fails = model.faults.write;
        let fails = model.rng.chance(fails);
        if fails || fails_in_it {
            whole = model.rng.below(whole as u64 + 1) as usize;
        }
        let mut content = self.inode.lock();
        write(&mut content.now, offset as usize, &bytes[..whole]);
        content.unsynced.push(Change::Write(offset, bytes[..whole].to_vec()));
        match (fails_in_it, is_full, fails) {
            (true, ..) => Err(dead()),
            (_, true, _) => Err(io::ErrorKind::StorageFull.into()),
            (_, _, true) => Err(io::Error::other("modelled: it cannot be written")),
            _ => Ok(()),
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let fails_in_it = self.power.operation()?;
        let mut content = self.inode.lock();
        content.now.resize(length as usize, 0);
        content.unsynced.push(Change::Truncate(length));
        if fails_in_it { Err(dead()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        if self.power.operation()? {
            return Err(dead());
        }
        let mut model = self.disk.0.lock();
        let fails = model.faults.sync;
        let fails = model.rng.chance(fails);
        if model.faults.lies {
            return Ok(());
        }
        let mut content = self.inode.lock();
        let changes = std::mem::take(&mut content.unsynced);
        if fails {
            // A cut is metadata and comes back with the next commit of the file system; dropped pages do not.
            content.unsynced = changes.into_iter().filter(|change| matches!(change, Change::Truncate(_))).collect();
            return Err(io::Error::other("modelled: it cannot be synced"));
        }
        for change in changes {
            match change {
                Change::Write(offset, written) => write(&mut content.synced, offset as usize, &written),
                Change::Truncate(length) => content.synced.resize(length as usize, 0),
            }
        }
        Ok(())
    }
}
