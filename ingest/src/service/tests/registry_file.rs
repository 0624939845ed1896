//! The registry's file is a cache: whatever becomes of it, the next start has the registry as it was.

use std::fs;
use std::path::{Path, PathBuf};

use domain::Timestamp;
use lake::contract::{Intake as _, Live as _};
use lake::table::Table;

use super::bench::{Bench, Running, parking};
use crate::options::Options;

fn bay(id: &str, name: &str) -> String {
    format!(
        r#"{{"type":"FeatureCollection","features":[
  {{"type":"Feature","geometry":{{"type":"LineString","coordinates":[[105.8,21.0],[105.81,21.0]]}},
   "properties":{{"kind":"site","id":"street-1","site_kind":"street","name":"{name}"}}}},
  {{"type":"Feature","geometry":{{"type":"Point","coordinates":[105.8,21.0]}},
   "properties":{{"kind":"bay","id":"{id}","site":"street-1"}}}}]}}"#
    )
}

async fn edit(ingest: &Running, number: usize) {
    let features = bay(&format!("bay-{number}"), &format!("name {number}"));
    let edit = ingest.handle.edit_registry("anna", features.into(), false).await.expect("taken");
    assert!(edit.position.is_some());
}

/// Three edits, each changing the site and adding a bay, and a reading beside each.
async fn three_edits(ingest: &Running) {
    for number in 0..3 {
        edit(ingest, number).await;
        ingest.publish(vec![parking("bay-0", 10 + number as i64, "vacant")]).await;
    }
}

async fn exported(ingest: &Running) -> String {
    String::from_utf8(ingest.handle.export_registry(None).await.expect("exported").to_vec()).expect("GeoJSON is UTF-8")
}

fn file(bench: &Bench) -> PathBuf {
    bench.dir.path().join("registry.sqlite")
}

/// Starts, compares with what was there before, edits once more and starts again.
async fn goes_on(bench: &mut Bench, before: &str) {
    let ingest = bench.start().await;
    assert_eq!(exported(&ingest).await, before);
    assert_eq!(ingest.ledger().accepted, 3);
    edit(&ingest, 3).await;
    let after = exported(&ingest).await;
    ingest.stop().await;
    let ingest = bench.start().await;
    assert_eq!(exported(&ingest).await, after);
    assert_eq!(ingest.handle.registry().layout(Timestamp::from_micros(i64::MAX / 2)).bays.len(), 4);
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

async fn stopped() -> (Bench, String) {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    three_edits(&ingest).await;
    let before = exported(&ingest).await;
    ingest.stop().await;
    (bench, before)
}

#[tokio::test]
async fn a_missing_file_is_built_again_from_the_lake() {
    let (mut bench, before) = stopped().await;
    fs::remove_file(file(&bench)).expect("it was there");
    goes_on(&mut bench, &before).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_set_aside_and_built_again() {
    let (mut bench, before) = stopped().await;
    fs::write(file(&bench), "not a database at all, but longer than the header of one would be: ".repeat(20)).expect("writable");
    goes_on(&mut bench, &before).await;
    assert!(Path::new(&format!("{}.damaged", file(&bench).display())).exists());
}

#[tokio::test]
async fn a_file_that_lost_its_end_is_built_again() {
    let (mut bench, before) = stopped().await;
    let bytes = fs::read(file(&bench)).expect("it was there");
    fs::write(file(&bench), &bytes[..bytes.len() / 2]).expect("writable");
    goes_on(&mut bench, &before).await;
}

#[tokio::test]
async fn an_empty_file_is_filled_from_the_lake() {
    let (mut bench, before) = stopped().await;
    fs::write(file(&bench), "").expect("writable");
    goes_on(&mut bench, &before).await;
}

#[tokio::test]
async fn a_copy_from_before_the_last_edits_is_built_again() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    ingest.stop().await;
    let copy = fs::read(file(&bench)).expect("it was written");
    let ingest = bench.start().await;
    three_edits(&ingest).await;
    let before = exported(&ingest).await;
    ingest.stop().await;
    fs::write(file(&bench), copy).expect("writable");
    goes_on(&mut bench, &before).await;
}

#[tokio::test]
async fn edits_after_the_checkpoint_come_from_the_journal_whether_the_lake_has_them_or_not() {
    for commit_rows in [1, usize::MAX] {
        let mut bench = Bench::new(Options { commit_rows, checkpoint_records: u64::MAX, ..Options::default() });
        let ingest = bench.start().await;
        edit(&ingest, 9).await;
        ingest.stop().await;
        let ingest = bench.start().await;
        three_edits(&ingest).await;
        if commit_rows == 1 {
            while ingest.handle.lake().snapshot(Table::Registry).files.len() < 3 {
                tokio::task::yield_now().await;
            }
        }
        let before = exported(&ingest).await;
        ingest.kill().await;
        fs::remove_file(file(&bench)).expect("it was there");
        let ingest = bench.start().await;
        assert_eq!(exported(&ingest).await, before);
        assert_eq!(ingest.ledger().accepted, 3);
        ingest.stop().await;
        let ingest = bench.start().await;
        assert_eq!(exported(&ingest).await, before);
        ingest.stop().await;
        assert_eq!(bench.broken_promises().await, Vec::<String>::new());
    }
}
