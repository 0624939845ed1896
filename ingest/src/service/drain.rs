//! Shutdown: take what is durable, commit it, write a checkpoint, say what is left.

use domain::limits::{SLICE_BYTES_MAX, SLICE_RECORDS_MAX};
use journal::TailError;
use tracing::{info, warn};

use super::Service;
use super::leaving::Leaving;
use super::take::Taken;
use super::timers::Checkpoint;
use crate::error::Error;

impl Service {
    /// Intake has stopped before this: what is durable is all there will be.
    pub(super) async fn drain(&mut self, leaving: &Leaving) -> Result<(), Error> {
        while self.has_room() {
            let entries = tokio::select! {
                biased;
                () = leaving.taking_is_over() => break,
                entries = self.tail.try_next(SLICE_RECORDS_MAX, SLICE_BYTES_MAX) => entries,
            };
            match entries {
                Ok(entries) if entries.is_empty() => break,
                Ok(entries) => match self.take(entries, leaving).await? {
                    Taken::All => {}
                    Taken::NotAll => break,
                },
                Err(TailError::Closed) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The last commit and checkpoint.
    pub(super) async fn finish(&mut self) -> Result<(), Error> {
        if self.writer.is_busy() {
            let done = self.writer.finished().await?;
            self.written(done);
        }
        self.cut(Checkpoint::Now);
        if self.writer.is_busy() {
            let done = self.writer.finished().await?;
            self.written(done);
        }
        Ok(())
    }

    pub(super) fn give_up(&mut self) {
        self.writer.abandon();
        warn!("the last commit did not end in time; the next start takes its rows from the journal");
    }

    pub(super) fn tell_what_is_left(&self) {
        let left = self.shared.journal.head().0.saturating_sub(self.shared.position().0);
        match left {
            0 => info!(position = self.shared.position().0, "ingest has taken everything"),
            _ => warn!(left, "records stay in the journal for the next start"),
        }
    }
}
