//! The check at rest: exact after a kill as after a stop, and what is broken is named.

use std::fs;
use std::path::PathBuf;

use domain::{Position, Promise, Reason};
use lake::Lake;
use lake::contract::{Intake as _, Live as _};
use lake::table::Table;

use super::bench::{Bench, ONE_BAY, Running, air, counts, parking};
use crate::options::Options;

/// Everything that a ledger counts: new, late, repeated, conflicting, malformed, held, taken again, an edit.
async fn some_of_everything(ingest: &Running, round: i64) {
    let at = 100 * round;
    let day = 86_400;
    let good =
        [parking("bay-1", at, "vacant"), parking("bay-1", at - 2 * day, "occupied"), air("air-1", at, r#""no2":1,"o3":2"#)];
    ingest.publish(good.to_vec()).await;
    let other = [parking("bay-1", at, "occupied"), air("air-1", at, r#""no2":3,"pm10":4"#), air("air-1", at + 1, r#""no2":"x""#)];
    let positions = ingest.publish([&good[..2], &other].concat()).await;
    ingest.publish(vec![parking("bay-2", 20_000 * day, "vacant")]).await;
    assert!(ingest.handle.reprocess(positions[2], 0).await.expect("a conflict"));
    ingest.handle.edit_registry("anna", ONE_BAY.into(), false).await.expect("taken");
}

/// A lake that stands still at the checkpoint, or that goes on after it with each row.
fn options(commit_rows: usize) -> Options {
    Options { commit_rows, checkpoint_records: u64::MAX, ..Options::default() }
}

async fn killed(commit_rows: usize) -> Bench {
    let mut bench = Bench::new(options(commit_rows));
    let ingest = bench.start().await;
    some_of_everything(&ingest, 1).await;
    ingest.stop().await;
    let ingest = bench.start().await;
    some_of_everything(&ingest, 2).await;
    if commit_rows == 1 {
        while ingest.handle.status().tables[0].committed < Position(12) {
            tokio::task::yield_now().await;
        }
    }
    some_of_everything(&ingest, 3).await;
    ingest.kill().await;
    bench
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_every_row_is_in_the_lake_or_told_to_wait() {
    for commit_rows in [1, usize::MAX] {
        let mut bench = killed(commit_rows).await;
        let (report, of_lake) = bench.verified().await;
        assert!(report.exact && report.findings.is_empty() && of_lake.is_empty(), "{report:?} {of_lake:?}");
        assert!(report.checkpoint < report.position && report.untaken == 0);
        assert_eq!(report.counts.received, 27);
        let waiting: u64 = report.uncommitted.iter().map(|table| table.rows).sum();
        if commit_rows == usize::MAX {
            let rows = |table: Table| report.uncommitted.iter().find(|told| told.table == table.name()).map(|told| told.rows);
            assert_eq!((rows(Table::ParkingReadings), rows(Table::AirReadings)), (Some(4), Some(4)));
            assert_eq!(report.uncommitted[0].committed, Position(11));
        }
        let ingest = bench.start().await;
        assert_eq!(ingest.ledger(), report.counts, "the next start comes to the same");
        ingest.stop().await;
        let (after, of_lake) = bench.verified().await;
        assert!(after.exact && after.findings.is_empty() && of_lake.is_empty(), "{after:?}");
        assert_eq!((&after.counts, after.uncommitted.len()), (&report.counts, 0), "{waiting} rows waited");
    }
}

#[tokio::test]
async fn what_nothing_was_ever_committed_of_is_told_from_the_journal_alone() {
    let mut bench = Bench::new(options(usize::MAX));
    let ingest = bench.start().await;
    ingest.publish(vec![parking("bay-1", 10, "vacant"), parking("bay-1", 10, "vacant"), parking("bay-1", 10, "?")]).await;
    ingest.kill().await;
    let (report, of_lake) = bench.verified().await;
    assert!(report.exact && report.findings.is_empty() && of_lake.is_empty(), "{report:?}");
    assert_eq!(report.counts, counts(3, 1, 1, &[(Reason::Malformed, 1)]));
    assert_eq!(report.uncommitted.len(), 2);
}

/// One that the log names: a killed commit may have left others in the folder, and nobody misses those.
async fn file_of_the_log(bench: &Bench, table: Table) -> PathBuf {
    let root = bench.dir.path().join("lake");
    let lake = Lake::open_read_only(lake::Options::at(root.display().to_string()), bench.clock.clone()).await.expect("a lake");
    let snapshot = lake.snapshot(table);
    root.join(table.name()).join(&snapshot.files.last().expect("some files").path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_file_that_is_gone_is_named_and_its_rows_are_missed_after_a_kill_and_after_a_stop() {
    for kills in [false, true] {
        let mut bench = killed(1).await;
        if !kills {
            bench.start().await.stop().await;
        }
        let lost = file_of_the_log(&bench, Table::AirReadings).await;
        fs::remove_file(&lost).expect("it is there");
        let (report, of_lake) = bench.verified().await;
        let name = lost.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(of_lake.iter().any(|finding| finding.contains("FileMissing") && finding.contains(name)), "{of_lake:?}");
        assert!(report.findings.iter().any(|finding| finding.detail.starts_with("air-1: ")), "{report:?}");
        assert!(report.findings.iter().all(|finding| finding.promise == Promise::Sum1.id()));
    }
}

/// Flips a bit in the payload that holds `text`.
fn damage_journal(bench: &Bench, text: &[u8]) {
    let segment = fs::read_dir(bench.dir.path().join("journal")).expect("readable").map(|file| file.expect("readable").path());
    let segment = segment.filter(|file| file.extension().is_some_and(|end| end == "journal")).min().expect("a segment");
    let mut bytes = fs::read(&segment).expect("readable");
    let at = bytes.windows(text.len()).position(|window| window == text).expect("the payload is in the journal");
    bytes[at] ^= 1;
    fs::write(segment, bytes).expect("writable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_journal_is_a_finding_and_what_cannot_be_compared_any_more_is_told() {
    let mut bench = Bench::new(options(1));
    let ingest = bench.start().await;
    ingest.publish(vec![parking("before", 10, "vacant")]).await;
    ingest.stop().await;
    let ingest = bench.start().await;
    for name in ["first", "second", "third"] {
        let position = ingest.publish(vec![parking(name, 10, "vacant")]).await[0];
        while ingest.handle.status().tables[0].committed < position {
            tokio::task::yield_now().await;
        }
    }
    ingest.kill().await;
    damage_journal(&bench, b"kerbside/v1/parking/second");
    let (report, _) = bench.verified().await;
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert_eq!(report.findings[0].promise, Promise::Ack1.id());
    assert!(report.findings[0].detail.contains("where record 3 should be"), "{report:?}");
    assert_eq!((report.exact, report.position), (false, Position(2)));
    let why = report.inexact.expect("told");
    assert!(why.starts_with("parking_readings holds rows up to 4, and the journal cannot be read on: "), "{why}");
}
