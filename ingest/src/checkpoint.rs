//! Checkpoints: the pipeline's state as one fsynced file a position.
//!
//! `checkpoint/{position}.ckpt`: magic, format version, checksum, length, then the journal's id and the state (postcard). The state
//! only grows at its end: an older file is read as one that ends with the defaults of what came later. The newest
//! two are kept, and the journal from the older of them, so that one damaged file costs a longer replay and nothing
//! else: it is set aside before the next one is written, and is none of the two. A file is whole or it is not there: written aside,
//! fsynced, renamed, the folder fsynced.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{JournalId, Position, crash_point};
use journal::Disk;
use journal::storage::Storage;
use serde::{Deserialize, Serialize};

use crate::pipeline::{Capacities, Edits, Erasures, State};

/// What a checkpoint holds.
#[derive(Debug, Deserialize)]
pub struct Checkpoint {
    pub journal: JournalId,
    pub state: State,
}

#[derive(Serialize)]
struct CheckpointRef<'a> {
    journal: JournalId,
    state: &'a State,
}

/// Why a checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("checkpoint {}: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("checkpoint {} has format {found}, newer than this version reads ({VERSION})", .path.display())]
    NewerFormat { path: PathBuf, found: u32 },
    #[error("checkpoint {} is damaged: {why}", .path.display())]
    Damaged { path: PathBuf, why: String },
}

impl CheckpointError {
    fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. } | Self::NewerFormat { path, .. } | Self::Damaged { path, .. } => path,
        }
    }
}

const MAGIC: [u8; 8] = *b"KERBCKPT";
/// 2 added `State::edits`, 3 `State::capacities`, 4 `State::erasures`.
const VERSION: u32 = 4;
/// Magic, version, checksum, length.
const HEAD: usize = 8 + 4 + 4 + 8;
const KEPT: usize = 2;
const WHOLE: &str = ".ckpt";
const UNFINISHED: &str = ".tmp";
const DAMAGED: &str = ".damaged";

