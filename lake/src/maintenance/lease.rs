//! One process maintains a lake: a locked file in its folder, given back when the process dies.
//!
//! An object store has no such lock: there the data dir's own lock, held by the one ingest, has to do.

use std::fs::{File, OpenOptions};

use rustix::fs::{FlockOperation, flock};
use tokio::sync::MutexGuard;

use crate::Error;
use crate::store::Location;

const FILE: &str = ".kerbside-maintenance.lock";

/// Held from the first maintenance on.
#[derive(Default)]
pub(crate) struct Lease {
    file: parking_lot::Mutex<Option<File>>,
    /// Within this process one part of the maintenance runs at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Lease {
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub fn take(&self, location: &Location) -> Result<(), Error> {
        let Some(folder) = &location.disk else {
            return Ok(());
        };
        let mut held = self.file.lock();
        if held.is_some() {
            return Ok(());
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(FILE))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                *held = Some(file);
                Ok(())
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Busy),
            Err(error) => Err(std::io::Error::from(error).into()),
        }
    }
}
