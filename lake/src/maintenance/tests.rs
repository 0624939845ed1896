//! Compaction, vacuum and retention on real files.

mod erasing;
mod memory;

use arrow::record_batch::RecordBatch;
use domain::limits::{LAKE_LONG_ROW_GROUP_BYTES_MAX, PAYLOAD_BYTES_MAX};
use domain::rng::Rng;
use domain::{Position, Quantity, Reason, Timestamp};
use futures::future::join;

use super::compact::plan;
use crate::fixture::{Fixture, JOURNAL, air, at, files_below, letter, parking};
use crate::rows::{DeadLetter, DeadLetterRows};
use crate::snapshot::{DataFile, TableSnapshot};
use crate::staging::Level;
use crate::table::Table;
use crate::{Error, Lake};

const PARKING: Table = Table::ParkingReadings;

/// Two flushes an hour, from 10:00 to 12:00 of 2026-11-24, each of three bays and both today and yesterday.
async fn filled() -> Fixture {
    let lake = Fixture::new().await;
    for n in 0..4_u64 {
        lake.clock.set(at(&format!("2026-11-24T1{}:{}0:00Z", n / 2, n % 2 * 3)));
        let today = format!("2026-11-24T09:0{n}:00Z");
        let yesterday = format!("2026-11-23T09:0{n}:00Z");
        let readings = ["c", "a", "b"].into_iter().flat_map(|bay| [(bay, today.as_str()), (bay, yesterday.as_str())]);
        lake.commit_parking(n * 6 + 6, parking(n * 6 + 1, &readings.collect::<Vec<_>>())).await;
    }
    lake
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compaction_keeps_every_row_in_order_and_forgets_offsets_up_to_the_checkpoint() {
    let lake = filled().await;
    let before = lake.sorted_rows(PARKING).await;
    let now = at("2026-11-24T12:00:00Z");
    let done = lake.lake.compact_due(now, Position(12)).await.expect("compacts");
    assert_eq!((done.files_in, done.files_out, done.rows, done.put_off), (8, 2, 24, 0));
    let rows = lake.rows(PARKING).await;
    assert_eq!(lake.sorted_rows(PARKING).await, before);
    for file in rows.chunks(12) {
        assert!(file.is_sorted_by_key(|(key, time, _)| (key.clone(), *time)));
        let yesterday = Timestamp::from_micros(file[0].1).utc_day() == at("2026-11-23T00:00:00Z").utc_day();
        let forgotten = file.iter().filter(|(_, _, offset)| offset.is_none()).count();
        assert_eq!(forgotten, if yesterday { 6 } else { 0 });
    }
    let again = lake.lake.compact_due(now, Position(12)).await.expect("compacts");
    assert_eq!(again.files_in, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_go_on_while_compaction_runs() {
    let lake = filled().await;
    lake.clock.set(at("2026-11-24T12:30:00Z"));
    let commits = async {
        for n in 0..20 {
            lake.commit_parking(101 + n, parking(101 + n, &[("d", &format!("2026-11-24T09:{}:00Z", 10 + n))])).await;
        }
    };
    let (done, ()) = join(lake.lake.compact_due(at("2026-11-24T12:00:00Z"), Position(1)), commits).await;
    assert_eq!(done.expect("compacts").put_off, 0);
    assert_eq!(lake.rows(PARKING).await.len(), 44);
    let versions = lake.lake.snapshot(PARKING).version;
    assert_eq!(versions, 4 + 20 + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_file_stays_readable_for_a_day_and_an_orphan_goes() {
    let mut lake = filled().await;
    let orphan = lake.disk(PARKING).join("day=2026-11-24/f-1-orphan.parquet");
    let half = lake.disk(PARKING).join("day=2026-11-24/f-1-x.parquet#123456");
    let written = at("2026-11-26T00:00:00Z");
    for file in [&orphan, &half] {
        std::fs::write(file, "left by a commit that died").expect("writable");
        let since_1970 = std::time::Duration::from_micros(written.as_micros().unsigned_abs());
        let file = std::fs::File::options().write(true).open(file).expect("just written");
        file.set_modified(std::time::UNIX_EPOCH + since_1970).expect("a file of ours");
    }
    let hours = |h: u64| written.plus(std::time::Duration::from_secs(h * 3_600));
    lake.clock.set(hours(2));
    lake.lake.compact_due(hours(2), Position(1)).await.expect("compacts");
    let files = |lake: &Fixture| files_below(&lake.disk(PARKING)).keys().filter(|path| path.starts_with("day=")).count();
    assert_eq!(files(&lake), 8 + 2 + 2);
    lake.lake.vacuum(hours(23)).await.expect("vacuums");
    assert_eq!(files(&lake), 8 + 2 + 2);
    lake.lake.vacuum(hours(25)).await.expect("vacuums");
    assert_eq!(files(&lake), 8 + 2, "the orphan and the half-written file go, what was replaced an hour ago stays");
    lake.lake.vacuum(hours(27)).await.expect("vacuums");
    assert_eq!(files(&lake), 2);
    lake.reopen().await;
    assert_eq!(lake.rows(PARKING).await.len(), 24);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_removes_whole_days_that_its_rule_names_and_nothing_else() {
    let lake = Fixture::with(|options| {
        options.retention_days.insert("parking_readings".to_owned(), 2);
    })
    .await;
    let times = ["2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"];
    lake.commit_parking(3, parking(1, &times.map(|time| ("a", time)))).await;
    let rows = air(1, "st", "2020-01-01T00:00:00Z", &[(Quantity::Pm25, 1.0)]);
    lake.lake.commit(Table::AirReadings, JOURNAL, Position(1), vec![rows]).await.expect("commits");
    assert_eq!(lake.lake.expire(at("2026-11-23T23:59:59Z")).await.expect("expires").rows, 0);
    let done = lake.lake.expire(at("2026-11-24T23:59:59Z")).await.expect("expires");
    assert_eq!((done.rows, done.files), (1, 1));
    assert_eq!(lake.lake.first_kept_day(PARKING, at("2026-11-24T00:00:00Z")), Some(at("2026-11-22T00:00:00Z").utc_day()));
    assert_eq!(lake.rows(PARKING).await.len(), 2);
    assert_eq!(lake.rows(Table::AirReadings).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_dead_letters_rows_the_one_resolved_last_stays() {
    let lake = Fixture::new().await;
    let letters = Table::DeadLetters;
    lake.clock.set(at("2026-11-24T10:00:00Z"));
    for (upto, row) in [(4, letter(4, None)), (5, letter(5, None)), (8, letter(4, Some(8))), (9, letter(4, Some(9)))] {
        lake.lake.commit(letters, JOURNAL, Position(upto), vec![row]).await.expect("commits");
    }
    lake.lake.compact_due(at("2026-11-24T11:00:00Z"), Position(9)).await.expect("compacts");
    let batches = lake.batches(letters).await;
    let resolved = batches[0].column_by_name("resolved_offset").expect("in the schema");
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(format!("{resolved:?}").matches("9,").count(), 1);
    let offsets = lake.rows(letters).await.into_iter().map(|(_, _, offset)| offset).collect::<Vec<_>>();
    assert_eq!(offsets, [Some(4), Some(5)], "a dead letter is named by its offset for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_carries_files_and_positions() {
    let mut lake = Fixture::with(|options| options.checkpoint_commits = 3).await;
    for n in 1..=3 {
        lake.commit_parking(n, parking(n, &[("a", &format!("2026-11-24T09:0{n}:00Z"))])).await;
    }
    assert_eq!(lake.lake.checkpoint_logs(lake.clock_now()).await.expect("writes"), 1);
    let log = lake.disk(PARKING).join("_delta_log");
    for n in 0..3 {
        std::fs::remove_file(log.join(format!("{n:020}.json"))).expect("an entry that the checkpoint covers");
    }
    lake.reopen().await;
    assert_eq!(lake.lake.committed(PARKING, JOURNAL).await.expect("known"), Position(3));
    assert_eq!(lake.rows(PARKING).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_maintains() {
    let lake = Fixture::new().await;
    lake.lake.compact_due(lake.clock_now(), Position(0)).await.expect("takes the lease");
    let options = lake.lake.inner.options.clone();
    let second = Lake::open(options, lake.clock.clone()).await.expect("opens");
    assert!(matches!(second.compact_due(lake.clock_now(), Position(0)).await, Err(Error::Busy)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_compacts_is_taken_in_by_the_next_commit() {
    let lake = filled().await;
    let second = Lake::open(lake.lake.inner.options.clone(), lake.clock.clone()).await.expect("opens");
    second.compact_due(at("2026-11-24T12:00:00Z"), Position(1)).await.expect("compacts");
    lake.clock.set(at("2026-11-24T12:00:00Z"));
    lake.commit_parking(25, parking(25, &[("d", "2026-11-24T09:00:00Z")])).await;
    assert_eq!(lake.lake.snapshot(PARKING).files.len(), 3);
    assert_eq!(lake.rows(PARKING).await.len(), 25);
}

#[test]
fn late_files_of_a_merged_day_wait_until_they_are_worth_it() {
    let file = |name: &str, at_hour: u64, bytes: u64| DataFile {
        path: format!(
            "day=2026-11-20/{name}-{}-0.parquet",
            at("2026-11-21T00:00:00Z").as_micros() / 1_000 + at_hour as i64 * 3_600_000
        ),
        bytes,
        rows: 1,
        day: at("2026-11-20T00:00:00Z").utc_day(),
        key_min: None,
        key_max: None,
        time_min: None,
        time_max: None,
        hash: None,
    };
    let jobs = |files: Vec<DataFile>, now: &str| {
        let snapshot = TableSnapshot { table: PARKING, version: 0, committed: Position(0), files };
        plan(&snapshot, at(now), 3_600).into_iter().map(|job| (job.inputs.len(), job.level)).collect::<Vec<_>>()
    };
    let merged = file("d", 1, 8_000);
    assert_eq!(jobs(vec![merged.clone(), file("f", 2, 100)], "2026-11-21T04:00:00Z"), []);
    assert_eq!(jobs(vec![merged.clone(), file("f", 2, 1), file("f", 2, 1)], "2026-11-21T04:00:00Z"), [(2, Level::Hour)]);
    assert_eq!(jobs(vec![merged.clone(), file("f", 2, 1_000)], "2026-11-21T04:00:00Z"), [(2, Level::Day)]);
    assert_eq!(jobs(vec![merged.clone(), file("f", 2, 1)], "2026-11-22T02:00:00Z"), [(2, Level::Day)]);
    assert_eq!(jobs(vec![file("f", 0, 1)], "2026-11-21T00:59:00Z"), []);
    assert_eq!(jobs(vec![merged], "2026-11-29T00:00:00Z"), []);
}

/// `count` dead letters of a quarter megabyte each, which no compression makes smaller.
fn long_letters(first: u64, count: u64, chance: &mut Rng) -> RecordBatch {
    let mut rows = DeadLetterRows::default();
    for position in first..first + count {
        let payload: Vec<u8> = (0..PAYLOAD_BYTES_MAX / 8).flat_map(|_| chance.next_u64().to_le_bytes()).collect();
        rows.push(&DeadLetter {
            received_at: at("2026-11-24T10:00:00Z"),
            topic: "kerbside/v1/parking/x",
            payload: &payload,
            reason: Reason::Malformed,
            detail: "",
            sensor: Some("x"),
            client: None,
            length: None,
            hash: None,
            element: 0,
            position: Position(position),
            resolved: None,
        });
    }
    rows.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_long_payloads_are_merged_a_few_rows_at_a_time() {
    let (lake, mut chance) = (Fixture::new().await, Rng::from_seed(5));
    let letters = Table::DeadLetters;
    lake.clock.set(at("2026-11-24T10:00:00Z"));
    for first in [1, 61, 121] {
        let rows = long_letters(first, 60, &mut chance);
        lake.lake.commit(letters, JOURNAL, Position(first + 59), vec![rows]).await.expect("commits");
    }
    let done = lake.lake.compact_due(at("2026-11-24T12:00:00Z"), Position(180)).await.expect("compacts");
    assert_eq!((done.files_in, done.files_out, done.rows, done.put_off), (3, 1, 180, 0));
    let offsets: Vec<_> = lake.rows(letters).await.into_iter().filter_map(|(_, _, offset)| offset).collect();
    assert_eq!(offsets, (1..=180).collect::<Vec<_>>());
    let file = &lake.lake.snapshot(letters).files[0];
    let opened = lake.lake.inner.footers.open(&lake.lake.object_store(), &lake.lake.table_root(letters), file).await;
    let groups = opened.expect("opens").metadata().row_groups().to_vec();
    let most = groups.iter().map(|group| group.compressed_size() as usize).max().expect("groups");
    assert!(most <= LAKE_LONG_ROW_GROUP_BYTES_MAX + 2 * PAYLOAD_BYTES_MAX, "{most} bytes in a row group");
}
