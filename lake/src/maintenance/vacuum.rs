//! Vacuum: replaced files after their time, files that no commit ever named, leftovers of writes that died.
//!
//! A file goes when no live version names it, no tombstone younger than [`Options::replaced_kept_h`](crate::Options) does, and
//! it was last written longer ago than that: so a commit in the making keeps its files, too.

use std::path::Path as DiskPath;
use std::time::{Duration, SystemTime};

use domain::Timestamp;
use futures::TryStreamExt;
use hashbrown::HashSet;
use object_store::ObjectStoreExt;
use tracing::info;

use crate::staging::join;
use crate::table::{DAY, Table};
use crate::{Error, Lake, metrics};

/// The contract promises readers this long.
const KEPT_H_MIN: u32 = 24;

/// What the vacuum deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vacuum {
    pub files: u64,
    pub bytes: u64,
    /// Half-written files of processes that died.
    pub leftovers: u64,
}

impl Lake {
    pub async fn vacuum(&self, now: Timestamp) -> Result<Vacuum, Error> {
        let _turn = self.maintain().await?;
        let hours = self.inner.options.replaced_kept_h.max(KEPT_H_MIN);
        let before = now.minus(Duration::from_secs(u64::from(hours) * 3_600));
        let mut done = Vacuum::default();
        for table in Table::ALL {
            let deleted = self.vacuum_table(table, before).await?;
            metrics::deleted(table, deleted.files);
            done.files += deleted.files;
            done.bytes += deleted.bytes;
            if let Some(folder) = self.inner.location.table_disk(table) {
                done.leftovers += aside::run(move || remove_leftovers(&folder, before)).await??;
            }
        }
        if done != Vacuum::default() {
            info!(files = done.files, bytes = done.bytes, leftovers = done.leftovers, "vacuum");
        }
        Ok(done)
    }

    async fn vacuum_table(&self, table: Table, before: Timestamp) -> Result<Vacuum, Error> {
        let (store, root) = (&self.inner.location.store, self.table_root(table));
        // Listed first: what is committed after the listing is not in it, what was committed before is known below.
        let listed: Vec<_> = store.list(Some(&root)).try_collect().await?;
        let mut needed = HashSet::new();
        for path in self.log(table).log().removed_since(before).await? {
            needed.insert(join(&root, &path));
        }
        needed.extend(self.snapshot(table).files.iter().map(|file| join(&root, &file.path)));
        let mut done = Vacuum::default();
        for object in listed {
            let of_a_day =
                object.location.prefix_match(&root).and_then(|mut parts| Some(parts.next()?.as_ref().starts_with(DAY)));
            let old = object.last_modified.timestamp_micros() < before.as_micros();
            if of_a_day == Some(true) && old && !needed.contains(&object.location) {
                store.delete(&object.location).await?;
                done.files += 1;
                done.bytes += object.size;
            }
        }
        Ok(done)
    }
}

/// Staged files (`name#digits`), which lists leave out, and folders of days that hold nothing any more.
pub(super) fn remove_leftovers(table: &DiskPath, before: Timestamp) -> Result<u64, Error> {
    let mut removed = 0;
    for folder in std::fs::read_dir(table)? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        let mut kept = 0;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let staged = entry
                .file_name()
                .to_string_lossy()
                .rsplit_once('#')
                .is_some_and(|(_, end)| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()));
            if staged && is_older(&entry.metadata()?, before)? {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            } else {
                kept += 1;
            }
        }
        if kept == 0 && is_older(&std::fs::metadata(&folder)?, before)? {
            // Fails when a commit has just put a file there: then it is no leftover.
            let _ = std::fs::remove_dir(&folder);
        }
    }
    Ok(removed)
}

fn is_older(metadata: &std::fs::Metadata, before: Timestamp) -> Result<bool, Error> {
    let written = metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(written.as_micros()).unwrap_or(i64::MAX) < before.as_micros())
}
