//! One segment file: its name, its header, and where its records stand.
//!
//! ```text
//! 00000000000000000001.journal:  magic 8   format 4   journal id 8   first position 8   crc32c of these 4   records…
//! ```
//! A segment is written under a temporary name, synced and renamed, so a wrong header is damage and never a torn start.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::{JournalId, Position, crash_point};
use parking_lot::Mutex;

use crate::error::{Damage, OpenError};
use crate::storage::{File, Storage};

/// Bytes before the first record.
pub(crate) const HEADER: u64 = 32;
const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"KERBJRNL";
const SUFFIX: &str = ".journal";
const UNFINISHED: &str = ".journal.new";
/// One index entry each so many bytes: a seek reads this much too far at most, and 128 MiB cost 32 kB of memory.
const INDEX_STEP: u64 = 64 * 1024;

pub(crate) struct Segment {
    pub(crate) first: Position,
    pub(crate) name: String,
    pub(crate) seed: u32,
    /// Where its durable records end.
    end: AtomicU64,
    /// Sparse, rising. Filled as records are written or read.
    index: Mutex<Vec<(Position, u64)>>,
}

impl Segment {
    pub(crate) fn new(id: JournalId, first: Position, end: u64) -> Self {
        Self {
            first,
            name: name_of(first),
            seed: seed_of(id, first),
            end: AtomicU64::new(end),
            index: Mutex::new(vec![(first, HEADER)]),
        }
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(crate) fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    /// Remembers where a record stands, when it is far enough behind the last one remembered.
    pub(crate) fn note(&self, position: Position, offset: u64) {
        let mut index = self.index.lock();
        if index.last().is_none_or(|&(_, last)| offset >= last + INDEX_STEP) {
            index.push((position, offset));
        }
    }

    /// The nearest remembered record at or before `position`.
    pub(crate) fn seek(&self, position: Position) -> (Position, u64) {
        let index = self.index.lock();
        let after = index.partition_point(|&(at, _)| at <= position);
        index.get(after.saturating_sub(1)).copied().unwrap_or((self.first, HEADER))
    }

    pub(crate) fn damage(&self, offset: u64, position: Position, reason: &'static str) -> Damage {
        Damage { segment: self.name.clone(), offset, position, reason }
    }
}

/// A new, empty, durable segment in place of any of that name.
pub(crate) fn create(storage: &dyn Storage, id: JournalId, first: Position) -> io::Result<Arc<dyn File>> {
    let name = name_of(first);
    let unfinished = unfinished(&name);
    let file = storage.create(&unfinished)?;
    file.write_at(0, &header_of(id, first))?;
    file.sync()?;
    storage.rename(&unfinished, &name)?;
    crash_point!(JournalNewSegment);
    storage.sync_names()?;
    Ok(file)
}

/// The name of a segment while it is written: what bears it is removed at the next opening.
pub(crate) fn unfinished(name: &str) -> String {
    format!("{}{UNFINISHED}", name.trim_end_matches(SUFFIX))
}

/// The first position that a file name says; `None` for files that are no segments.
pub(crate) fn first_of(name: &str) -> Option<Position> {
    let digits = name.strip_suffix(SUFFIX)?;
    let first = digits.parse().ok().map(Position)?;
    (name_of(first) == name && first.0 > 0).then_some(first)
}

/// Left behind by a process that died while it began a segment; holds no record.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.ends_with(UNFINISHED)
}

/// Reads a segment's header and gives the journal's id.
pub(crate) fn read_header(file: &dyn File, first: Position) -> Result<JournalId, HeaderError> {
    let damaged = |offset, reason| {
        HeaderError::Open(OpenError::Damaged(Damage { segment: name_of(first), offset, position: first, reason }))
    };
    let mut header = [0; HEADER as usize];
    if file.read_at(0, &mut header).map_err(HeaderError::Io)? < header.len() {
        return Err(damaged(0, "the header is cut short"));
    }
    let (head, crc) = header.split_at(28);
    if head[..8] != MAGIC {
        return Err(damaged(0, "it does not begin as a journal segment"));
    }
    if crc32c::crc32c(head).to_le_bytes() != *crc {
        return Err(damaged(28, "the header's checksum does not match"));
    }
    let format = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    if format > FORMAT {
        return Err(HeaderError::Open(OpenError::NewerFormat { segment: name_of(first), found: format, known: FORMAT }));
    }
    let number = |at: usize| head[at..at + 8].iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    if number(20) != first.0 {
        return Err(damaged(20, "its name and its header disagree"));
    }
    Ok(JournalId(number(12)))
}

/// Why a header gives no id.
pub(crate) enum HeaderError {
    Io(io::Error),
    Open(OpenError),
}

fn header_of(id: JournalId, first: Position) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER as usize);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&FORMAT.to_le_bytes());
    header.extend_from_slice(&id.0.to_le_bytes());
    header.extend_from_slice(&first.0.to_le_bytes());
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    header
}

pub(crate) fn name_of(first: Position) -> String {
    format!("{:020}{SUFFIX}", first.0)
}

fn seed_of(id: JournalId, first: Position) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&id.0.to_le_bytes()), &first.0.to_le_bytes())
}
