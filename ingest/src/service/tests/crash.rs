//! Kills at any moment, tables ahead of the checkpoint, damaged checkpoints: nothing is lost or doubled.

use std::fs;
use std::path::PathBuf;

use domain::record::Publish;
use domain::rng::Rng;
use lake::rows::{AirColumns, ParkingColumns};
use lake::table::Table;

use super::bench::{Bench, Running, air, parking, rows_in};
use crate::error::Error;
use crate::options::Options;
use domain::{Position, SensorId};
use hashbrown::HashSet;
use lake::contract::Live as _;

/// A message that occurs once in all rounds, or again.
fn message(number: u64) -> Publish {
    let sensor = format!("s{}", number % 5);
    // Every third one is late by a day or more.
    let seconds = number as i64 + if number.is_multiple_of(3) { -86_400 * (number % 4) as i64 } else { 0 };
    match number % 2 {
        0 => parking(&sensor, seconds, if number.is_multiple_of(4) { "vacant" } else { "occupied" }),
        _ => air(&sensor, seconds, &format!(r#""no2":{number},"o3":{}"#, number + 1)),
    }
}

/// Each accepted reading once in lake and hot rows, and as many as there are.
async fn each_once(ingest: &Running, sent: u64) {
    let view = ingest.handle.view().await.expect("a view");
    let rows = rows_in(&view, Table::ParkingReadings) + rows_in(&view, Table::AirReadings);
    assert_eq!(rows, sent, "readings in the lake and hot");
    let status = ingest.handle.status();
    assert!(status.tables.iter().all(|table| table.committed <= status.journal_head));
}

async fn rounds(options: Options, seed: u64) {
    let mut rng = Rng::from_seed(seed);
    let mut bench = Bench::new(options);
    let (mut appended, mut next) = (0, 0);
    for _ in 0..8 {
        let ingest = bench.start().await;
        assert_eq!(ingest.ledger().received, appended, "everything acknowledged was taken, once");
        let mut messages: Vec<Publish> = (next..next + 20).map(message).collect();
        next += 20;
        messages.extend((0..10).map(|_| message(rng.below(next))));
        for part in messages.chunks(7) {
            ingest.publish(part.to_vec()).await;
        }
        appended += messages.len() as u64;
        // A commit may be anywhere: before, half way, done.
        tokio::time::sleep(std::time::Duration::from_millis(rng.below(60))).await;
        if rng.chance(0.7) {
            ingest.kill().await
        } else {
            ingest.stop().await
        }
        assert_eq!(bench.broken_promises().await, Vec::<String>::new());
    }
    let ingest = bench.start().await;
    let ledger = ingest.ledger();
    assert_eq!((ledger.received, ledger.accepted, ledger.rejected_total()), (appended, next, 0));
    each_once(&ingest, next).await;
    ingest.stop().await;
    let ingest = bench.start().await;
    each_once(&ingest, next).await;
    no_identity_twice(&ingest).await;
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

/// Reads what the lake holds, by the look-up of the duplicate check.
async fn no_identity_twice(ingest: &Running) {
    let lake = ingest.handle.lake();
    for table in [Table::ParkingReadings, Table::AirReadings] {
        let days: HashSet<i32> = lake.snapshot(table).files.iter().map(|file| file.day).collect();
        let sensors = (0..5).map(|number| SensorId::new(&format!("s{number}")).expect("valid"));
        let wanted: Vec<_> = sensors.flat_map(|sensor| days.iter().map(move |day| (sensor.clone(), *day))).collect();
        let mut seen = HashSet::new();
        for rows in lake.keys(table, &wanted).await.expect("readable") {
            let keys: Vec<_> = match table {
                Table::ParkingReadings => {
                    let columns = ParkingColumns::of(&rows).expect("its schema");
                    (0..columns.len()).map(|row| (columns.sensor(row).to_owned(), columns.observed_at(row))).collect()
                }
                _ => {
                    let columns = AirColumns::of(&rows).expect("its schema");
                    (0..columns.len()).map(|row| (columns.sensor(row).to_owned(), columns.observed_at(row))).collect()
                }
            };
            for key in keys {
                assert!(seen.insert(key.clone()), "{key:?} stands twice in {}", table.name());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_and_stops_lose_and_double_nothing_with_a_checkpoint_at_every_commit() {
    rounds(Options { commit_rows: 1, checkpoint_records: 1, ..Options::default() }, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_and_stops_lose_and_double_nothing_with_tables_ahead_of_the_checkpoint() {
    rounds(Options { commit_rows: 10, checkpoint_records: u64::MAX, ..Options::default() }, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_and_stops_lose_and_double_nothing_without_commits_in_between() {
    rounds(Options { dedupe_bytes: 0, ..Options::default() }, 3).await;
}

fn checkpoints(bench: &Bench) -> Vec<PathBuf> {
    let folder = fs::read_dir(bench.dir.path().join("checkpoint")).expect("it was started");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_damaged_newest_checkpoint_costs_a_replay_and_nothing_else() {
    let mut bench = Bench::new(Options::default());
    for round in 0..3 {
        let ingest = bench.start().await;
        ingest.publish((round * 10..round * 10 + 12).map(message).collect()).await;
        ingest.stop().await;
    }
    let files = checkpoints(&bench);
    assert_eq!(files.len(), 2);
    fs::write(&files[1], b"torn").expect("writable");
    let ingest = bench.start().await;
    let ledger = ingest.ledger();
    assert_eq!((ledger.received, ledger.accepted, ledger.duplicate), (36, 32, 4));
    each_once(&ingest, 32).await;
    ingest.stop().await;
}

#[tokio::test]
async fn checkpoints_of_another_journal_are_refused() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    ingest.publish(vec![message(1)]).await;
    ingest.stop().await;
    fs::remove_dir_all(bench.dir.path().join("journal")).expect("writable");
    let refused = bench.try_start().await.err().expect("the journal is gone");
    assert!(matches!(refused, Error::JournalBehind { head: Position(0), .. }), "{refused}");
}
