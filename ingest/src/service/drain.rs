//! Shutdown: take what is durable within the limit, commit it, write a checkpoint, say what is left.

use domain::limits::BATCH_BYTES_MAX;
use journal::TailError;
use tracing::{info, warn};

use super::timers::Checkpoint;
use super::{SLICE_RECORDS_MAX, Service};
use crate::error::Error;

impl Service {
    /// Intake has stopped before this: what is durable is all there will be.
    pub(super) async fn drain(&mut self) -> Result<(), Error> {
        let limit = self.shared.clock.elapsed() + self.shared.options.drain_at_most();
        while self.shared.clock.elapsed() < limit && self.has_room() {
            match self.tail.try_next(SLICE_RECORDS_MAX, BATCH_BYTES_MAX).await {
                Ok(entries) if entries.is_empty() => break,
                Ok(entries) => self.take(entries).await?,
                Err(TailError::Closed) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.finish().await
    }

    /// The last commit and checkpoint, within the limit again.
    pub(super) async fn finish(&mut self) -> Result<(), Error> {
        let limit = self.shared.clock.sleep(self.shared.options.drain_at_most());
        tokio::select! {
            written = self.write_all() => written?,
            () = limit => {
                self.writer.abandon();
                warn!("the last commit did not end in time; the next start takes its rows from the journal");
            }
        }
        let left = self.shared.journal.head().0.saturating_sub(self.shared.position().0);
        match left {
            0 => info!(position = self.shared.position().0, "ingest has taken everything"),
            _ => warn!(left, "records stay in the journal for the next start"),
        }
        Ok(())
    }

    async fn write_all(&mut self) -> Result<(), Error> {
        if self.writer.is_busy() {
            let done = self.writer.finished().await?;
            self.written(done)?;
        }
        self.cut(Checkpoint::Now);
        if self.writer.is_busy() {
            let done = self.writer.finished().await?;
            self.written(done)?;
        }
        Ok(())
    }
}
