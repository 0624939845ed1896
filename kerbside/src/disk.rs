//! Watches the disk of the data directory: says early that it fills, and keeps a city manageable when it is full.
//!
//! A reserve file holds space. When the rest is gone, what devices send is refused (never acknowledged, so they keep it), the reserve is given
//! up, and from then on administration, audit, retention and the commit of what was accepted before have its room. When space returns the
//! reserve is made again and intake goes on, all by itself.

mod room;

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, record};
use journal::{Health, Journal};
use metrics::{Unit, describe_gauge, gauge};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use room::{Change, Room, Space};

const SIZE: &str = "kerbside_disk_size_bytes";
const FREE: &str = "kerbside_disk_free_bytes";
const FULL: &str = "kerbside_disk_full";

/// In the data directory.
const RESERVE: &str = "reserve";
/// The reserve is this part of a small disk, and enough for the commits and checkpoints of a small city.
const RESERVE_PART: u64 = 50;
const RESERVE_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// Between two looks: what a fast intake writes meanwhile is less than the margin on disks of any size.
const LOOK_EVERY: Duration = Duration::from_millis(250);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Bytes kept back for administration on a full disk; of a small one no more than a fiftieth, or 4 MiB. 0 keeps none.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { reserve_bytes: 256 * 1024 * 1024 }
    }
}

/// Registers units and help texts.
pub fn describe() {
    describe_gauge!(SIZE, Unit::Bytes, "size of the disk that the data directory is on");
    describe_gauge!(FREE, Unit::Bytes, "what may still be written there, beside the reserve");
    describe_gauge!(FULL, Unit::Count, "1 while intake is refused because the disk is full");
}

pub struct Watch {
    dir: PathBuf,
    reserve_bytes: u64,
    room: Room,
    journal: Journal,
    clock: Arc<dyn Clock>,
    /// Told once that there is no reserve, until there is one.
    lacks_reserve: bool,
}

impl Watch {
    /// Makes the reserve where there is room for it.
    pub fn new(options: &Options, dir: &Path, journal: Journal, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let reserve_bytes = options.reserve_bytes.min((space(dir)?.size / RESERVE_PART).max(RESERVE_BYTES_MIN));
        let margin = reserve_bytes.max(RESERVE_BYTES_MIN) / 4;
        let room = Room::new(reserve_bytes, margin);
        let mut watch = Self { dir: dir.to_owned(), reserve_bytes, room, journal, clock, lacks_reserve: false };
        watch.look();
        Ok(watch)
    }

    /// Until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while shutdown.run_until_cancelled(self.clock.sleep(LOOK_EVERY)).await.is_some() {
            self = tokio::task::spawn_blocking(move || {
                self.look();
                self
            })
            .await?;
        }
        Ok(())
    }

    fn look(&mut self) {
        let space = match space(&self.dir) {
            Ok(space) => space,
            Err(error) => {
                warn!(%error, dir = %self.dir.display(), "the room on the disk is not known");
                return;
            }
        };
        gauge!(SIZE).set(space.size as f64);
        gauge!(FREE).set(space.free as f64);
        // A batch that is longer than the margin meets the end of the disk first.
        let refused = matches!(self.journal.health(), Health::Failed(_)) && space.free < self.reserve_bytes + self.room.margin();
        for change in self.room.look(space, refused) {
            self.tell(change, space);
        }
        gauge!(FULL).set(f64::from(u8::from(self.room.is_full)));
        if !self.room.is_full {
            self.keep_reserve(space);
        }
    }

    fn tell(&mut self, change: Change, Space { size, free }: Space) {
        let dir = self.dir.display();
        match change {
            Change::Low(percent) => warn!(%dir, free, size, "less than {percent} % of the disk are free"),
            Change::Full => {
                // First refuse, then give up the reserve: readings must not eat it.
                self.journal.hold("the disk is full: readings are refused until there is room again", is_administration);
                error!(%dir, free, size, reserve = self.reserve_bytes, "the disk is full: readings are refused, the reserve is given up \
                    so that it can be administered; free space or enlarge the disk, and intake goes on by itself");
                if let Err(error) = std::fs::remove_file(self.dir.join(RESERVE))
                    && error.kind() != io::ErrorKind::NotFound
                {
                    warn!(%error, "the reserve cannot be given up");
                }
            }
            Change::RoomAgain => {
                self.journal.release();
                info!(%dir, free, size, "there is room on the disk again: readings are taken");
            }
        }
    }

    /// Makes the reserve as soon as there is room for it, or brings it to the size that is configured now. Without it there is only less
    /// room for administration.
    fn keep_reserve(&mut self, space: Space) {
        let path = self.dir.join(RESERVE);
        let held = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let missing = self.reserve_bytes.saturating_sub(held);
        if held == self.reserve_bytes || missing > 0 && space.free < missing + self.room.margin() {
            return;
        }
        match reserve(&path, held, self.reserve_bytes) {
            Ok(()) => self.lacks_reserve = false,
            Err(error) if !self.lacks_reserve => {
                self.lacks_reserve = true;
                warn!(%error, bytes = self.reserve_bytes, "no space can be reserved on the disk");
            }
            Err(_) => {}
        }
    }
}

/// What a full disk must not hinder: edits of the registry, what an operator takes again, time itself, and how far sessions have read, without
/// which the journal cannot be trimmed.
fn is_administration(kind: u8) -> bool {
    use record::kind::{REGISTRY, REGISTRY_PART, REPROCESS, SESSION, TICK};
    matches!(kind, REGISTRY | REGISTRY_PART | REPROCESS | SESSION | TICK)
}

/// Blocks that are taken, whatever is in them; a failure leaves those that were `held`.
fn reserve(path: &Path, held: u64, bytes: u64) -> io::Result<()> {
    if bytes == 0 {
        return std::fs::remove_file(path);
    }
    let file: File = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    if bytes < held {
        return file.set_len(bytes);
    }
    if let Err(error) = fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        file.set_len(held)?;
        return Err(error.into());
    }
    Ok(())
}

fn space(dir: &Path) -> io::Result<Space> {
    let found = statvfs(dir)?;
    Ok(Space { size: found.f_blocks * found.f_frsize, free: found.f_bavail * found.f_frsize })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_that_cannot_grow_keeps_what_it_held() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join(RESERVE);
        let held = || std::fs::metadata(&path).expect("there").len();
        reserve(&path, 0, 8_192).expect("there is room");
        assert_eq!(held(), 8_192);
        // More than any file may be long.
        assert!(reserve(&path, 8_192, u64::MAX >> 1).is_err());
        assert_eq!(held(), 8_192);
        reserve(&path, 8_192, 4_096).expect("a smaller one fits");
        assert_eq!(held(), 4_096);
        reserve(&path, 4_096, 0).expect("none is asked for");
        assert!(!path.exists());
    }
}
