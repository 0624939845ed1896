//! What keeps the lake small and quick: compaction, expiry, vacuum, Delta checkpoints. Never on the way of a commit.
//!
//! Every part may be called at any time, beside commits of this process, and does nothing when nothing is due. Call them
//! from one task, every few minutes.

mod checkpoint;
mod compact;
mod erase;
mod expire;
mod lease;
mod merge;
mod vacuum;

pub use compact::Compaction;
pub use erase::{LetterName, Survey};
pub use expire::Expiry;
pub use vacuum::Vacuum;

pub(crate) use lease::Lease;

use crate::lake::Access;
use crate::table::Table;
use crate::{Error, Lake, metrics};

impl Lake {
    /// The first thing of every part: this process, and no other, maintains the lake.
    async fn maintain(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        if self.inner.access == Access::Read {
            return Err(Error::ReadOnly);
        }
        let turn = self.inner.lease.turn().await;
        self.inner.lease.take(&self.inner.location)?;
        Ok(turn)
    }

    /// Sets the gauges of live files and bytes.
    pub fn report_sizes(&self) {
        for table in Table::ALL {
            metrics::size(&self.snapshot(table));
        }
    }
}

#[cfg(test)]
mod tests;
