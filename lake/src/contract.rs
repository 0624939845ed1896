//! What ingest gives and query takes, besides files: the running state and the ways in.
//!
//! `ingest` implements these traits in memory; a remote implementation serves split processes. Query sees nothing else
//! of ingest, the registry or the journal.

mod intake;
mod ledger;
mod live;
mod ops;
mod view;

pub use intake::{EditVerdict, Intake, IntakeError, RowVerdict, Verdict};
pub use ledger::{Counts, LedgerView};
pub use live::{AirLast, Changes, LiveState, ParkingLast};
pub use ops::{IngestStatus, SensorStatus, TableStatus, Uplink};
pub use view::{HotChunk, TableView, View};

use std::sync::Arc;

use domain::registry::{BayHistory, Layout};
use domain::{ObjectId, SensorId, Timestamp};

/// The running state, as query may read it. Calls return at once: they take a lock for a copy at most.
#[async_trait::async_trait]
pub trait Live: Send + Sync + 'static {
    /// SNAP-1: for each table one lake version and the hot rows after it, all up to one position.
    async fn view(&self) -> Result<View, crate::Error>;

    /// The registry at an instant.
    fn layout(&self, at: Timestamp) -> Arc<Layout>;

    /// Whose readings were a bay's in [from, to), and by which rules; `None` for a bay that never was.
    fn bay_history(&self, bay: &ObjectId, from: Timestamp, to: Timestamp) -> Option<BayHistory>;

    /// Last readings by target. The closure runs under a read lock: copy and return.
    fn with_state(&self, read: &mut dyn FnMut(&LiveState));

    /// Totals, or those of one sensor (`None` when it was never heard of).
    fn ledger(&self, sensor: Option<&SensorId>) -> Option<LedgerView>;

    fn status(&self) -> IngestStatus;

    /// In the order of their ids, after `after`, at most `limit`.
    fn sensors(&self, after: Option<&SensorId>, limit: usize) -> Vec<SensorStatus>;

    /// The last payloads of a device, newest first.
    fn uplinks(&self, sensor: &SensorId) -> Vec<Uplink>;
}
