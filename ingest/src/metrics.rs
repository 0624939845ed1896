//! Names, units and help texts of ingest's metrics.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub const RECORDS: &str = "kerbside_ingest_records_total";
pub const ACCEPTED: &str = "kerbside_ingest_accepted_total";
pub const DUPLICATES: &str = "kerbside_ingest_duplicates_total";
pub const REJECTED: &str = "kerbside_ingest_rejected_total";
pub const STEP_SECONDS: &str = "kerbside_ingest_step_seconds";
pub const LAG_RECORDS: &str = "kerbside_ingest_lag_records";
pub const HOT_ROWS: &str = "kerbside_ingest_hot_rows";
pub const HOT_BYTES: &str = "kerbside_ingest_hot_bytes";
pub const KEY_SETS_LOADED: &str = "kerbside_ingest_key_sets_loaded_total";
pub const COMMIT_SECONDS: &str = "kerbside_ingest_commit_seconds";
pub const COMMIT_FAILURES: &str = "kerbside_ingest_commit_failures_total";
pub const CHECKPOINT_BYTES: &str = "kerbside_ingest_checkpoint_bytes";
pub const CHECKPOINT_SECONDS: &str = "kerbside_ingest_checkpoint_seconds";
pub const HELD: &str = "kerbside_ingest_held";
pub const MAINTENANCE_FAILURES: &str = "kerbside_ingest_maintenance_failures_total";

/// Registers units and help texts; called once by the front binary.
pub fn describe() {
    describe_counter!(RECORDS, Unit::Count, "journal records that the pipeline has taken");
    describe_counter!(ACCEPTED, Unit::Count, "elements accepted");
    describe_counter!(DUPLICATES, Unit::Count, "elements that were there before");
    describe_counter!(REJECTED, Unit::Count, "elements rejected");
    describe_histogram!(STEP_SECONDS, Unit::Seconds, "time of one step of the pipeline");
    describe_gauge!(LAG_RECORDS, Unit::Count, "durable records that the pipeline has not taken");
    describe_gauge!(HOT_ROWS, Unit::Count, "rows in memory, committed or not");
    describe_gauge!(HOT_BYTES, Unit::Bytes, "what these rows take in memory");
    describe_counter!(KEY_SETS_LOADED, Unit::Count, "key sets loaded for the duplicate look-up");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "time of one commit of all tables");
    describe_counter!(COMMIT_FAILURES, Unit::Count, "commits that failed and are tried again");
    describe_gauge!(CHECKPOINT_BYTES, Unit::Bytes, "size of the last checkpoint");
    describe_histogram!(CHECKPOINT_SECONDS, Unit::Seconds, "time of writing one checkpoint");
    describe_gauge!(HELD, Unit::Count, "rejections that are taken again by themselves");
    describe_counter!(MAINTENANCE_FAILURES, Unit::Count, "failed runs of compaction, vacuum or retention");
}
