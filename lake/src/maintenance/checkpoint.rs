//! Delta checkpoints: a reader opens a table by the newest one and the few entries after it.
//!
//! Written here only, never by commits: they would wait for it, and concurrent checkpoints are known to break each other.

use deltalake_core::protocol::checkpoints::{cleanup_expired_logs_for, create_checkpoint};
use domain::Timestamp;
use tracing::debug;

use crate::log::last_checkpoint;
use crate::table::Table;
use crate::{Error, Lake};

impl Lake {
    /// Writes a checkpoint for each table that has enough new commits, and deletes log entries that no reader needs.
    /// Returns how many tables got one.
    pub async fn checkpoint_logs(&self, now: Timestamp) -> Result<usize, Error> {
        let _turn = self.maintain().await?;
        let mut written = 0;
        for table in Table::ALL {
            let log = self.log(table);
            let since = last_checkpoint(log.log_store()).await.unwrap_or(0);
            if log.snapshot().version - since < i64::from(self.inner.options.checkpoint_commits.max(1)) {
                continue;
            }
            let delta = log.delta().await?;
            let version = delta.snapshot()?.version();
            create_checkpoint(&delta, None).await?;
            written += 1;
            let kept_ms = i64::from(self.inner.options.log_kept_h) * 3_600_000;
            let cutoff_ms = now.as_micros() / 1_000 - kept_ms;
            let deleted = cleanup_expired_logs_for(version, log.log_store().as_ref(), cutoff_ms, None).await?;
            debug!(table = table.name(), version, deleted, "delta checkpoint written");
        }
        Ok(written)
    }
}
