//! Shutdowns while the lake fails: in time, and with everything acknowledged in the journal.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Clock as _;
use lake::contract::{Intake as _, Live as _};
use lake::table::Table;

use super::bench::{Bench, counts, parking};
use crate::options::Options;

const DAY: i64 = 86_400;

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(data_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    files
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_keys_that_cannot_be_read_and_the_next_start_takes_what_is_left() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    ingest.publish(vec![parking("bay-1", 10, "vacant"), parking("bay-1", 2 * DAY, "vacant")]).await;
    ingest.stop().await;
    let files = data_files(&bench.dir.path().join("lake/parking_readings"));
    let aside = |path: &Path| path.with_extension("away");
    for file in &files {
        fs::rename(file, aside(file)).expect("a file of ours");
    }

    let ingest = bench.start().await;
    // Whether it is a repetition stands in the lake.
    ingest.handle.publish(vec![parking("bay-1", 10, "vacant"), parking("bay-2", 10, "vacant")]).await.expect("durable");
    while ingest.handle.status().lag_ms < 300 {
        bench.clock.sleep(Duration::from_millis(10)).await;
    }
    let began = bench.clock.elapsed();
    ingest.stop().await;
    assert!(bench.clock.elapsed() - began < Duration::from_secs(5));

    for file in &files {
        fs::rename(aside(file), file).expect("a file of ours");
    }
    let ingest = bench.start().await;
    assert_eq!(ingest.ledger(), counts(4, 3, 1, &[]));
    assert_eq!(ingest.rows(Table::ParkingReadings).await, 3);
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_shutdown_ends_at_its_limit_when_the_last_commit_does_not_come_about() {
    let mut bench = Bench::new(Options { drain_s: 1, ..Options::default() });
    let ingest = bench.start().await;
    ingest.publish(vec![parking("bay-1", 10, "vacant")]).await;
    let (lake, away) = (bench.dir.path().join("lake"), bench.dir.path().join("away"));
    fs::rename(&lake, &away).expect("a folder of ours");
    fs::write(&lake, "no folder").expect("writable");
    let began = bench.clock.elapsed();
    ingest.stop().await;
    let took = bench.clock.elapsed() - began;
    assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(1_800), "{took:?}");

    fs::remove_file(&lake).expect("a file of ours");
    fs::rename(&away, &lake).expect("a folder of ours");
    let ingest = bench.start().await;
    assert_eq!(ingest.ledger(), counts(1, 1, 0, &[]));
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}
