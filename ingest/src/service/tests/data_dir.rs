//! A data directory that is moved goes on as before; one whose parts do not belong together says what to do.

use std::fs;
use std::path::Path;

use domain::{JournalId, Position};
use lake::contract::{Intake as _, Live as _};
use lake::table::Table;

use super::bench::{Bench, ONE_BAY, parking, second};
use crate::error::Error;
use crate::options::Options;

async fn some() -> Bench {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    ingest.handle.edit_registry("anna", ONE_BAY.into(), false).await.expect("taken");
    ingest.publish(vec![parking("bay-1", 10, "vacant"), parking("bay-1", 20, "occupied")]).await;
    ingest.stop().await;
    bench
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("writable")),
        }
    }
}

#[tokio::test]
async fn a_data_directory_that_is_copied_elsewhere_goes_on_as_before() {
    let mut bench = some().await;
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    copy(bench.dir.path(), elsewhere.path());
    bench.dir = elsewhere;
    let ingest = bench.start().await;
    assert_eq!(ingest.handle.registry().layout(second(10)).bays.len(), 1);
    ingest.publish(vec![parking("bay-1", 10, "vacant"), parking("bay-1", 30, "vacant")]).await;
    assert_eq!((ingest.ledger().accepted, ingest.ledger().duplicate), (3, 1));
    assert_eq!(ingest.rows(Table::ParkingReadings).await, 3);
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

/// As an operator finds it when the journal's disk was not mounted: the start made a new journal beside the old lake.
#[tokio::test]
async fn a_lake_without_its_journal_is_refused_until_the_journal_is_put_back() {
    let mut bench = some().await;
    let (journal, kept) = (bench.dir.path().join("journal"), bench.dir.path().join("kept"));
    fs::rename(&journal, &kept).expect("writable");
    bench.fresh_id = JournalId(8);
    let refused = bench.try_start().await.err().expect("another journal");
    assert!(matches!(refused, Error::OtherLake(Table::ParkingReadings)));
    let sentence = "the lake's table parking_readings holds rows, and none of them came from the journal in the data directory: \
        put back the whole folder journal that belongs to this lake in place of the present one, or begin anew with an empty data \
        directory and another lake";
    assert_eq!(refused.to_string(), sentence);
    bench.released().await;
    fs::remove_dir_all(&journal).expect("writable");
    fs::rename(&kept, &journal).expect("writable");
    let ingest = bench.start().await;
    assert_eq!((ingest.ledger().accepted, ingest.journal.head()), (2, Position(3)));
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_checkpoint_without_its_journal_is_refused_before_anything_is_taken() {
    let mut bench = some().await;
    for folder in ["journal", "lake"] {
        fs::remove_dir_all(bench.dir.path().join(folder)).expect("writable");
    }
    bench.fresh_id = JournalId(8);
    let refused = bench.try_start().await.err().expect("another journal");
    assert!(matches!(refused, Error::OtherJournal), "{refused}");
}
