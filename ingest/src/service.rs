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
//! is tried again, and the pipeline stops at the limit of hot rows rather than lose one. What reads the lake for other reasons has tasks
//! of its own as well: the pipeline's waits for nothing but key sets.

mod beside;
mod drain;
mod keeper;
mod leaving;
mod start;
mod take;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use domain::limits::{SLICE_BYTES_MAX, SLICE_RECORDS_MAX};
use journal::{Tail, TailError};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::checkpoint::Checkpoints;
use crate::error::Error;
use crate::handle::Handle;
use crate::hot::Load;
use crate::pipeline::Committed;
use crate::registry::Store;
use crate::release;
use crate::shared::Shared;
use crate::writer::Writer;
use beside::Beside;
use leaving::Leaving;
use take::Taken;

pub use start::{Deps, has_worked_in};

/// Ingest, before it runs.
pub struct Service {
    shared: Arc<Shared>,
    tail: Tail,
    /// What the tables held when this process began: a replay does not write it again.
    committed: Committed,
    store: Store,
    checkpoints: Checkpoints,
    writer: Writer,
}

/// Why the loop was left.
enum Left {
    Shutdown,
    /// With records on hand that could not be taken: the next start takes them.
    Behind,
    JournalClosed,
}

impl Service {
    /// For everyone else; cheap to clone.
    pub fn handle(&self) -> Handle {
        Handle::new(self.shared.clone())
    }

    /// Runs until `shutdown`, then takes what is durable, commits and writes a checkpoint, all of it within the limit. An error means
    /// that ingest cannot go on; everything acknowledged is in the journal.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let beside = [
            Beside::start("the keeper of the lake", keeper::keep(self.shared.clone(), shutdown.clone())),
            Beside::start("the release of held readings", release::release(self.shared.clone(), shutdown.clone())),
        ];
        let leaving = Leaving::new(&shutdown, self.shared.clock.clone(), self.shared.options.drain_at_most());
        // Dropping what is not done in time loses nothing: it is in the journal.
        let outcome = tokio::select! {
            biased;
            outcome = self.work(&leaving, &beside) => outcome,
            () = leaving.is_over() => {
                self.give_up();
                Ok(())
            }
        };
        match &outcome {
            Ok(()) => self.tell_what_is_left(),
            Err(error) => error!(%error, "ingest stops"),
        }
        for task in beside {
            task.stop().await;
        }
        outcome
    }

    async fn work(&mut self, leaving: &Leaving, beside: &[Beside; 2]) -> Result<(), Error> {
        match self.follow(leaving, beside).await? {
            Left::Shutdown => self.drain(leaving).await?,
            Left::Behind => {}
            Left::JournalClosed => leaving.begin(),
        }
        self.finish().await
    }

    async fn follow(&mut self, leaving: &Leaving, [keeper, release]: &[Beside; 2]) -> Result<Left, Error> {
        loop {
            let wake = self.shared.clock.sleep(self.next_timer());
            let may_take = self.has_room();
            tokio::select! {
                biased;
                () = leaving.asked() => return Ok(Left::Shutdown),
                done = self.writer.finished() => self.written(done?),
                error = keeper.failed() => return Err(error),
                error = release.failed() => return Err(error),
                entries = self.tail.next(SLICE_RECORDS_MAX, SLICE_BYTES_MAX), if may_take => match entries {
                    Ok(entries) => match self.take(entries, leaving).await? {
                        Taken::All => {}
                        Taken::NotAll => return Ok(Left::Behind),
                    },
                    Err(TailError::Closed) => return Ok(Left::JournalClosed),
                    Err(error) => return Err(error.into()),
                },
                () = wake => {}
            }
            self.timers();
        }
    }

    fn has_room(&self) -> bool {
        let limit = Load { rows: self.shared.options.hot_rows, bytes: self.shared.options.hot_bytes };
        let mut hot = self.shared.hot.write();
        if hot.all().reaches(limit) {
            hot.forget_committed();
        }
        !hot.uncommitted().reaches(limit)
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
