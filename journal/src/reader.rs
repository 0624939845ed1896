//! Reads a segment from a place on, a chunk at a time, every frame checked. Blocks.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use domain::Position;

use crate::frame::{self, Check};
use crate::segment::Segment;
use crate::storage::File;

/// One read; a longer record is read whole.
const CHUNK_BYTES: usize = 1024 * 1024;

pub(crate) struct Reader {
    pub(crate) segment: Arc<Segment>,
    file: Arc<dyn File>,
    /// Where `next` should begin.
    pub(crate) offset: u64,
    pub(crate) next: Position,
}

/// What was found at the reader's place.
pub(crate) enum Found {
    /// Whole, checked frames, at least one; the reader stands behind them.
    Frames(Bytes),
    /// The limit, exactly between two records.
    End,
    /// No whole record; the reader stays.
    Bad(&'static str),
}

impl Reader {
    pub(crate) fn new(segment: Arc<Segment>, file: Arc<dyn File>, wanted: Position) -> Self {
        let (next, offset) = segment.seek(wanted);
        Self { segment, file, offset, next }
    }

    /// Reads on; the segment counts as ending at `limit` bytes.
    pub(crate) fn read(&mut self, limit: u64) -> io::Result<Found> {
        let mut wanted = CHUNK_BYTES;
        loop {
            let left = limit.saturating_sub(self.offset);
            if left == 0 {
                return Ok(Found::End);
            }
            let mut bytes = BytesMut::zeroed(wanted.min(usize::try_from(left).unwrap_or(usize::MAX)));
            let filled = self.file.read_at(self.offset, &mut bytes)?;
            bytes.truncate(filled);
            let (whole, stop) = self.check(&bytes);
            if whole > 0 {
                self.offset += whole as u64;
                return Ok(Found::Frames(bytes.freeze().split_to(whole)));
            }
            match stop {
                Check::Needs(more) if more > filled && more as u64 <= left && more > wanted => wanted = more,
                Check::Bad(reason) => return Ok(Found::Bad(reason)),
                Check::Needs(_) | Check::Whole(_) => return Ok(Found::Bad("it is cut short")),
            }
        }
    }

    /// Counts the bytes of whole frames at the start and says what stands behind them.
    fn check(&mut self, bytes: &[u8]) -> (usize, Check) {
        let mut whole = 0;
        loop {
            match frame::check(&bytes[whole..], self.segment.seed, self.next) {
                Check::Whole(length) => {
                    self.segment.note(self.next, self.offset + whole as u64);
                    self.next = self.next.next();
                    whole += length;
                }
                stop => return (whole, stop),
            }
        }
    }

    /// Whether, somewhere behind the bad place, a batch begins that was written after it: then the bad place was synced once.
    pub(crate) fn a_later_batch_follows(&self, length: u64) -> io::Result<bool> {
        let overlap = frame::HEAD + domain::limits::RECORD_BYTES_MAX;
        let span = length.saturating_sub(self.offset) / frame::HEAD as u64 + 1;
        let mut from = self.offset + 1;
        while from < length {
            let mut window = vec![0; (8 * overlap as u64).min(length - from) as usize];
            let filled = self.file.read_at(from, &mut window)?;
            let begins = |at: usize| frame::begins_later_batch(&window[at..filled], self.segment.seed, self.next, span);
            if (0..filled).any(begins) {
                return Ok(true);
            }
            if filled <= overlap {
                break;
            }
            from += (filled - overlap) as u64;
        }
        Ok(false)
    }
}
