//! Rows → durable Parquet files that no log names yet.
//!
//! One file a day, or a few where the rows are very many or very long. Days are encoded and written concurrently, since a replay of
//! years touches a thousand of them and each waits for its own syncs.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use domain::Timestamp;
use domain::limits::LAKE_FILE_ROWS_BYTES_MAX;
use domain::rng::Rng;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use crate::log::Added;
use crate::snapshot::DataFile;
use crate::stats::FileStats;
use crate::table::{DAY, Table};
use crate::{Error, arrange, day, encode};

/// Files in the making at once: enough for their syncs to overlap, few enough for their buffers.
const CONCURRENT_FILES: usize = 32;

/// How far a file has come; the first letter of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// As committed.
    Flush,
    /// Several of one day, merged.
    Hour,
    /// A closed day, sorted as a whole.
    Day,
}

impl Level {
    const ALL: [Self; 3] = [Self::Flush, Self::Hour, Self::Day];

    const fn letter(self) -> &'static str {
        match self {
            Self::Flush => "f",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }
}

/// Names new files: never twice, whoever writes beside us.
pub(crate) struct Names(Mutex<Rng>);

impl Names {
    pub fn new(rng: Rng) -> Self {
        Self(Mutex::new(rng))
    }

    /// `day=2026-11-24/f-1795492800000-0123456789abcdef.parquet`: level, milliseconds since 1970 of the writing, chance.
    pub fn next(&self, day: i32, level: Level, now: Timestamp) -> String {
        let chance = self.0.lock().next_u64();
        format!("{DAY}={}/{}-{}-{chance:016x}.parquet", day::text(day), level.letter(), now.as_micros() / 1_000)
    }
}

/// Level and instant of the writing; another writer's file counts as flushed long ago.
pub(crate) fn written(path: &str) -> (Level, Timestamp) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut parts = name.splitn(3, '-');
    let level = parts.next().and_then(|letter| Level::ALL.into_iter().find(|level| level.letter() == letter));
    let at = parts.next().and_then(|millis| Timestamp::from_millis(millis.parse().ok()?));
    match (level, at) {
        (Some(level), Some(at)) => (level, at),
        _ => (Level::Flush, Timestamp::UNIX_EPOCH),
    }
}

/// Durable when it returns.
pub(crate) async fn write(
    store: &Arc<dyn ObjectStore>,
    root: &Path,
    table: Table,
    names: &Names,
    now: Timestamp,
    rows: Vec<RecordBatch>,
) -> Result<Vec<Added>, Error> {
    let mut added = Vec::new();
    for rows in portions(rows, LAKE_FILE_ROWS_BYTES_MAX) {
        let days = aside::run(move || arrange::by_day(table, &rows)).await??;
        let writes = days.into_iter().map(|(day, rows)| {
            let path = names.next(day, Level::Flush, now);
            write_file(store.clone(), root, table, day, path, rows)
        });
        let files = futures::stream::iter(writes).buffer_unordered(CONCURRENT_FILES);
        added.extend(files.try_collect::<Vec<_>>().await?);
    }
    Ok(added)
}

/// Runs of batches that hold `bytes_max` together, or one longer batch each.
fn portions(batches: Vec<RecordBatch>, bytes_max: usize) -> Vec<Vec<RecordBatch>> {
    let mut portions = Vec::new();
    let (mut portion, mut bytes) = (Vec::new(), 0);
    for batch in batches {
        let more = batch.get_array_memory_size();
        if bytes + more > bytes_max && !portion.is_empty() {
            portions.push(std::mem::take(&mut portion));
            bytes = 0;
        }
        portion.push(batch);
        bytes += more;
    }
    portions.push(portion);
    portions
}

async fn write_file(
    store: Arc<dyn ObjectStore>,
    root: &Path,
    table: Table,
    day: i32,
    path: String,
    rows: RecordBatch,
) -> Result<Added, Error> {
    let encoded = aside::run(move || {
        let mut stats = FileStats::default();
        stats.add(table, &rows);
        let bytes = encode::file(table, &rows)?;
        stats.hash = Some(xxh3_64(&bytes));
        Ok::<_, Error>((bytes, stats))
    });
    let (bytes, stats) = encoded.await??;
    let size = bytes.len() as u64;
    store.put(&join(root, &path), Bytes::from(bytes).into()).await?;
    Ok(added(path, size, day, stats))
}

pub(crate) fn added(path: String, bytes: u64, day: i32, stats: FileStats) -> Added {
    let of = stats.clone();
    let file = DataFile {
        path,
        bytes,
        rows: of.rows,
        day,
        key_min: of.key_min,
        key_max: of.key_max,
        time_min: of.time_min,
        time_max: of.time_max,
        hash: of.hash,
    };
    Added { file, stats }
}

/// A file of a table in the store.
pub(crate) fn join(root: &Path, path: &str) -> Path {
    path.split('/').fold(root.clone(), |folder, part| folder.join(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::parking;

    #[test]
    fn rows_beyond_what_one_file_may_hold_are_several_portions_in_order() {
        let batch = |position| parking(position, &[("a", "2026-11-24T10:00:00Z")]);
        let bytes = batch(1).get_array_memory_size();
        let batches: Vec<_> = (1..=5).map(batch).collect();
        assert_eq!(portions(batches.clone(), 2 * bytes), [&batches[..2], &batches[2..4], &batches[4..]]);
        assert_eq!(portions(batches.clone(), bytes - 1).len(), 5, "a longer batch stands alone");
        assert_eq!(portions(batches.clone(), usize::MAX), [batches]);
    }

    #[test]
    fn a_file_name_tells_level_and_instant() {
        let now = Timestamp::from_micros(1_795_492_800_123_000);
        for level in Level::ALL {
            assert_eq!(written(&Names::new(Rng::from_seed(1)).next(20_781, level, now)), (level, now));
        }
        assert_eq!(written("day=2026-11-24/part-00000-x.snappy.parquet"), (Level::Flush, Timestamp::UNIX_EPOCH));
    }
}
