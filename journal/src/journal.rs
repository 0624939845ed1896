//! The handle that everyone appends and reads through.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use domain::{Clock, JournalId, Position, Timestamp};
use tokio::sync::watch;

use crate::append::Append;
use crate::disk::Disk;
use crate::error::{Error, OpenError, TailError};
use crate::options::Options;
use crate::pending::{Hold, Pending, State};
use crate::recovery::{Failure, Recovery, recover};
use crate::segments::Segments;
use crate::shared::{Shared, Start};
use crate::storage::Storage;
use crate::tail::Tail;
use crate::writer::Writer;

/// A cheap handle to one open journal. When the last is dropped, what was appended is still written and the lock released.
#[derive(Clone)]
pub struct Journal {
    handle: Arc<Handle>,
}

/// Lets the writer end with the last handle.
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.begin_closing();
    }
}

/// Whether appends can succeed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Writable,
    /// Every append fails with this text until the log can be written again, which is tried each second; during a [hold](Journal::hold)
    /// those that are not spared.
    Failed(Arc<str>),
    Closed,
}

impl Journal {
    /// Opens or creates the journal in `options.dir`. Blocks: reads the newest segment whole. `fresh_id` names a new journal only.
    pub fn open(options: Options, clock: Arc<dyn Clock>, fresh_id: JournalId) -> Result<(Self, Recovery), OpenError> {
        let dir = options.dir.clone();
        let io = |error| OpenError::Io { dir: dir.clone(), error };
        let disk = Disk::create(&dir).map_err(io)?;
        let (journal, recovery, writer) = Self::open_on(options, clock, fresh_id, Arc::new(disk))?;
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run()).map_err(io)?;
        Ok((journal, recovery))
    }

    /// As [`Journal::open`] on any storage, without a thread: nothing is written until the writer is stepped, and the lock is
    /// held until it is dropped.
    pub fn open_on(
        options: Options,
        clock: Arc<dyn Clock>,
        fresh_id: JournalId,
        storage: Arc<dyn Storage>,
    ) -> Result<(Self, Recovery, Writer), OpenError> {
        let io = |error: io::Error| OpenError::Io { dir: options.dir.clone(), error };
        let lock = storage.lock().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse { dir: options.dir.clone() },
            _ => io(error),
        })?;
        let recovered = recover(storage.as_ref(), fresh_id).map_err(|failure| match failure {
            Failure::Io(error) => io(error),
            Failure::Open(error) => error,
        })?;
        let recovery = recovered.recovery;
        let newest = recovered.segments.back().cloned().expect("recovery gives at least one segment");
        let received_at = recovery.last_received_at.unwrap_or(Timestamp::from_micros(i64::MIN));
        let start = Start {
            id: recovered.id,
            durable: recovery.last,
            pending: Pending::new(recovery.last, received_at),
            segments: Segments::new(recovered.segments),
            pending_bytes_max: options.pending_bytes_max,
            hot_bytes_max: options.hot_bytes_max,
        };
        let shared = Arc::new(Shared::new(start, clock, storage));
        let writer = Writer::new(Arc::clone(&shared), newest, recovered.file, options.segment_bytes, lock);
        Ok((Self { handle: Arc::new(Handle { shared }) }, recovery, writer))
    }

    pub fn id(&self) -> JournalId {
        self.shared().id
    }

    /// Appends a record and returns at once: position and order are fixed by the call, `body` is copied.
    pub fn append(&self, kind: u8, body: &[u8]) -> Append {
        self.append_with(kind, body.len(), |buffer| buffer.put_slice(body))
    }

    /// As [`Journal::append`], with `write` encoding the body straight into the write buffer; `len` is its likely length and
    /// need not be exact. `write` runs under the buffer's lock: it must only append to it, and not touch this journal.
    pub fn append_with(&self, kind: u8, len: usize, write: impl FnOnce(&mut BytesMut)) -> Append {
        let clock = &self.shared().clock;
        self.shared().append(|pending| pending.push(clock.now(), kind, len, write))
    }

    /// The newest durable record.
    pub fn head(&self) -> Position {
        self.shared().head()
    }

    /// When a durable record was received; `None` for one that is on disk only.
    pub fn received_at(&self, position: Position) -> Option<Timestamp> {
        self.shared().hot.lock().received_at(position)
    }

    /// Follows [`Journal::head`]; also notified, without a change of value, when appends failed.
    pub fn durable(&self) -> watch::Receiver<Position> {
        self.shared().durable.subscribe()
    }

    /// Back-pressure: waits while more than `pending_bytes_max` wait for the disk. Call it before reading more from a client.
    pub async fn ready(&self) {
        let shared = self.shared();
        if shared.waiting_bytes() <= shared.pending_bytes_max {
            return;
        }
        let mut durable = self.durable();
        while shared.waiting_bytes() > shared.pending_bytes_max && durable.changed().await.is_ok() {}
    }

    /// Refuses, from the next append on, records of all kinds but those that are `spared`, for a reason that is told to whoever appends: the
    /// disk is nearly full, say, and the rest is for administration. What was appended before is still written.
    pub fn hold(&self, why: &str, spared: fn(u8) -> bool) {
        self.shared().set_hold(Some(Hold { why: why.into(), spared }));
    }

    /// Ends a hold.
    pub fn release(&self) {
        self.shared().set_hold(None);
    }

    pub fn health(&self) -> Health {
        match self.shared().state() {
            State::Writable => self.shared().held().map_or(Health::Writable, Health::Failed),
            State::Failed(error) => Health::Failed(self.shared().held().unwrap_or(error)),
            State::Closed => Health::Closed,
        }
    }

    /// A reader of the records after `after`.
    pub fn tail(&self, after: Position) -> Result<Tail, TailError> {
        Tail::new(Arc::clone(self.shared()), after)
    }

    /// Removes closed segments whose records are all at or before `upto`. Blocks on the disk.
    pub fn trim(&self, upto: Position) -> Result<(), Error> {
        let shared = self.shared();
        Ok(shared.segments.trim(shared.storage.as_ref(), upto)?)
    }

    /// The oldest record kept; one after the head when there is none.
    pub fn first(&self) -> Position {
        self.shared().segments.first()
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.shared().segments.bytes()
    }

    pub fn segments(&self) -> u64 {
        self.shared().segments.count()
    }

    /// Makes durable what is appended, stops the writer and releases the directory. Appends after this fail, tails end.
    pub async fn close(&self) -> Result<(), Error> {
        let shared = self.shared();
        let mut durable = self.durable();
        shared.begin_closing();
        while !shared.is_closed() && durable.changed().await.is_ok() {}
        match shared.state() {
            State::Failed(error) => Err(Error::Unwritable(error)),
            State::Writable | State::Closed => Ok(()),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}
