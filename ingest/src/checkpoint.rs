//! Checkpoints: the pipeline's state as one fsynced file a position.
//!
//! `checkpoint/{position}.ckpt`: magic, format version, checksum, length, then the journal's id and the state (postcard). The state
//! only grows at its end: an older file is read as one that ends with the defaults of what came later. The newest
//! two are kept, and the journal from the older of them, so that one damaged file costs a longer replay and nothing
//! else: it is set aside before the next one is written, and is none of the two. A file is whole or it is not there: written aside,
//! fsynced, renamed, the folder fsynced.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use domain::{JournalId, Position};
use serde::{Deserialize, Serialize};

use crate::pipeline::{Capacities, Edits, State};

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
/// 2 added `State::edits`, 3 `State::capacities`.
const VERSION: u32 = 3;
/// Magic, version, checksum, length.
const HEAD: usize = 8 + 4 + 4 + 8;
const KEPT: usize = 2;

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
    let mut checkpoint: Checkpoint = postcard::from_bytes(&postcard::to_extend(&Capacities::default(), body)?)?;
    checkpoint.state.capacities = Capacities::of(&checkpoint.state.live);
    Ok(checkpoint)
}

/// The folder of checkpoints.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    dir: PathBuf,
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
        fs::create_dir_all(&dir)?;
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { dir })
    }

    /// Of a folder that nobody may change: nothing is created or removed.
    pub fn read_only(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// A newer format is an error, a damaged file is not: the one before it counts.
    pub fn load(&self) -> Result<Found, CheckpointError> {
        let mut found = Found::default();
        let positions = self.positions().map_err(|error| CheckpointError::Io { path: self.dir.clone(), error })?;
        for position in positions.iter().rev() {
            let path = self.path(*position);
            let read = fs::read(&path).map_err(|error| CheckpointError::Io { path: path.clone(), error });
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
            let renamed = fs::rename(path, path.with_extension("damaged"));
            renamed.map_err(|error| CheckpointError::Io { path: path.to_owned(), error })?;
        }
        Ok(())
    }

    /// Durable when it returns. Gives the position that the journal must be kept from, the older of the two kept.
    pub fn write(&self, position: Position, bytes: &[u8]) -> io::Result<Option<Position>> {
        let (path, aside) = (self.path(position), self.dir.join(format!("{:020}.tmp", position.0)));
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&aside, &path)?;
        File::open(&self.dir)?.sync_all()?;
        let positions = self.positions()?;
        let kept = positions.len().saturating_sub(KEPT);
        for old in &positions[..kept] {
            fs::remove_file(self.path(*old))?;
        }
        Ok((positions.len() >= KEPT).then(|| positions[kept]))
    }

    fn path(&self, position: Position) -> PathBuf {
        self.dir.join(format!("{:020}.ckpt", position.0))
    }

    /// Of all checkpoint files, ascending.
    fn positions(&self) -> io::Result<Vec<Position>> {
        let mut positions = Vec::new();
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(positions),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".ckpt")).and_then(|name| name.parse().ok());
            positions.extend(number.map(Position));
        }
        positions.sort_unstable();
        Ok(positions)
    }
}

#[cfg(test)]
mod tests;
