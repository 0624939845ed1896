//! The service on a real journal and a real lake: restarts, crashes, held readings, dead letters, edits.

#![expect(clippy::disallowed_methods, reason = "tests wait for real disks and processes, in the machine's time")]

mod at_rest;
mod bench;
mod city;
mod compaction;
mod crash;
mod data_dir;
mod erasing;
mod following;
mod import;
mod leaving;
mod mended;
mod registry_file;

use domain::{Reason, SensorId};
use lake::contract::{Intake as _, Live as _};
use lake::table::Table;

use crate::options::Options;
use bench::{Bench, air, counts, parking};

#[tokio::test]
async fn what_is_published_is_in_the_ledger_the_view_and_after_a_stop_in_the_lake() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let good = [parking("bay-1", 10, "occupied"), parking("bay-1", 20, "vacant"), air("air-1", 10, r#""no2":4.5"#)];
    let bad = [parking("bay-1", 30, "perhaps"), air("air-1", 20, "")];
    ingest.publish([good.as_slice(), bad.as_slice(), &good[..1]].concat()).await;
    let expected = counts(6, 3, 1, &[(Reason::Malformed, 2)]);
    assert_eq!(ingest.ledger(), expected);
    assert_eq!(ingest.rows(Table::ParkingReadings).await, 2);
    assert_eq!(ingest.rows(Table::AirReadings).await, 1);
    assert_eq!(ingest.rows(Table::DeadLetters).await, 2);
    let sensor = SensorId::new("bay-1").expect("valid");
    let uplinks = ingest.handle.uplinks(&sensor).await.expect("it is the same process");
    assert_eq!(uplinks.len(), 4);
    assert!(uplinks[1].error.is_some() && uplinks[0].error.is_none());
    assert_eq!(ingest.handle.sensors(None, 10).len(), 2);
    ingest.stop().await;

    let ingest = bench.start().await;
    let view = ingest.handle.view().await.expect("a view");
    assert!(view.tables().all(|(_, table)| table.hot.is_empty()), "everything is in the lake");
    assert_eq!(ingest.ledger(), expected);
    assert_eq!(ingest.rows(Table::ParkingReadings).await, 2);
    ingest.publish(good.to_vec()).await;
    assert_eq!(ingest.ledger(), counts(9, 3, 4, &[(Reason::Malformed, 2)]));
    ingest.stop().await;
}

#[tokio::test]
async fn a_view_never_misses_or_doubles_a_row_while_rows_move_to_the_lake() {
    let mut bench = Bench::new(Options { commit_rows: 1, ..Options::default() });
    let ingest = bench.start().await;
    for second in 1..=40 {
        ingest.publish(vec![parking("bay-1", second, "occupied"), air("air-1", second, r#""o3":1"#)]).await;
        let view = ingest.handle.view().await.expect("a view");
        assert_eq!(bench::rows_in(&view, Table::ParkingReadings), second as u64);
        assert_eq!(bench::rows_in(&view, Table::AirReadings), second as u64);
    }
    let committed = ingest.handle.status().tables[0].committed;
    assert!(committed.0 > 0, "commits went on meanwhile");
    ingest.stop().await;
}

#[tokio::test]
async fn the_lag_is_the_age_of_the_oldest_record_that_is_not_visible_however_long_it_was_quiet_before() {
    let mut bench = Bench::new(Options { hot_rows: 1, ..Options::default() });
    let ingest = bench.start().await;
    ingest.publish(vec![parking("bay-1", 10, "occupied")]).await;
    assert_eq!(ingest.handle.status().lag_ms, 0);
    bench.move_clock(std::time::Duration::from_secs(3_600));
    // There is no room for it until the first one is committed.
    ingest.handle.publish(vec![parking("bay-1", 20, "vacant")]).await.expect("durable");
    bench.move_clock(std::time::Duration::from_secs(7));
    let lag_ms = ingest.handle.status().lag_ms;
    assert!((7_000..60_000).contains(&lag_ms), "{lag_ms}");
    ingest.stop().await;
}

#[tokio::test]
async fn a_late_repetition_is_found_in_the_lake() {
    let mut bench = Bench::new(Options { dedupe_bytes: 0, ..Options::default() });
    let ingest = bench.start().await;
    let day = 86_400;
    let seconds = [5, 2 * day, 9 * day, 1, 2 * day + 5];
    let first: Vec<_> = seconds.iter().map(|second| parking("bay-1", *second, "vacant")).collect();
    ingest.publish(first.clone()).await;
    ingest.stop().await;
    let ingest = bench.start().await;
    ingest.publish(first).await;
    ingest.publish(vec![parking("bay-1", 5, "occupied"), parking("bay-1", 6, "occupied")]).await;
    assert_eq!(ingest.ledger(), counts(12, 6, 5, &[(Reason::Conflict, 1)]));
    ingest.stop().await;
}

#[tokio::test]
async fn an_edit_is_visible_when_it_is_answered_and_after_a_restart() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let dry = ingest.handle.edit_registry("anna", bench::ONE_BAY.into(), true).await.expect("judged");
    assert!(dry.position.is_none() && dry.rows.len() == 2);
    let edit = ingest.handle.edit_registry("anna", bench::ONE_BAY.into(), false).await.expect("taken");
    assert!(edit.position.is_some(), "{edit:?}");
    let again = ingest.handle.edit_registry("anna", bench::ONE_BAY.into(), false).await.expect("judged");
    assert!(again.position.is_none(), "nothing changes");
    assert_eq!(ingest.handle.registry().layout(bench::second(10)).bays.len(), 1);
    ingest.stop().await;
    let ingest = bench.start().await;
    assert_eq!(ingest.handle.registry().layout(bench::second(10)).bays.len(), 1);
    assert_eq!(ingest.rows(Table::Registry).await, 2);
    ingest.stop().await;
}
