//! Opening: find the segments, read the newest whole, cut off what was never finished, make the rest durable.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use domain::{JournalId, Position, Timestamp, crash_point};
use tracing::warn;

use crate::error::OpenError;
use crate::frame;
use crate::reader::{Found, Reader};
use crate::segment::{self, HEADER, HeaderError, Segment};
use crate::storage::{File, Storage};

/// The state of a journal as it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// No journal was there; a new one was begun with the id handed in.
    pub created: bool,
    /// The oldest record kept; `last.next()` when there is none.
    pub first: Position,
    /// The newest durable record; 0 when none was ever written.
    pub last: Position,
    /// Of the newest record kept, if any.
    pub last_received_at: Option<Timestamp>,
    /// An unfinished write at the end, now cut off. No acknowledged record is in it.
    pub torn: Option<TornRecord>,
    /// Records that were read and checked.
    pub records_scanned: u64,
    pub segments: u64,
}

/// Where the whole records end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornRecord {
    /// The position that the torn record would have had.
    pub position: Position,
    /// File name in the journal's directory.
    pub segment: String,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes behind that place, which opening cuts off.
    pub bytes: u64,
    pub reason: &'static str,
}

/// What opening found, with what the journal goes on with.
pub(crate) struct Recovered {
    pub(crate) id: JournalId,
    pub(crate) segments: VecDeque<Arc<Segment>>,
    /// The newest segment's.
    pub(crate) file: Arc<dyn File>,
    pub(crate) recovery: Recovery,
}

/// Why it could not be opened, before the directory's name is put to an I/O error.
pub(crate) enum Failure {
    Io(io::Error),
    Open(OpenError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<HeaderError> for Failure {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Io(error) => Self::Io(error),
            HeaderError::Open(error) => Self::Open(error),
        }
    }
}

pub(crate) fn recover(storage: &dyn Storage, fresh_id: JournalId) -> Result<Recovered, Failure> {
    for name in storage.list()?.iter().filter(|name| segment::is_unfinished(name)) {
        storage.remove(name)?;
    }
    let Some(found) = find(storage)? else {
        return create(storage, fresh_id);
    };
    let newest = found.segments.back().cloned().ok_or_else(|| io::Error::other("no segment"))?;
    let file = storage.open(&newest.name)?;
    let mut scan = scan(&newest, Arc::clone(&file), newest.end())?;
    crash_point!(RecoveryBeforeCut);
    let torn = cut(&newest, file.as_ref(), &scan)?;
    crash_point!(RecoveryAfterCut);
    make_durable(file.as_ref(), scan.last_batch, newest.end())?;
    storage.sync_names()?;
    if scan.records == 0 && found.segments.len() > 1 {
        // Its last record's time bounds the next one's.
        let before = &found.segments[found.segments.len() - 2];
        let earlier = self::scan(before, storage.open(&before.name)?, before.end())?;
        scan.last_received_at = earlier.last_received_at;
        scan.records = earlier.records;
    }
    let recovery = Recovery {
        created: false,
        first: found.segments.front().map_or(newest.first, |oldest| oldest.first),
        last: Position(scan.reader.next.0 - 1),
        last_received_at: scan.last_received_at,
        torn,
        records_scanned: scan.records,
        segments: found.segments.len() as u64,
    };
    Ok(Recovered { id: found.id, segments: found.segments, file, recovery })
}

fn create(storage: &dyn Storage, id: JournalId) -> Result<Recovered, Failure> {
    let first = Position::START.next();
    let file = segment::create(storage, id, first)?;
    let recovery = Recovery {
        created: true,
        first,
        last: Position::START,
        last_received_at: None,
        torn: None,
        records_scanned: 0,
        segments: 1,
    };
    Ok(Recovered { id, segments: VecDeque::from([Arc::new(Segment::new(id, first, HEADER))]), file, recovery })
}

/// A journal's segments by their headers, oldest first; each ends where its file does.
pub(crate) struct FoundSegments {
    pub(crate) id: JournalId,
    pub(crate) segments: VecDeque<Arc<Segment>>,
}

