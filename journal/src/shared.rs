//! What handles, tails and the writer of one journal share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::{Clock, JournalId, Position};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use crate::hot::Hot;
use crate::pending::{Chunk, Hold, Pending, State};
use crate::segments::Segments;
use crate::storage::Storage;

pub(crate) struct Shared {
    pub(crate) id: JournalId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) pending_bytes_max: usize,
    pending: Mutex<Pending>,
    /// Told of each append: the writer may be waiting for one.
    work: Condvar,
    /// Bytes appended and not yet durable or failed, those in the writer's hands included.
    waiting_bytes: AtomicUsize,
    pub(crate) durable: watch::Sender<Position>,
    pub(crate) hot: Mutex<Hot>,
    pub(crate) segments: Segments,
    /// The writer has ended and the directory is free.
    closed: AtomicBool,
}

/// What the writer has to do next.
pub(crate) enum Work {
    Commit(Vec<Chunk>),
    /// Nothing can be written; see whether that has changed.
    Mend,
    Stop,
}

/// What there is for the writer to do, without taking it.
pub(crate) enum Waits {
    Nothing,
    Now,
    Mending,
}

/// How often a writer that failed looks at the clock. When it tries again is decided by the clock.
const NUDGE: Duration = Duration::from_secs(1);

impl Shared {
    pub(crate) fn new(start: Start, clock: Arc<dyn Clock>, storage: Arc<dyn Storage>) -> Self {
        Self {
            id: start.id,
            clock,
            storage,
            pending_bytes_max: start.pending_bytes_max,
            durable: watch::Sender::new(start.durable),
            pending: Mutex::new(start.pending),
            work: Condvar::new(),
            waiting_bytes: AtomicUsize::new(0),
            hot: Mutex::new(Hot::new(start.hot_bytes_max)),
            segments: start.segments,
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn head(&self) -> Position {
        *self.durable.borrow()
    }

    pub(crate) fn append<T>(&self, push: impl FnOnce(&mut Pending) -> (T, usize)) -> T {
        let append = {
            let mut pending = self.pending.lock();
            let (append, bytes) = push(&mut pending);
            self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
            append
        };
        self.work.notify_one();
        append
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn state(&self) -> State {
        self.pending.lock().state().clone()
    }

    pub(crate) fn held(&self) -> Option<Arc<str>> {
        self.pending.lock().hold.as_ref().map(|hold| Arc::clone(&hold.why))
    }

    /// Followers are told, since the health is another.
    pub(crate) fn set_hold(&self, hold: Option<Hold>) {
        self.pending.lock().hold = hold;
        self.durable.send_modify(|_| {});
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Refuses further appends and lets the writer end once it has written those before.
    pub(crate) fn begin_closing(&self) {
        self.pending.lock().closing = true;
        self.work.notify_one();
    }

    /// Waits for work; the writer's thread only.
    pub(crate) fn wait_for_work(&self) -> Work {
        let mut pending = self.pending.lock();
        loop {
            if let Some(work) = Self::next_work(&mut pending) {
                return work;
            }
            if matches!(pending.state(), State::Failed(_)) {
                self.work.wait_for(&mut pending, NUDGE);
                return if pending.closing { Work::Stop } else { Work::Mend };
            }
            self.work.wait(&mut pending);
        }
    }

    /// What there is to do at once.
    pub(crate) fn work_at_once(&self) -> Option<Work> {
        let mut pending = self.pending.lock();
        let failed = matches!(pending.state(), State::Failed(_));
        Self::next_work(&mut pending).or(failed.then_some(Work::Mend))
    }

    pub(crate) fn waits_for_writer(&self) -> Waits {
        let pending = self.pending.lock();
        match pending.state() {
            _ if !pending.is_empty() || pending.closing => Waits::Now,
            State::Failed(_) => Waits::Mending,
            State::Writable | State::Closed => Waits::Nothing,
        }
    }

    fn next_work(pending: &mut Pending) -> Option<Work> {
        if !pending.is_empty() {
            return Some(Work::Commit(pending.take()));
        }
        pending.closing.then_some(Work::Stop)
    }

    /// Everything up to `durable` is on disk and in `hot`.
    pub(crate) fn publish(&self, durable: Position, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let epoch = self.pending.lock().epoch();
        epoch.advance(durable);
        self.durable.send_replace(durable);
    }

    /// Everything that is not durable has failed.
    pub(crate) fn fail(&self, state: State) {
        {
            let mut pending = self.pending.lock();
            pending.fail(self.head(), state);
            self.waiting_bytes.store(0, Ordering::Relaxed);
        }
        self.durable.send_modify(|_| {});
    }

    pub(crate) fn mend(&self) {
        self.pending.lock().mend(self.head());
        self.durable.send_modify(|_| {});
    }

    /// The writer has ended; a failure that it ended in stays told.
    pub(crate) fn close(&self, state: State) {
        self.closed.store(true, Ordering::Release);
        self.fail(state);
    }
}

/// What a journal starts from.
pub(crate) struct Start {
    pub(crate) id: JournalId,
    pub(crate) durable: Position,
    pub(crate) pending: Pending,
    pub(crate) segments: Segments,
    pub(crate) pending_bytes_max: usize,
    pub(crate) hot_bytes_max: usize,
}
