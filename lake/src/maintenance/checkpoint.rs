//! Delta checkpoints: a reader opens a table by the newest one and the few entries after it.
//!
//! Written here only, never by commits: they would wait for it, and concurrent checkpoints are known to break each other.

use std::time::Duration;

use domain::{Timestamp, crash_point};
use tracing::debug;

use crate::table::Table;
use crate::{Error, Lake};

impl Lake {
    /// Writes a checkpoint for each table that has enough new commits, and deletes log entries that no reader needs.
    /// Returns how many tables got one.
    pub async fn checkpoint_logs(&self, now: Timestamp) -> Result<usize, Error> {
        let _turn = self.maintain().await?;
        let mut written = 0;
        for table in Table::ALL {
            written += usize::from(self.checkpoint_log(table, now).await?);
        }
        Ok(written)
    }

    /// By whoever maintains the lake. `false`: it has few new commits.
    pub(super) async fn checkpoint_log(&self, table: Table, now: Timestamp) -> Result<bool, Error> {
        let log = self.log(table);
        let (version, since) = (log.snapshot().version, log.log().checkpoint().await.unwrap_or(0));
        if version - since < i64::from(self.inner.options.checkpoint_commits.max(1)) {
            return Ok(false);
        }
        let kept = Duration::from_secs(u64::from(self.inner.options.log_kept_h) * 3_600);
        crash_point!(LogCheckpointBefore);
        let deleted = log.log().write_checkpoint(now.minus(kept)).await?;
        crash_point!(LogCheckpointAfter);
        debug!(table = table.name(), version, deleted, "delta checkpoint written");
        Ok(true)
    }
}
