//! What the maintenance of very many small days takes in memory. By hand:
//! `cargo test --package kerbside-lake --lib -- --ignored --nocapture memory`

use std::io::Write as _;

use domain::{Position, Quantity, Timestamp};

use crate::fixture::{Fixture, JOURNAL, at};
use crate::rows::AirRows;
use crate::table::Table;

const DAYS: i64 = 1_462;
/// Each touches every day, as an import does that goes over the sensors of four years one after the other.
const COMMITS: u64 = 12;
const READINGS_A_DAY: i64 = 24;
/// The bound: what the process takes above what it took before.
const BYTES_MAX: u64 = 300 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; measures memory, so it has to be alone in its process"]
async fn four_years_of_small_days_are_compacted_in_bounded_memory() {
    let lake = Fixture::new().await;
    lake.clock.set(at("2026-11-24T10:00:00Z"));
    let begin = at("2022-01-01T00:00:00Z").as_micros();
    for commit in 0..COMMITS {
        let mut rows = AirRows::default();
        for hour in 0..DAYS * READINGS_A_DAY {
            let observed_at = Timestamp::from_micros(begin + hour * 3_600_000_000);
            let mut air = domain::kind::air::Air::default();
            for (number, quantity) in Quantity::ALL.iter().enumerate() {
                air.values.set(quantity.quantity, (hour * 7 + number as i64) as f64 / 8.0);
            }
            let sensor = crate::fixture::sensor(&format!("station-{commit}"));
            rows.push(&sensor, observed_at, observed_at, &air, &Default::default(), domain::Flags::NONE, Position(commit + 1));
        }
        lake.lake.commit(Table::AirReadings, JOURNAL, Position(commit + 1), vec![rows.finish()]).await.expect("commits");
    }
    let now = at("2026-11-24T12:00:00Z");
    lake.clock.set(now);
    let before = reset_peak();
    let mut peaks = Vec::new();
    let done = lake.lake.compact_due(now, Position(COMMITS)).await.expect("compacts");
    peaks.push(("compaction", peak()));
    lake.lake.checkpoint_logs(now).await.expect("writes");
    peaks.push(("log checkpoint", peak()));
    lake.lake.vacuum(now).await.expect("vacuums");
    peaks.push(("vacuum", peak()));
    let mib = |bytes: u64| bytes / 1024 / 1024;
    let mut out = std::io::stderr();
    writeln!(out, "before {} MiB, {} files in, {} out", mib(before), done.files_in, done.files_out).expect("stderr is open");
    for (what, peak) in &peaks {
        writeln!(out, "peak until after {what}: {} MiB", mib(*peak)).expect("stderr is open");
    }
    let most = peaks.last().map_or(0, |(_, peak)| *peak);
    assert!(most.saturating_sub(before) <= BYTES_MAX, "{} MiB above what was there before", mib(most - before));
}

/// Resident bytes now, from which the peak counts anew.
fn reset_peak() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux resets the peak");
    peak()
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of the kernel's");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
