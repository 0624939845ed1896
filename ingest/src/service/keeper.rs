//! The keeper of the lake's files: compaction, vacuum and retention, in one task of one process.
//!
//! It never stands in the way of a commit. A failure is logged and the next round tries again.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics as names;
use crate::shared::Shared;

/// Until `shutdown`.
pub async fn keep(shared: Arc<Shared>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            biased;
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
pub(super) async fn tend(shared: &Shared) -> Result<(), lake::Error> {
    let now = shared.clock.now();
    shared.lake.compact_due(now, shared.fallback()).await?;
    shared.lake.expire(now).await?;
    shared.lake.vacuum(now).await?;
    shared.lake.checkpoint_logs(now).await?;
    shared.lake.report_sizes();
    Ok(())
}