/// The bytes of a checkpoint file.
pub fn encode(journal: JournalId, state: &State) -> Vec<u8> {
    let head = vec![0; HEAD];
    let mut bytes =
        postcard::to_extend(&CheckpointRef { journal, state }, head).expect("the state has no type that postcard refuses");
    let body = &bytes[HEAD..];
    let (checksum, length) = (crc32c::crc32c(body), body.len() as u64);
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    bytes[16..24].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// The inverse of [`encode`].
pub fn decode(path: &Path, bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let damaged = |why: &str| CheckpointError::Damaged { path: path.to_owned(), why: why.to_owned() };
    let (head, body) = bytes.split_at_checked(HEAD).ok_or_else(|| damaged("it is cut short"))?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if head[..8] != MAGIC {
        return Err(damaged("it is no checkpoint"));
    }
    if word(8) > VERSION {
        return Err(CheckpointError::NewerFormat { path: path.to_owned(), found: word(8) });
    }
    if body.len() as u64 != u64::from(word(16)) | u64::from(word(20)) << 32 {
        return Err(damaged("it has another length than it says"));
    }
    if crc32c::crc32c(body) != word(12) {
        return Err(damaged("its checksum is wrong"));
    }
    let mut checkpoint = read(word(8), body).map_err(|error| damaged(&error.to_string()))?;
    checkpoint.state.live.find_newest();
    Ok(checkpoint)
}

fn read(version: u32, body: &[u8]) -> Result<Checkpoint, postcard::Error> {
    if version == VERSION {
        return postcard::from_bytes(body);
    }
    let mut body = body.to_vec();
    if version < 2 {
        body = postcard::to_extend(&Edits::default(), body)?;
    }
    if version < 3 {
        body = postcard::to_extend(&Capacities::default(), body)?;
    }
    let mut checkpoint: Checkpoint = postcard::from_bytes(&postcard::to_extend(&Erasures::default(), body)?)?;
    if version < 3 {
        checkpoint.state.capacities = Capacities::of(&checkpoint.state.live);
    }
    Ok(checkpoint)
}

/// Their folder in the data directory.
pub const CHECKPOINTS: &str = "checkpoint";

/// The folder of checkpoints.
#[derive(Clone)]
pub struct Checkpoints {
    /// For messages only.
    dir: PathBuf,
    files: Arc<dyn Storage>,
}

/// What was found in the folder.
#[derive(Debug, Default)]
pub struct Found {
    /// The newest that reads back.
    pub newest: Option<Checkpoint>,
    /// Newer ones that do not.
    pub damaged: Vec<CheckpointError>,
    /// The oldest position that a fallback would start from; `None` with fewer than two files.
    pub fallback: Option<Position>,
}

impl Checkpoints {
    /// Creates the folder where it is missing and removes what an interrupted write left.
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        let files = Disk::create(&dir)?;
        Self::open_on(dir, Arc::new(files))
    }

    /// As [`Checkpoints::open`] on any storage; `dir` only stands in messages.
    pub fn open_on(dir: PathBuf, files: Arc<dyn Storage>) -> io::Result<Self> {
        for name in files.list()?.iter().filter(|name| name.ends_with(UNFINISHED)) {
            files.remove(name)?;
        }
        Ok(Self { dir, files })
    }

    /// Of a folder that nobody may change: nothing is created or removed.
    pub fn read_only(dir: PathBuf) -> Self {
        let files = Arc::new(Disk::existing(&dir));
        Self { dir, files }
    }

    /// A newer format is an error, a damaged file is not: the one before it counts.
    pub fn load(&self) -> Result<Found, CheckpointError> {
        let mut found = Found::default();
        let positions = self.positions().map_err(|error| CheckpointError::Io { path: self.dir.clone(), error })?;
        for position in positions.iter().rev() {
            let path = self.path(*position);
            let read = self.read(*position).map_err(|error| CheckpointError::Io { path: path.clone(), error });
            match read.and_then(|bytes| decode(&path, &bytes)) {
                Ok(checkpoint) => {
                    found.newest = Some(checkpoint);
                    found.fallback = positions.iter().copied().find(|older| older < position);
                    return Ok(found);
                }
                Err(error @ CheckpointError::NewerFormat { .. }) => return Err(error),
                Err(error) => found.damaged.push(error),
            }
        }
        Ok(found)
    }

    /// Takes the damaged ones out of the folder's count; a person may still look into them.
    pub fn set_aside(&self, damaged: &[CheckpointError]) -> Result<(), CheckpointError> {
        for path in damaged.iter().map(CheckpointError::path) {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let renamed = self.files.rename(&name(path), &name(&path.with_extension("damaged")));
            renamed.map_err(|error| CheckpointError::Io { path: path.to_owned(), error })?;
        }
        Ok(())
    }

    /// Removes those that were set aside as damaged: nobody knows what is in them.
    pub fn remove_damaged(&self) -> io::Result<()> {
        for name in self.files.list()?.iter().filter(|name| name.ends_with(DAMAGED)) {
            self.files.remove(name)?;
        }
        self.files.sync_names()
    }

    /// Durable when it returns. Gives the position that the journal must be kept from, the older of the two kept.
    pub fn write(&self, position: Position, bytes: &[u8]) -> io::Result<Option<Position>> {
        let aside = format!("{:020}{UNFINISHED}", position.0);
        crash_point!(CheckpointBeforeWrite);
        let file = self.files.create(&aside)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        drop(file);
        crash_point!(CheckpointBeforeName);
        self.files.rename(&aside, &name_of(position))?;
        crash_point!(CheckpointAfterName);
        self.files.sync_names()?;
        let positions = self.positions()?;
        let kept = positions.len().saturating_sub(KEPT);
        for old in &positions[..kept] {
            self.files.remove(&name_of(*old))?;
        }
        Ok((positions.len() >= KEPT).then(|| positions[kept]))
    }

    fn path(&self, position: Position) -> PathBuf {
        self.dir.join(name_of(position))
    }

    fn read(&self, position: Position) -> io::Result<Vec<u8>> {
        let file = self.files.open(&name_of(position))?;
        let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        let filled = file.read_at(0, &mut bytes)?;
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Of all checkpoint files, ascending.
    fn positions(&self) -> io::Result<Vec<Position>> {
        let names = match self.files.list() {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let number = |name: &String| name.strip_suffix(WHOLE)?.parse().ok().map(Position);
        let mut positions: Vec<_> = names.iter().filter_map(number).collect();
        positions.sort_unstable();
        Ok(positions)
    }
}

fn name_of(position: Position) -> String {
    format!("{:020}{WHOLE}", position.0)
}

#[cfg(test)]
mod tests;
