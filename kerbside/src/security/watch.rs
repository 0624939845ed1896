//! Sees what commands change in the store while a server runs.
//!
//! A store that cannot be read leaves the answers as they were: a full disk or a damaged file locks nobody out and lets nobody in, and is
//! told for as long as it lasts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::Clock;
use domain::access::Anonymous;
use domain::limits::CREDENTIALS_LOOK;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::guard::Guard;
use super::roster::Roster;
use super::store::{Store, StoreError};

/// Follows the store of one directory.
pub struct Watch {
    dir: PathBuf,
    store: Store,
    version: i64,
    file: FileId,
    guard: Guard,
    clock: Arc<dyn Clock>,
    is_failing: bool,
}

/// A restored backup is another file under the same name.
type FileId = Option<(u64, u64)>;

impl Watch {
    pub fn open(dir: &Path, anonymous: Anonymous, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = Store::open(dir)?;
        let version = store.version()?;
        let guard = Guard::new(roster(&store)?, anonymous, Arc::clone(&clock));
        Ok(Self { dir: dir.to_owned(), file: store.file_id(), store, version, guard, clock, is_failing: false })
    }

    pub fn guard(&self) -> Guard {
        self.guard.clone()
    }

    /// Looks until `shutdown`, on a thread that may wait for the disk.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let clock = Arc::clone(&self.clock);
        while shutdown.run_until_cancelled(clock.sleep(CREDENTIALS_LOOK)).await.is_some() {
            self = tokio::task::spawn_blocking(move || {
                self.look_and_tell();
                self
            })
            .await?;
        }
        Ok(())
    }

    fn look_and_tell(&mut self) {
        match self.look() {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                error!(%error, "credentials cannot be read again: those that were read before stay in force");
            }
            Err(_) => {}
        }
    }

    fn look(&mut self) -> Result<(), StoreError> {
        if self.store.file_id() != self.file {
            self.store = Store::open(&self.dir)?;
            self.file = self.store.file_id();
        } else if self.store.version()? == self.version {
            return Ok(());
        }
        // Before reading: what comes while it is read is seen at the next look.
        let version = self.store.version()?;
        let roster = roster(&self.store)?;
        let (devices, keys) = roster.counts();
        // The audit log stands in the same store.
        if self.guard.replace(roster) {
            info!(devices, keys, "credentials changed");
        }
        self.version = version;
        Ok(())
    }
}

fn roster(store: &Store) -> Result<Roster, StoreError> {
    Ok(Roster::new(store.devices()?, store.keys()?))
}

#[cfg(test)]
mod tests;
