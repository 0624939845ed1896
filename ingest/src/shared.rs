//! What the pipeline's task and the handles share: one writer, many readers.
//!
//! Locks are held for a step or a copy, never across an await. A step publishes state and hot rows under the state's write
//! lock, so the ledger never shows a reading that a view does not hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use domain::registry::Registry;
use domain::{Clock, Position, SensorId, Timestamp};
use hashbrown::HashMap;
use journal::Journal;
use lake::Lake;
use lake::table::Table;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::hot::Hot;
use crate::options::Options;
use crate::pipeline::{AppliedEdit, Pipeline};
use crate::uplinks::Uplinks;

/// Another party that reads the journal: it is kept from the position that this returns.
pub type Floor = Arc<dyn Fn() -> Position + Send + Sync>;

pub(crate) struct Shared {
    pub options: Options,
    pub journal: Journal,
    pub lake: Lake,
    pub clock: Arc<dyn Clock>,
    pub floors: Vec<Floor>,
    pub pipeline: RwLock<Pipeline>,
    pub hot: RwLock<Hot>,
    pub uplinks: Mutex<Uplinks>,
    /// As of the pipeline's head.
    pub registry: ArcSwap<Registry>,
    /// The newest record that the pipeline has taken; everything that it brought is visible.
    pub head: watch::Sender<Position>,
    /// The newest record that was durable when this process began.
    pub start: Position,
    pub checkpoint: AtomicU64,
    /// The journal and the lake's offsets are kept from here: the older of the two checkpoints.
    pub fallback: AtomicU64,
    /// `received_at` of the record that the pipeline is at, being taken or the last one taken; 0 before the first.
    pub reached: AtomicI64,
    /// Edits whose authors wait for the outcome, by position.
    pub edits: Mutex<HashMap<Position, Option<AppliedEdit>>>,
    /// One edit is judged and appended at a time.
    pub edit_turn: tokio::sync::Mutex<()>,
    /// One dead letter is taken again at a time.
    pub reprocess_turn: tokio::sync::Mutex<()>,
    /// Sensors by id, with their numbers; goes on when there are more.
    pub order: Mutex<Arc<Vec<(SensorId, u32)>>>,
}

impl Shared {
    pub fn position(&self) -> Position {
        *self.head.borrow()
    }

    pub fn checkpoint(&self) -> Position {
        Position(self.checkpoint.load(Ordering::Acquire))
    }

    /// A day's compaction may forget offsets up to here: no restart replays from before it.
    pub fn fallback(&self) -> Position {
        Position(self.fallback.load(Ordering::Acquire))
    }

    /// Waits until the pipeline has taken `position`.
    pub async fn taken(&self, position: Position) {
        let mut head = self.head.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = head.wait_for(|head| *head >= position).await;
    }

    pub fn reach(&self, received_at: Timestamp) {
        self.reached.store(received_at.as_micros(), Ordering::Relaxed);
    }

    /// Milliseconds that the oldest durable record not yet taken has waited. Where it is on disk only, the pipeline is so far behind
    /// that the record which it is at was received at nearly the same time, and never later.
    pub fn lag_ms(&self) -> u64 {
        let position = self.position();
        if position >= self.journal.head() {
            return 0;
        }
        let reached = Some(self.reached.load(Ordering::Relaxed)).filter(|micros| *micros != 0);
        let since = self.journal.received_at(position.next()).or(reached.map(Timestamp::from_micros));
        let micros = since.map_or(0, |since| self.clock.now().micros_since(since));
        u64::try_from(micros / 1_000).unwrap_or(0)
    }

    /// Everything as it stands, for one answer.
    pub fn view(&self) -> lake::contract::View {
        let as_of = self.clock.now();
        self.hot.read().view(as_of, |table: Table| self.lake.snapshot(table))
    }
}
