//! Reading on from a position: from memory while hot, from the segment files behind it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use domain::{Position, Timestamp};
use tokio::sync::watch;

use crate::error::TailError;
use crate::frame;
use crate::hot::skip_to;
use crate::reader::{Found, Reader};
use crate::shared::Shared;

/// One durable record. `body` is a slice of the chunk it was written in and keeps that chunk (1 MiB, or one longer record) in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    /// Never decreases from one position to the next.
    pub received_at: Timestamp,
    pub kind: u8,
    pub body: Bytes,
}

/// A reader of everything after a position. It holds nothing back: whoever trims decides.
pub struct Tail {
    shared: Arc<Shared>,
    durable: watch::Receiver<Position>,
    after: Position,
    /// Checked frames, the next record's first.
    rest: Bytes,
    /// Where the files are read on, while the journal's memory does not reach back far enough.
    reader: Option<Reader>,
}

impl Tail {
    pub(crate) fn new(shared: Arc<Shared>, after: Position) -> Result<Self, TailError> {
        let durable = shared.durable.subscribe();
        let head = *durable.borrow();
        if after > head {
            return Err(TailError::Ahead { after, head });
        }
        let first = shared.segments.first();
        if after.next() < first {
            return Err(TailError::Trimmed { first });
        }
        Ok(Self { shared, durable, after, rest: Bytes::new(), reader: None })
    }

    /// The next records in order, at least one: waits for it. At most `records_max`, and no further than the first that
    /// makes the bodies reach `bytes_max`. Dropping the future loses nothing.
    pub async fn next(&mut self, records_max: usize, bytes_max: usize) -> Result<Vec<Entry>, TailError> {
        loop {
            // Asked before the head, so that what the writer published last is still read.
            let closed = self.shared.is_closed();
            let entries = self.try_next(records_max, bytes_max).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            if closed {
                return Err(TailError::Closed);
            }
            if self.durable.changed().await.is_err() {
                return Err(TailError::Closed);
            }
        }
    }

    /// As [`Tail::next`], but empty at once when no further record is durable yet.
    pub async fn try_next(&mut self, records_max: usize, bytes_max: usize) -> Result<Vec<Entry>, TailError> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        while entries.len() < records_max.max(1) && bytes < bytes_max.max(1) {
            if let Some(entry) = frame::take(&mut self.rest) {
                bytes += entry.body.len();
                entries.push(entry);
                continue;
            }
            let wanted = entries.last().map_or(self.after, |entry| entry.position).next();
            if wanted > *self.durable.borrow_and_update() {
                break;
            }
            if let Some(frames) = self.shared.hot.lock().from(wanted) {
                self.reader = None;
                self.rest = frames;
            } else if entries.is_empty() {
                self.rest = self.read_file(wanted).await?;
            } else {
                // What is at hand goes out before the disk is asked for more.
                break;
            }
        }
        if let Some(last) = entries.last() {
            self.after = last.position;
        }
        Ok(entries)
    }

    /// The position of the last record handed out.
    pub fn after(&self) -> Position {
        self.after
    }

    async fn read_file(&mut self, wanted: Position) -> Result<Bytes, TailError> {
        let shared = Arc::clone(&self.shared);
        let reader = self.reader.take();
        let read = aside::run(move || read_from(&shared, reader, wanted));
        let (frames, reader) = read.await.map_err(|error| TailError::Io(Arc::new(io::Error::other(error))))??;
        self.reader = Some(reader);
        Ok(frames)
    }
}

/// The frames from the durable record `wanted` on, as far as one read goes, and the reader behind them.
fn read_from(shared: &Shared, reader: Option<Reader>, wanted: Position) -> Result<(Bytes, Reader), TailError> {
    let mut reader = match reader {
        Some(reader) if reader.next == wanted => reader,
        _ => open_at(shared, wanted)?,
    };
    loop {
        let damaged = |reader: &Reader, reason| reader.segment.damage(reader.offset, reader.next, reason);
        match reader.read(reader.segment.end()).map_err(|error| TailError::Io(Arc::new(error)))? {
            Found::Frames(frames) => {
                let frames = skip_to(frames, wanted);
                if !frames.is_empty() {
                    return Ok((frames, reader));
                }
            }
            Found::Bad(reason) => return Err(damaged(&reader, reason).into()),
            Found::End => {
                let follower = open_at(shared, reader.next)?;
                if follower.segment.first == reader.segment.first || reader.next != wanted {
                    return Err(damaged(&reader, "records are missing at its end").into());
                }
                reader = follower;
            }
        }
    }
}

fn open_at(shared: &Shared, wanted: Position) -> Result<Reader, TailError> {
    loop {
        let Some(segment) = shared.segments.holding(wanted) else {
            return Err(TailError::Trimmed { first: shared.segments.first() });
        };
        match shared.storage.open(&segment.name) {
            Ok(file) => return Ok(Reader::new(segment, file, wanted)),
            // Trimmed between the two lines: the list says so now.
            Err(error) if error.kind() == io::ErrorKind::NotFound && shared.segments.first() > wanted => {}
            Err(error) => return Err(TailError::Io(Arc::new(error))),
        }
    }
}
