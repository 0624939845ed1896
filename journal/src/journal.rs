//! The handle that everyone appends and reads through.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use domain::{Clock, JournalId, Position};
use tokio::sync::watch;

use crate::append::Append;
use crate::error::{Error, OpenError, TailError};
use crate::options::Options;
use crate::recovery::Recovery;
use crate::tail::Tail;

/// A cheap handle to one open journal. When the last is dropped, what was appended is still written and the lock released.
#[derive(Clone)]
pub struct Journal {
    id: JournalId,
    durable: watch::Sender<Position>,
}

/// Whether appends can succeed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Writable,
    /// Every append fails with this text until the log can be written again, which is tried each second.
    Failed(Arc<str>),
}

impl Journal {
    /// Opens or creates the journal in `options.dir`. Blocks: reads the newest segment whole. `fresh_id` names a new journal only.
    pub fn open(options: Options, clock: Arc<dyn Clock>, fresh_id: JournalId) -> Result<(Self, Recovery), OpenError> {
        let _ = (options, clock, fresh_id);
        unimplemented!("the file layer follows in the next commit")
    }

    pub fn id(&self) -> JournalId {
        self.id
    }

    /// Appends a record and returns at once: position and order are fixed by the call, `body` is copied.
    pub fn append(&self, kind: u8, body: &[u8]) -> Append {
        self.append_with(kind, body.len(), |buffer| buffer.put_slice(body))
    }

    /// As [`Journal::append`], with `write` encoding its body straight into the write buffer; `len` is its likely length and
    /// need not be exact. `write` runs under the buffer's lock and must only append to it.
    pub fn append_with(&self, kind: u8, len: usize, write: impl FnOnce(&mut BytesMut)) -> Append {
        let _ = (kind, len, write);
        unimplemented!("the writer follows in the next commit")
    }

    /// The newest durable record.
    pub fn head(&self) -> Position {
        *self.durable.borrow()
    }

    /// Follows [`Journal::head`]; also notified, without a change of value, when appends failed.
    pub fn durable(&self) -> watch::Receiver<Position> {
        self.durable.subscribe()
    }

    /// Back-pressure: waits while more than `pending_bytes_max` wait for the disk. Call it before reading more from a client.
    pub async fn ready(&self) {}

    pub fn health(&self) -> Health {
        Health::Writable
    }

    /// A reader of the records after `after`.
    pub fn tail(&self, after: Position) -> Result<Tail, TailError> {
        Err(TailError::Ahead { after, head: self.head() })
    }

    /// Removes closed segments whose records are all at or before `upto`. Blocks on the disk.
    pub fn trim(&self, upto: Position) -> Result<(), Error> {
        let _ = upto;
        Ok(())
    }

    /// The oldest record kept; one after the head when there is none.
    pub fn first(&self) -> Position {
        self.head().next()
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        0
    }

    pub fn segments(&self) -> u64 {
        0
    }

    /// Makes durable what is appended, stops the writer and releases the directory. Appends after this fail, tails end.
    pub async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}
