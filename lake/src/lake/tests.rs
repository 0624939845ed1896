//! Commits, reopening, other readers and writers.

use super::*;
use crate::fixture::{Fixture, JOURNAL, air, files_below, letter, parking};
use domain::Quantity;

const PARKING: Table = Table::ParkingReadings;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_there_after_reopening_and_a_repeated_one_adds_nothing() {
    let mut lake = Fixture::new().await;
    let rows = parking(1, &[("b", "2026-11-24T10:00:00Z"), ("a", "2026-11-23T10:00:00Z"), ("a", "2026-11-24T09:00:00Z")]);
    lake.commit_parking(3, rows.clone()).await;
    let before = lake.lake.snapshot(PARKING);
    assert_eq!((before.files.len(), before.committed), (2, Position(3)));
    lake.reopen().await;
    assert_eq!(lake.lake.committed(PARKING, JOURNAL).await.expect("known"), Position(3));
    lake.commit_parking(3, rows.clone()).await;
    let after = lake.lake.snapshot(PARKING);
    assert_eq!((after.version, after.committed), (before.version, Position(3)));
    let sorted = |mut files: Vec<crate::snapshot::DataFile>| {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.iter_mut().for_each(|file| file.time_max = None);
        files
    };
    assert_eq!(sorted(after.files.clone()), sorted(before.files.clone()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_in_already_are_left_out_of_a_longer_commit() {
    let lake = Fixture::new().await;
    let rows = parking(1, &[("a", "2026-11-24T10:00:00Z"), ("b", "2026-11-24T10:00:00Z"), ("c", "2026-11-24T10:00:00Z")]);
    lake.commit_parking(2, rows.slice(0, 2)).await;
    lake.commit_parking(9, rows).await;
    let offsets = lake.rows(PARKING).await.into_iter().map(|(_, _, offset)| offset).collect::<Vec<_>>();
    assert_eq!(offsets, [Some(1), Some(2), Some(3)]);
    assert_eq!(lake.lake.snapshot(PARKING).committed, Position(9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolved_dead_letter_is_news_though_its_record_is_old() {
    let lake = Fixture::new().await;
    let letters = Table::DeadLetters;
    lake.lake.commit(letters, JOURNAL, Position(5), vec![letter(4, None)]).await.expect("commits");
    lake.lake.commit(letters, JOURNAL, Position(8), vec![letter(4, Some(8))]).await.expect("commits");
    assert_eq!(lake.rows(letters).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn journals_do_not_share_positions() {
    let lake = Fixture::new().await;
    lake.commit_parking(10, parking(10, &[("a", "2026-11-24T10:00:00Z")])).await;
    let other = JournalId(8);
    assert_eq!(lake.lake.committed(PARKING, other).await.expect("known"), Position::START);
    let rows = vec![parking(1, &[("b", "2026-11-24T10:00:00Z")])];
    lake.lake.commit(PARKING, other, Position(1), rows).await.expect("commits");
    assert_eq!(lake.lake.committed(PARKING, JOURNAL).await.expect("known"), Position(10));
    assert_eq!(lake.rows(PARKING).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_last_commit_is_set_aside_and_its_rows_are_taken_again() {
    for torn in ["", "{\"commitInfo\":{}}\n{\"add\":{\"pa", "first line only"] {
        let mut lake = Fixture::new().await;
        let rows = parking(1, &[("a", "2026-11-24T10:00:00Z"), ("b", "2026-11-24T10:00:00Z")]);
        lake.commit_parking(1, rows.slice(0, 1)).await;
        lake.commit_parking(2, rows.clone()).await;
        let entry = lake.disk(PARKING).join("_delta_log/00000000000000000002.json");
        let whole = std::fs::read_to_string(&entry).expect("the second commit");
        let cut = if torn == "first line only" { whole.lines().next().expect("a line") } else { torn };
        std::fs::write(&entry, cut).expect("writable");
        let reader = Lake::open_read_only(lake.lake.inner.options.clone(), lake.clock.clone()).await.expect("opens");
        assert_eq!(reader.snapshot(PARKING).version, 1, "{torn}");
        lake.reopen().await;
        assert_eq!(lake.lake.committed(PARKING, JOURNAL).await.expect("known"), Position(1), "{torn}");
        lake.commit_parking(2, rows).await;
        assert_eq!(lake.rows(PARKING).await.len(), 2, "{torn}");
        let log = files_below(&lake.disk(PARKING).join("_delta_log"));
        assert!(log.keys().any(|name| name.contains(".json.torn.")), "{torn}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_whose_creation_was_torn_is_created_again() {
    let mut lake = Fixture::new().await;
    let entry = lake.disk(PARKING).join("_delta_log/00000000000000000000.json");
    std::fs::write(&entry, "").expect("writable");
    lake.reopen().await;
    lake.commit_parking(1, parking(1, &[("a", "2026-11-24T10:00:00Z")])).await;
    assert_eq!((lake.rows(PARKING).await.len(), lake.lake.snapshot(PARKING).version), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_in_another_process_follows_and_changes_nothing() {
    let lake = Fixture::new().await;
    let options = lake.lake.inner.options.clone();
    let reader = Lake::open_read_only(options, lake.clock.clone()).await.expect("opens");
    lake.commit_parking(1, parking(1, &[("a", "2026-11-24T10:00:00Z")])).await;
    assert_eq!(reader.snapshot(PARKING).files.len(), 0);
    reader.refresh().await.expect("refreshes");
    assert_eq!(reader.snapshot(PARKING).files.len(), 1);
    let refused = reader.commit(PARKING, JOURNAL, Position(2), Vec::new()).await;
    assert!(matches!(refused, Err(Error::ReadOnly)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_writer_gives_way_and_nothing_is_there_twice() {
    let lake = Fixture::new().await;
    let options = lake.lake.inner.options.clone();
    let second = Lake::open(options, lake.clock.clone()).await.expect("opens");
    let rows = parking(1, &[("a", "2026-11-24T10:00:00Z"), ("b", "2026-11-24T10:00:00Z")]);
    assert_eq!(second.committed(PARKING, JOURNAL).await.expect("known"), Position::START);
    lake.commit_parking(1, rows.slice(0, 1)).await;
    let conflict = second.commit(PARKING, JOURNAL, Position(2), vec![rows.clone()]).await;
    assert!(matches!(conflict, Err(Error::Conflict { .. })));
    second.commit(PARKING, JOURNAL, Position(2), vec![rows]).await.expect("the second try knows");
    lake.lake.refresh().await.expect("refreshes");
    assert_eq!(lake.rows(PARKING).await.len(), 2);
    assert_eq!(lake.lake.snapshot(PARKING).committed, Position(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_of_a_newer_version_is_refused_in_one_sentence() {
    let lake = Fixture::new().await;
    let file = lake.folder.path().join("a/lake/.kerbside-lake.json");
    std::fs::write(file, "{\"format\":2}").expect("writable");
    let refused = Lake::open(lake.lake.inner.options.clone(), lake.clock.clone()).await;
    assert!(matches!(refused, Err(Error::NewerVersion { found: 2, known: 1, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_those_of_the_wanted_sensors_and_days() {
    let lake = Fixture::new().await;
    let names = (0..500).map(|n| format!("bay-{n:04}")).collect::<Vec<_>>();
    let readings =
        names.iter().flat_map(|name| [(name.as_str(), "2026-11-23T10:00:00Z"), (name.as_str(), "2026-11-24T10:00:00Z")]);
    lake.commit_parking(1_000, parking(1, &readings.collect::<Vec<_>>())).await;
    let wanted = [("bay-0007", 24), ("bay-0499", 24), ("bay-0007", 23), ("absent", 24)]
        .map(|(name, day)| (crate::fixture::sensor(name), crate::fixture::at(&format!("2026-11-{day}T00:00:00Z")).utc_day()));
    let found = lake.lake.keys(PARKING, &wanted).await.expect("readable");
    let mut rows = Vec::new();
    for batch in &found {
        let columns = crate::rows::ParkingColumns::of(batch).expect("key columns");
        for row in 0..columns.len() {
            assert!(columns.value(row).is_some() && columns.position(row).is_some());
            rows.push(format!("{} {}", columns.sensor(row), columns.observed_at(row)));
        }
    }
    rows.sort();
    assert_eq!(rows, ["bay-0007 2026-11-23T10:00:00Z", "bay-0007 2026-11-24T10:00:00Z", "bay-0499 2026-11-24T10:00:00Z"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn air_keys_hold_every_quantity() {
    let lake = Fixture::new().await;
    let rows = air(1, "st", "2026-11-24T10:00:00Z", &[(Quantity::Pm25, 35.5), (Quantity::RainMm, 0.0)]);
    lake.lake.commit(Table::AirReadings, JOURNAL, Position(1), vec![rows]).await.expect("commits");
    let day = crate::fixture::at("2026-11-24T00:00:00Z").utc_day();
    let found = lake.lake.keys(Table::AirReadings, &[(crate::fixture::sensor("st"), day)]).await.expect("readable");
    let columns = crate::rows::AirColumns::of(&found[0]).expect("key columns");
    assert_eq!(columns.values(0).get(Quantity::Pm25), Some(35.5));
    assert_eq!(columns.values(0).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_rows_moves_the_position() {
    let lake = Fixture::new().await;
    lake.lake.commit(PARKING, JOURNAL, Position(5), Vec::new()).await.expect("commits");
    let snapshot = lake.lake.snapshot(PARKING);
    assert_eq!((snapshot.committed, snapshot.version, snapshot.files.len()), (Position(5), 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_store_holds_a_lake_as_a_disk_does() {
    let mut lake = Fixture::new().await;
    let options = Options::at("memory:///a/lake");
    lake.lake = Lake::open(options, lake.clock.clone()).await.expect("opens");
    for n in 1..=3 {
        lake.commit_parking(n, parking(n, &[("a", &format!("2026-11-20T10:0{n}:00Z"))])).await;
    }
    let now = crate::fixture::at("2026-11-25T00:00:00Z");
    let done = lake.lake.compact_due(now, Position(3)).await.expect("compacts");
    assert_eq!((done.files_in, done.files_out, done.rows), (3, 1, 3));
    let far = now.plus(std::time::Duration::from_secs(400 * 86_400));
    assert_eq!(lake.lake.vacuum(far).await.expect("vacuums").files, 3);
    assert_eq!(lake.rows(PARKING).await.len(), 3);
    let found = lake.lake.verify(&[(JOURNAL, Position(3))]).await.expect("readable");
    assert_eq!(found.findings, []);
}
