//! The records of a journal at rest, read from a position on without opening it: nothing is created, cut, locked or written.
//!
//! An unfinished write at the end is where the records end, as for who opens the journal. Blocks.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use domain::{JournalId, Position};

use crate::disk::Disk;
use crate::error::{OpenError, TailError};
use crate::frame;
use crate::hot::skip_to;
use crate::reader::{Found, Reader};
use crate::recovery::{Failure, find};
use crate::segment::Segment;
use crate::storage::Storage;
use crate::tail::Entry;

pub struct Records {
    id: JournalId,
    storage: Arc<dyn Storage>,
    /// The oldest record kept.
    first: Position,
    next: Position,
    /// Segments not yet begun.
    segments: VecDeque<Arc<Segment>>,
    reader: Option<Reader>,
    /// Checked frames, the next record's first.
    rest: Bytes,
}

impl Records {
    /// The records after `after` of the journal in `dir`; `None` when there is no journal.
    pub fn after(dir: &Path, after: Position) -> Result<Option<Self>, OpenError> {
        Self::on(Arc::new(Disk::existing(dir)), after).map_err(|failure| match failure {
            Failure::Io(error) => OpenError::Io { dir: dir.to_owned(), error },
            Failure::Open(error) => error,
        })
    }

    pub(crate) fn on(storage: Arc<dyn Storage>, after: Position) -> Result<Option<Self>, Failure> {
        let Some(found) = find(storage.as_ref())? else {
            return Ok(None);
        };
        let next = after.next();
        let mut segments = found.segments;
        let first = segments.front().map_or(next, |oldest| oldest.first);
        while segments.get(1).is_some_and(|follower| follower.first <= next) {
            segments.pop_front();
        }
        Ok(Some(Self { id: found.id, storage, first, next, segments, reader: None, rest: Bytes::new() }))
    }

    pub fn id(&self) -> JournalId {
        self.id
    }

    /// The next records in order, at most `records_max`; none at the end. After an error nothing more can be read.
    pub fn next(&mut self, records_max: usize) -> Result<Vec<Entry>, TailError> {
        if self.next < self.first {
            return Err(TailError::Trimmed { first: self.first });
        }
        let mut entries = Vec::new();
        while entries.len() < records_max {
            if let Some(entry) = frame::take(&mut self.rest) {
                self.next = entry.position.next();
                entries.push(entry);
            } else if !entries.is_empty() || !self.read().map_err(|error| self.told(error))? {
                break;
            }
        }
        Ok(entries)
    }

    /// `false` at the end.
    fn read(&mut self) -> Result<bool, Stop> {
        loop {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => {
                    let Some(segment) = self.segments.pop_front() else {
                        return Ok(false);
                    };
                    let file = self.storage.open(&segment.name)?;
                    let begin = segment.first;
                    self.reader.insert(Reader::new(segment, file, begin))
                }
            };
            match reader.read(reader.segment.end())? {
                Found::Frames(frames) => {
                    self.rest = skip_to(frames, self.next);
                    if !self.rest.is_empty() {
                        return Ok(true);
                    }
                }
                Found::End => match self.segments.front() {
                    Some(follower) if follower.first != reader.next => return Err(Stop::Bad("records are missing at its end")),
                    Some(_) => self.reader = None,
                    None => return Ok(false),
                },
                Found::Bad(reason) => {
                    let is_torn = self.segments.is_empty() && !reader.a_later_batch_follows(reader.segment.end())?;
                    return if is_torn { Ok(false) } else { Err(Stop::Bad(reason)) };
                }
            }
        }
    }

    fn told(&self, stop: Stop) -> TailError {
        match (stop, &self.reader) {
            (Stop::Bad(reason), Some(reader)) => TailError::Damaged(reader.segment.damage(reader.offset, reader.next, reason)),
            (Stop::Bad(reason), None) => TailError::Io(Arc::new(std::io::Error::other(reason))),
            (Stop::Io(error), _) => TailError::Io(Arc::new(error)),
        }
    }
}

/// Why reading ends early.
enum Stop {
    Io(std::io::Error),
    Bad(&'static str),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
