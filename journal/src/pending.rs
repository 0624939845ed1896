//! What was appended and is not yet with the writer. Lives under one short mutex: positions, order and `received_at` are fixed here.

use std::sync::Arc;

use bytes::BytesMut;
use domain::limits::RECORD_BYTES_MAX;
use domain::{Position, Timestamp};

use crate::append::Append;
use crate::epoch::Epoch;
use crate::error::AppendError;
use crate::frame;

/// Chunks are closed at this size: a tail that keeps one body keeps this much alive, and growing never moves more.
pub(crate) const CHUNK_BYTES: usize = 1024 * 1024;

pub(crate) struct Pending {
    full: Vec<Chunk>,
    open: Chunk,
    next: Position,
    received_at: Timestamp,
    epoch: Arc<Epoch>,
    state: State,
    /// What is refused although it could be written.
    pub(crate) hold: Option<Hold>,
    /// No more appends; the writer ends once it has written what is here.
    pub(crate) closing: bool,
    /// What the last batch needed, so that the next need not grow step by step.
    likely_bytes: usize,
}

/// Whole frames of consecutive records, not yet sealed.
#[derive(Default)]
pub(crate) struct Chunk {
    pub(crate) frames: BytesMut,
    pub(crate) first: Position,
    pub(crate) records: u64,
}

impl Chunk {
    pub(crate) fn last(&self) -> Position {
        Position(self.first.0 + self.records - 1)
    }
}

/// Records of all kinds but those that are spared are refused.
pub(crate) struct Hold {
    pub(crate) why: Arc<str>,
    pub(crate) spared: fn(u8) -> bool,
}

#[derive(Clone)]
pub(crate) enum State {
    Writable,
    Failed(Arc<str>),
    Closed,
}

impl Pending {
    pub(crate) fn new(durable: Position, received_at: Timestamp) -> Self {
        Self {
            full: Vec::new(),
            open: Chunk::default(),
            next: durable.next(),
            received_at,
            epoch: Arc::new(Epoch::starting_at(durable)),
            state: State::Writable,
            hold: None,
            closing: false,
            likely_bytes: 0,
        }
    }

    /// Adds one record, received `now` at the earliest, and tells how many bytes it takes.
    pub(crate) fn push(&mut self, now: Timestamp, kind: u8, len: usize, write: impl FnOnce(&mut BytesMut)) -> (Append, usize) {
        if let Some(error) = self.refusal().or_else(|| self.held(kind)) {
            return (Append::failed(self.next, error), 0);
        }
        let needed = frame::HEAD + len.min(RECORD_BYTES_MAX);
        if self.open.records > 0 && self.open.frames.len() + needed > CHUNK_BYTES {
            self.full.push(std::mem::take(&mut self.open));
        }
        if self.open.records == 0 {
            self.open.first = self.next;
            self.open.frames.reserve(needed.max(self.likely_bytes.min(CHUNK_BYTES)));
        }
        let received_at = self.received_at.max(now);
        let frames = &mut self.open.frames;
        let start = frames.len();
        frame::begin(frames, self.next, received_at, kind);
        // Whatever `write` does, by a panic or by too long a body, leaves no half record behind.
        let mut undo = Undo { frames, length: start };
        undo.frames.reserve(len.min(RECORD_BYTES_MAX));
        write(undo.frames);
        assert!(undo.frames.len() >= start + frame::HEAD, "a record's writer must only append");
        let bytes = undo.frames.len() - start;
        if bytes - frame::HEAD > RECORD_BYTES_MAX {
            return (Append::failed(self.next, AppendError::TooLarge { bytes: bytes - frame::HEAD }), 0);
        }
        frame::end(undo.frames, start);
        undo.length = start + bytes;
        drop(undo);
        let position = self.next;
        self.open.records += 1;
        self.next = position.next();
        self.received_at = received_at;
        (Append::waiting(position, Arc::clone(&self.epoch)), bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.open.records == 0
    }

    /// Everything appended so far, in order.
    pub(crate) fn take(&mut self) -> Vec<Chunk> {
        let mut batch = std::mem::take(&mut self.full);
        if self.open.records > 0 {
            batch.push(std::mem::take(&mut self.open));
        }
        self.likely_bytes = batch.iter().map(|chunk| chunk.frames.len()).sum();
        batch
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn epoch(&self) -> Arc<Epoch> {
        Arc::clone(&self.epoch)
    }

    /// Fails everything that is not durable and refuses what comes.
    pub(crate) fn fail(&mut self, durable: Position, state: State) {
        self.full.clear();
        self.open = Chunk::default();
        self.next = durable.next();
        self.state = state;
        if let Some(error) = self.refusal() {
            self.epoch.end(error);
        }
    }

    /// Appends go on after the durable record.
    pub(crate) fn mend(&mut self, durable: Position) {
        self.next = durable.next();
        self.epoch = Arc::new(Epoch::starting_at(durable));
        self.state = State::Writable;
    }

    fn held(&self, kind: u8) -> Option<AppendError> {
        let hold = self.hold.as_ref().filter(|hold| !(hold.spared)(kind))?;
        Some(AppendError::Unwritable(Arc::clone(&hold.why)))
    }

    fn refusal(&self) -> Option<AppendError> {
        match &self.state {
            State::Failed(error) => Some(AppendError::Unwritable(Arc::clone(error))),
            State::Closed => Some(AppendError::Closed),
            State::Writable => self.closing.then_some(AppendError::Closed),
        }
    }
}

/// Cuts the frames back to `length` when dropped.
struct Undo<'a> {
    frames: &'a mut BytesMut,
    length: usize,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        self.frames.truncate(self.length);
    }
}
