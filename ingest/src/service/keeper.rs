//! The keeper of the lake's files: compaction, vacuum and retention, in one task of one process.
//!
//! It never stands in the way of a commit. A failure is logged and the next round tries again; a panic stops ingest.

use std::sync::Arc;

use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::error::Error;
use crate::metrics as names;
use crate::shared::Shared;

pub struct Keeper {
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    /// The task never outlives its owner, however that one ends.
    abort: AbortHandle,
}

impl Keeper {
    pub fn start(shared: Arc<Shared>, shutdown: CancellationToken) -> Self {
        let task = tokio::spawn(keep(shared, shutdown));
        Self { abort: task.abort_handle(), task: tokio::sync::Mutex::new(Some(task)) }
    }

    /// Resolves only if the task ended by a panic.
    pub async fn failed(&self) -> Error {
        let mut task = self.task.lock().await;
        if let Some(running) = task.as_mut()
            && running.await.is_err()
        {
            *task = None;
            return Error::Ended("the keeper of the lake");
        }
        *task = None;
        std::future::pending().await
    }

    pub async fn stop(self) {
        self.abort.abort();
        if let Some(task) = self.task.lock().await.take() {
            // Either way it is over; what it began on disk is whole or not there.
            let _ = task.await;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

async fn keep(shared: Arc<Shared>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = shared.clock.sleep(shared.options.maintenance_every()) => {}
        }
        if let Err(error) = tend(&shared).await {
            metrics::counter!(names::MAINTENANCE_FAILURES).increment(1);
            warn!(%error, "the lake's files could not be tended, trying again");
        }
    }
}

/// Offsets are forgotten up to the older of the two checkpoints: no restart replays from before it.
async fn tend(shared: &Shared) -> Result<(), lake::Error> {
    let now = shared.clock.now();
    shared.lake.compact_due(now, shared.fallback()).await?;
    shared.lake.expire(now).await?;
    shared.lake.vacuum(now).await?;
    shared.lake.checkpoint_logs(now).await?;
    shared.lake.report_sizes();
    Ok(())
}
