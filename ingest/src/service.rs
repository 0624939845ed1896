//! The service: the journal's tail through the pipeline, with commits beside it.
//!
//! ```text
//! tail ──slice──► decode ──► plan ──► load keys ──► step ──► state, hot rows, registry ──► head
//!                                                     ▲                │ every 15 s or by size: cut
//!                    held and due: append again ──────┘                ▼
//!                                                       writer task: commit tables ─► checkpoint ─► trim
//! ```
//!
//! One task owns the pipeline; only it writes the state. A commit runs in a task of its own, one at a time; when it fails it
//! is tried again, and the pipeline stops at the limit of hot rows rather than lose one.

mod drain;
mod keeper;
mod start;
mod take;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use domain::limits::BATCH_BYTES_MAX;
use journal::{Entry, Tail, TailError};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::checkpoint::Checkpoints;
use crate::error::Error;
use crate::handle::Handle;
use crate::pipeline::Committed;
use crate::registry::Store;
use crate::release::Release;
use crate::shared::Shared;
use crate::writer::Writer;

pub use start::Deps;

/// Records of one step: few enough that readers of the state wait a few milliseconds at most.
const SLICE_RECORDS_MAX: usize = 1_024;

/// Ingest, before it runs.
pub struct Service {
    shared: Arc<Shared>,
    tail: Tail,
    /// What the tables held when this process began: a replay does not write it again.
    committed: Committed,
    store: Store,
    checkpoints: Checkpoints,
    writer: Writer,
    release: Release,
}

/// Why the loop was left.
enum Left {
    Shutdown,
    JournalClosed,
}

impl Service {
    /// For everyone else; cheap to clone.
    pub fn handle(&self) -> Handle {
        Handle::new(self.shared.clone())
    }

    /// Runs until `shutdown`, then takes what is durable within the limit, commits and writes a checkpoint. An error means that
    /// ingest cannot go on; everything acknowledged is in the journal.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let keeper = keeper::Keeper::start(self.shared.clone(), shutdown.clone());
        let outcome = self.follow(&shutdown, &keeper).await;
        let outcome = match outcome {
            Ok(Left::Shutdown) => self.drain().await,
            Ok(Left::JournalClosed) => self.finish().await,
            Err(error) => {
                error!(%error, "ingest stops");
                Err(error)
            }
        };
        keeper.stop().await;
        outcome
    }

    async fn follow(&mut self, shutdown: &CancellationToken, keeper: &keeper::Keeper) -> Result<Left, Error> {
        loop {
            let wake = self.shared.clock.sleep(self.next_timer());
            let may_take = self.has_room();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(Left::Shutdown),
                done = self.writer.finished() => self.written(done?)?,
                error = keeper.failed() => return Err(error),
                entries = self.tail.next(SLICE_RECORDS_MAX, BATCH_BYTES_MAX), if may_take => match entries {
                    Ok(entries) => self.take(entries).await?,
                    Err(TailError::Closed) => return Ok(Left::JournalClosed),
                    Err(error) => return Err(error.into()),
                },
                () = wake => {}
            }
            self.timers().await?;
        }
    }

    fn has_room(&self) -> bool {
        let limit = self.shared.options.hot_rows;
        let mut hot = self.shared.hot.write();
        if hot.rows() >= limit {
            hot.forget_committed();
        }
        hot.rows_uncommitted() < limit
    }

    /// Takes what one wait gave, then lets other tasks run.
    async fn take(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        let Some(oldest) = entries.first() else {
            return Ok(());
        };
        self.shared.wait_began(oldest.received_at);
        self.take_slice(entries).await?;
        self.shared.wait_ended();
        tokio::task::yield_now().await;
        Ok(())
    }
}

/// Waits between two tries of something that failed: doubles up to half a minute.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub fn new() -> Self {
        Self(Duration::from_millis(100))
    }

    pub fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (self.0 * 2).min(Duration::from_secs(30));
        wait
    }
}

#[cfg(test)]
mod tests;
