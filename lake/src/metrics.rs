//! What the lake counts, by table.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::snapshot::TableSnapshot;
use crate::table::Table;

pub const COMMITS: &str = "kerbside_lake_commits_total";
pub const COMMITTED_ROWS: &str = "kerbside_lake_committed_rows_total";
pub const COMMITTED_FILES: &str = "kerbside_lake_committed_files_total";
pub const COMMIT_SECONDS: &str = "kerbside_lake_commit_seconds";
pub const COMPACTED_FILES: &str = "kerbside_lake_compacted_files_total";
pub const COMPACTED_ROWS: &str = "kerbside_lake_compacted_rows_total";
pub const DELETED_FILES: &str = "kerbside_lake_deleted_files_total";
pub const EXPIRED_ROWS: &str = "kerbside_lake_expired_rows_total";
pub const FILES: &str = "kerbside_lake_files";
pub const BYTES: &str = "kerbside_lake_bytes";

/// Registers the help texts.
pub fn describe() {
    describe_counter!(COMMITS, Unit::Count, "commits that added rows or moved a table's position");
    describe_counter!(COMMITTED_ROWS, Unit::Count, "rows committed");
    describe_counter!(COMMITTED_FILES, Unit::Count, "files that commits wrote");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "time of a commit, from its rows to its durable log entry");
    describe_counter!(COMPACTED_FILES, Unit::Count, "files that compaction replaced");
    describe_counter!(COMPACTED_ROWS, Unit::Count, "rows that compaction wrote anew");
    describe_counter!(DELETED_FILES, Unit::Count, "replaced and orphaned files that vacuum deleted");
    describe_counter!(EXPIRED_ROWS, Unit::Count, "rows that retention removed");
    describe_gauge!(FILES, Unit::Count, "live files");
    describe_gauge!(BYTES, Unit::Bytes, "bytes of live files");
}

pub(crate) fn committed(table: Table, rows: usize, files: usize, took: Duration) {
    counter!(COMMITS, "table" => table.name()).increment(1);
    counter!(COMMITTED_ROWS, "table" => table.name()).increment(rows as u64);
    counter!(COMMITTED_FILES, "table" => table.name()).increment(files as u64);
    histogram!(COMMIT_SECONDS, "table" => table.name()).record(took.as_secs_f64());
}

pub(crate) fn compacted(table: Table, files: usize, rows: u64) {
    counter!(COMPACTED_FILES, "table" => table.name()).increment(files as u64);
    counter!(COMPACTED_ROWS, "table" => table.name()).increment(rows);
}

pub(crate) fn deleted(table: Table, files: u64) {
    counter!(DELETED_FILES, "table" => table.name()).increment(files);
}

pub(crate) fn expired(table: Table, rows: u64) {
    counter!(EXPIRED_ROWS, "table" => table.name()).increment(rows);
}

pub(crate) fn size(snapshot: &TableSnapshot) {
    let bytes = snapshot.files.iter().map(|file| file.bytes).sum::<u64>();
    gauge!(FILES, "table" => snapshot.table.name()).set(snapshot.files.len() as f64);
    gauge!(BYTES, "table" => snapshot.table.name()).set(bytes as f64);
}
