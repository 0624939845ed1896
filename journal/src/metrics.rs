//! The journal's metrics: name, unit and help of each in one place.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub const APPENDS: &str = "kerbside_journal_appends_total";
pub const BYTES: &str = "kerbside_journal_bytes_total";
pub const SYNC_SECONDS: &str = "kerbside_journal_sync_seconds";
pub const BATCH_RECORDS: &str = "kerbside_journal_batch_records";
pub const ERRORS: &str = "kerbside_journal_errors_total";
pub const HEAD: &str = "kerbside_journal_head";
pub const KEPT_BYTES: &str = "kerbside_journal_kept_bytes";

/// Registers the help texts with the recorder in force.
pub fn describe() {
    describe_counter!(APPENDS, Unit::Count, "records made durable");
    describe_counter!(BYTES, Unit::Bytes, "bytes of records made durable");
    describe_histogram!(SYNC_SECONDS, Unit::Seconds, "one write and its fdatasync");
    describe_histogram!(BATCH_RECORDS, Unit::Count, "records that one fdatasync served");
    describe_counter!(ERRORS, Unit::Count, "failed writes, fsyncs and attempts to recover from one");
    describe_gauge!(HEAD, Unit::Count, "position of the newest durable record");
    describe_gauge!(KEPT_BYTES, Unit::Bytes, "bytes of all segments on disk");
}