pub(crate) fn find(storage: &dyn Storage) -> Result<Option<FoundSegments>, Failure> {
    let mut firsts: Vec<Position> = storage.list()?.iter().filter_map(|name| segment::first_of(name)).collect();
    firsts.sort_unstable();
    let mut found: Option<FoundSegments> = None;
    for first in firsts {
        let name = segment::name_of(first);
        let file = storage.open(&name)?;
        let id = segment::read_header(file.as_ref(), first)?;
        let segment = Arc::new(Segment::new(id, first, file.length()?));
        match &mut found {
            None => found = Some(FoundSegments { id, segments: VecDeque::from([segment]) }),
            Some(found) if found.id == id => found.segments.push_back(segment),
            Some(_) => {
                let damage = segment.damage(12, first, "it belongs to another journal");
                return Err(Failure::Open(OpenError::Damaged(damage)));
            }
        }
    }
    Ok(found)
}

/// A segment read from its first record to its last whole one.
pub(crate) struct Scan {
    /// Stands where the next record would begin.
    pub(crate) reader: Reader,
    pub(crate) records: u64,
    /// Where the last batch begins, of which nothing else says that it was synced.
    pub(crate) last_batch: u64,
    pub(crate) first_received_at: Option<Timestamp>,
    pub(crate) last_received_at: Option<Timestamp>,
    /// A record was received before the one in front of it, which no journal writes.
    pub(crate) went_back: bool,
    /// Why it ended before the segment did.
    pub(crate) bad: Option<&'static str>,
}

pub(crate) fn scan(segment: &Arc<Segment>, file: Arc<dyn File>, length: u64) -> io::Result<Scan> {
    let mut scan = Scan {
        reader: Reader::new(Arc::clone(segment), file, segment.first),
        records: 0,
        last_batch: HEADER,
        first_received_at: None,
        last_received_at: None,
        went_back: false,
        bad: None,
    };
    loop {
        match scan.reader.read(length)? {
            Found::Frames(frames) => {
                let begin = scan.reader.offset - frames.len() as u64;
                let mut at = 0;
                while at < frames.len() {
                    let received_at = Some(frame::received_at_of(&frames[at..]));
                    scan.went_back |= received_at < scan.last_received_at;
                    scan.first_received_at = scan.first_received_at.or(received_at);
                    scan.last_received_at = scan.last_received_at.max(received_at);
                    scan.records += 1;
                    if frame::is_first_of_batch(&frames[at..]) {
                        scan.last_batch = begin + at as u64;
                    }
                    at += frame::length_with_head(&frames[at..]);
                }
            }
            Found::End => return Ok(scan),
            Found::Bad(reason) => {
                scan.bad = Some(reason);
                return Ok(scan);
            }
        }
    }
}

/// Cuts an unfinished write off the newest segment; a bad record that was once synced is an error instead.
fn cut(newest: &Segment, file: &dyn File, scan: &Scan) -> Result<Option<TornRecord>, Failure> {
    let torn = torn(newest, scan, newest.end())?;
    if let Some(torn) = &torn {
        warn!(position = %torn.position, segment = %torn.segment, offset = torn.offset, bytes = torn.bytes, reason = torn.reason,
            "journal ends in an unfinished record, which is cut off");
        file.truncate(torn.offset)?;
    }
    newest.set_end(scan.reader.offset);
    Ok(torn)
}

/// Writes the last batch once more and syncs it: a process that died left it in the page cache at best, and where its sync had
/// failed the cache holds it as clean, so that syncing alone would not bring it to the disk.
fn make_durable(file: &dyn File, from: u64, to: u64) -> io::Result<()> {
    let mut from = from;
    while from < to {
        let mut bytes = vec![0; REWRITE_BYTES.min(to - from) as usize];
        let filled = file.read_at(from, &mut bytes)?;
        if filled == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(from, &bytes[..filled])?;
        from += filled as u64;
    }
    file.sync()
}

const REWRITE_BYTES: u64 = 1024 * 1024;

/// Judges the end of a scan of the newest segment.
pub(crate) fn torn(newest: &Segment, scan: &Scan, length: u64) -> Result<Option<TornRecord>, Failure> {
    let Some(reason) = scan.bad else {
        return Ok(None);
    };
    let (offset, position) = (scan.reader.offset, scan.reader.next);
    if scan.reader.a_later_batch_follows(length)? {
        return Err(Failure::Open(OpenError::Damaged(newest.damage(offset, position, reason))));
    }
    Ok(Some(TornRecord { position, segment: newest.name.clone(), offset, bytes: length - offset, reason }))
}
