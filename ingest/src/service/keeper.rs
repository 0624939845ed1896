//! The keeper of the lake's files: compaction, vacuum and retention, in one task of one process.
//!
//! It never stands in the way of a commit. A failure is logged and the next round tries again.

use std::sync::Arc;
use std::time::Duration;

use journal::Health;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics as names;
use crate::shared::Shared;

/// Between two looks for files that nobody needs any more: each lists every file and replays each table's log, and none goes in its
/// first day.
const VACUUM_EVERY: Duration = Duration::from_secs(3_600);

/// Until `shutdown`.
pub async fn keep(shared: Arc<Shared>, shutdown: CancellationToken) {
    let mut next_vacuum = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = shared.clock.sleep(shared.options.maintenance_every()) => {}
        }
        // Files that cannot be removed are no reason to merge none.
        if shared.clock.elapsed() >= next_vacuum && told(clean(&shared).await) {
            next_vacuum = shared.clock.elapsed() + VACUUM_EVERY;
        }
        told(tend(&shared).await);
    }
}

/// Whether it was done; what was not is told.
fn told(outcome: Result<(), lake::Error>) -> bool {
    if let Err(error) = &outcome {
        metrics::counter!(names::MAINTENANCE_FAILURES).increment(1);
        warn!(%error, "the lake's files could not be tended, trying again");
    }
    outcome.is_ok()
}

/// Offsets are forgotten up to the older of the two checkpoints: no restart replays from before it.
pub(super) async fn tend(shared: &Shared) -> Result<(), lake::Error> {
    let now = shared.clock.now();
    // A merge needs room for what it replaces: on a full disk only what frees some is done.
    if shared.journal.health() == Health::Writable {
        shared.lake.compact_due(now, shared.fallback()).await?;
    }
    shared.lake.expire(now).await?;
    shared.lake.checkpoint_logs(now).await?;
    shared.lake.report_sizes();
    Ok(())
}

async fn clean(shared: &Shared) -> Result<(), lake::Error> {
    shared.lake.vacuum(shared.clock.now()).await?;
    Ok(())
}
