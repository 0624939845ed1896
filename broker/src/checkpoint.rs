//! Sessions and retained messages in one file, so that the journal before it can go.
//!
//! Magic, format, length and checksum, then postcard. Written aside, synced, renamed, and the directory synced: there is always a
//! whole one. A restart is the newest file and the journal after it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use domain::{JournalId, Position};
use journal::Disk;
use journal::storage::Storage;
use serde::{Deserialize, Serialize};

use crate::durable::Durable;
use crate::error::Error;
use crate::retained::KeptMessage;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The journal whose positions these are.
    pub journal: u64,
    /// `sessions` is the fold of the journal up to here.
    pub sessions_at: Position,
    pub sessions: Durable,
    /// `retained` is the fold of the journal up to here.
    pub retained_at: Position,
    pub retained: Vec<KeptMessage>,
}

const MAGIC: &[u8; 6] = b"KBFRNT";
const FORMAT: u16 = 1;
const HEAD: usize = MAGIC.len() + 2 + 8 + 4;

impl Checkpoint {
    /// Everything that is needed of the journal stands after this position.
    pub fn floor(&self) -> Position {
        self.sessions_at.min(self.retained_at)
    }

    pub fn is_of(&self, journal: JournalId) -> bool {
        self.journal == journal.0
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEAD];
        bytes = postcard::to_extend(self, bytes).expect("a vector takes what memory holds");
        let length = (bytes.len() - HEAD) as u64;
        let checksum = crc32c::crc32c(&bytes[HEAD..]);
        let mut head = Vec::with_capacity(HEAD);
        head.extend(MAGIC);
        head.extend(FORMAT.to_le_bytes());
        head.extend(length.to_le_bytes());
        head.extend(checksum.to_le_bytes());
        bytes[..HEAD].copy_from_slice(&head);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (head, body) = bytes.split_at_checked(HEAD).ok_or(Unreadable::Damaged("it is cut short"))?;
        if head[..6] != MAGIC[..] {
            return Err(Unreadable::Damaged("it is no checkpoint of the front"));
        }
        let format = u16::from_le_bytes([head[6], head[7]]);
        if format != FORMAT {
            return Err(Unreadable::Newer(format));
        }
        let mut length = [0; 8];
        length.copy_from_slice(&head[8..16]);
        if u64::from_le_bytes(length) != body.len() as u64 {
            return Err(Unreadable::Damaged("it is cut short"));
        }
        if head[16..] != crc32c::crc32c(body).to_le_bytes() {
            return Err(Unreadable::Damaged("its checksum does not match"));
        }
        postcard::from_bytes(body).map_err(|_| Unreadable::Damaged("it does not decode"))
    }
}

/// The directory that the checkpoint lies in.
#[derive(Clone)]
pub struct Checkpoints {
    /// For messages only.
    dir: PathBuf,
    files: Arc<dyn Storage>,
}

const FILE: &str = "front.checkpoint";
const ASIDE: &str = "front.tmp";

impl Checkpoints {
    /// Makes the directory where it is missing. Blocks.
    pub fn open(dir: PathBuf) -> Result<Self, Error> {
        match Disk::create(&dir) {
            Ok(files) => Ok(Self::on(dir, Arc::new(files))),
            Err(error) => Err(Error::Checkpoint { path: dir, error }),
        }
    }

    /// On any storage; `dir` only stands in messages.
    pub fn on(dir: PathBuf, files: Arc<dyn Storage>) -> Self {
        Self { dir, files }
    }

    /// Blocks. `None`: there is none yet.
    pub fn read(&self) -> Result<Option<Checkpoint>, Error> {
        let path = self.dir.join(FILE);
        let read = || -> io::Result<Vec<u8>> {
            let file = self.files.open(FILE)?;
            let mut bytes = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
            let filled = file.read_at(0, &mut bytes)?;
            bytes.truncate(filled);
            Ok(bytes)
        };
        let bytes = match read() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::Checkpoint { path, error }),
        };
        match Checkpoint::decode(&bytes) {
            Ok(checkpoint) => Ok(Some(checkpoint)),
            Err(Unreadable::Newer(found)) => Err(Error::NewerFormat { path, found }),
            Err(Unreadable::Damaged(what)) => Err(Error::Damaged { path, what }),
        }
    }

    /// Blocks until it is on the disk.
    pub fn write(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let write = || -> io::Result<()> {
            let file = self.files.create(ASIDE)?;
            file.write_at(0, &checkpoint.encode())?;
            file.sync()?;
            self.files.rename(ASIDE, FILE)?;
            self.files.sync_names()
        };
        write().map_err(|error| Error::Checkpoint { path: self.dir.join(FILE), error })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Unreadable {
    Newer(u16),
    Damaged(&'static str),
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::Timestamp;

    use super::*;
    use crate::durable::Kept;

    fn checkpoint() -> Checkpoint {
        let mut sessions = Durable::default();
        sessions.sessions.insert("c".into(), Kept { expiry_s: 7, cursor: Position(3), ..Kept::default() });
        let retained = KeptMessage {
            topic: "a".into(),
            payload: Bytes::from_static(b"1"),
            properties: Bytes::new(),
            client: Bytes::from_static(b"c"),
            qos: 1,
            cbor: false,
            position: Position(2),
            received_at: Timestamp::from_micros(5),
        };
        Checkpoint { journal: 9, sessions_at: Position(4), sessions, retained_at: Position(3), retained: vec![retained] }
    }

    #[test]
    fn a_checkpoint_reads_back_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let checkpoints = Checkpoints::open(dir.path().join("broker")).expect("a directory");
        assert!(matches!(checkpoints.read(), Ok(None)));
        checkpoints.write(&checkpoint()).expect("writes");
        assert_eq!(checkpoints.read().expect("reads"), Some(checkpoint()));
    }

    #[test]
    fn any_flipped_bit_or_missing_byte_is_noticed() {
        let bytes = checkpoint().encode();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(Checkpoint::decode(&flipped).is_err(), "byte {at}");
            assert!(Checkpoint::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
