//! What ingest gives and query takes, besides files: the running state and the ways in.
//!
//! `ingest` implements these traits in memory; in a process of its own, query implements them over copies that it keeps fresh
//! through the [`link`]. Query sees nothing else of ingest, the registry or the journal.

mod intake;
mod ledger;
pub mod link;
mod live;
mod ops;
mod view;

pub use intake::{EditVerdict, Intake, IntakeError, RowVerdict, Verdict};
pub use ledger::{Counts, LedgerView};
pub use live::{AirLast, Changes, LiveState, ParkingLast};
pub use ops::{IngestStatus, LastHeard, SensorHeard, SensorStatus, TableStatus, Uplink};
pub use view::{HotChunk, TableView, View};

use std::sync::Arc;

use domain::SensorId;
use domain::registry::Registry;
use serde::{Deserialize, Serialize};

/// Ingest is another process and cannot be reached, or has not told anything yet: try again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{0}")]
pub struct Away(pub String);

/// The running state, as query may read it. Calls that are not `async` return at once: they take a lock for a copy at most.
#[async_trait::async_trait]
pub trait Live: Send + Sync + 'static {
    /// Whether there is anything to answer from: until then every other answer is one of an empty city.
    fn is_known(&self) -> Result<(), Away>;

    /// SNAP-1: for each table one lake version and the hot rows after it, all up to one position.
    async fn view(&self) -> Result<View, crate::Error>;

    /// The view with the registry of the same position: one that was read before or after would not be that of these rows.
    async fn history(&self) -> Result<(View, Arc<Registry>), crate::Error>;

    /// As it is now: another one after each edit.
    fn registry(&self) -> Arc<Registry>;

    /// Last readings by target, and the registry that they stand under. The closure runs under a read lock: copy and return.
    fn with_state(&self, read: &mut dyn FnMut(&LiveState, &Arc<Registry>));

    /// The totals.
    fn ledger(&self) -> LedgerView;

    /// Those of one sensor; `None` when it was never heard of.
    async fn ledger_of(&self, sensor: &SensorId) -> Result<Option<LedgerView>, Away>;

    fn status(&self) -> IngestStatus;

    /// Every sensor that was ever heard of, in the order of their ids, after `after`, at most `limit`.
    fn sensors(&self, after: Option<&SensorId>, limit: usize) -> Vec<SensorStatus>;

    /// The last payloads of a device, newest first.
    async fn uplinks(&self, sensor: &SensorId) -> Result<Vec<Uplink>, Away>;
}
