//! Rows that go on request: out of the tables, off the disk, out of the log.

use domain::{Erasure, Position, SensorId};

use super::{PARKING, filled};
use crate::Lake;
use crate::fixture::{Fixture, JOURNAL, at, files_below, letter};
use crate::table::Table;

fn erasure(sensor: &str, from: &str, to: &str) -> Erasure {
    Erasure { sensor: SensorId::new(sensor).expect("valid"), from: at(from), to: at(to) }
}

async fn erase(lake: &Fixture, erasure: &Erasure) -> (usize, usize) {
    let now = lake.clock_now();
    let survey = lake.lake.survey(erasure).await.expect("readable");
    lake.lake.erase(erasure, &survey, now).await.expect("erases");
    lake.lake.scrub(erasure, now).await.expect("scrubs");
    (survey.readings.len(), survey.letters.len())
}

fn data_files(lake: &Fixture, table: Table) -> usize {
    files_below(&lake.disk(table)).keys().filter(|name| name.ends_with(".parquet") && name.starts_with("day=")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_the_sensor_and_period_go_and_no_file_or_entry_of_before_is_left() {
    let mut lake = filled().await;
    lake.lake.compact_due(at("2026-11-24T12:00:00Z"), Position(12)).await.expect("compacts");
    let before = lake.sorted_rows(PARKING).await;
    let day = erasure("b", "2026-11-23T09:01:00Z", "2026-11-24T09:02:00Z");
    let stays = |(name, micros): &(String, i64)| name != "b" || !day.covers(domain::Timestamp::from_micros(*micros));
    let expected: Vec<_> = before.iter().filter(|row| stays(row)).cloned().collect();
    assert_eq!(before.len() - expected.len(), 5);
    assert_eq!(erase(&lake, &day).await, (5, 0));
    for opened_again in [false, true] {
        if opened_again {
            lake.reopen().await;
        }
        assert_eq!(lake.sorted_rows(PARKING).await, expected);
        assert_eq!(lake.lake.committed(PARKING, JOURNAL).await.expect("known"), Position(24));
    }
    let live = lake.lake.snapshot(PARKING);
    assert_eq!(data_files(&lake, PARKING), live.files.len());
    let log = files_below(&lake.disk(PARKING).join("_delta_log"));
    let version = format!("{:020}", live.version);
    assert!(log.keys().all(|name| name.starts_with(&version) || name.starts_with('_')), "{log:?}");
    assert_eq!(lake.lake.verify(&[(JOURNAL, Position(24))]).await.expect("readable").findings, []);
    assert_eq!(erase(&lake, &day).await, (0, 0), "again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_other_days_stay_readable_for_who_has_an_older_version() {
    let lake = filled().await;
    lake.lake.compact_due(at("2026-11-24T12:00:00Z"), Position(12)).await.expect("compacts");
    let (live, all) = (lake.lake.snapshot(PARKING).files.len(), data_files(&lake, PARKING));
    erase(&lake, &erasure("b", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")).await;
    let of_today = (all - live) / 2;
    assert_eq!(data_files(&lake, PARKING), lake.lake.snapshot(PARKING).files.len() + of_today);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_nothing_else_goes_without_another_in_its_place_and_a_second_try_ends_what_the_first_began() {
    let lake = Fixture::new().await;
    lake.lake.commit(Table::DeadLetters, JOURNAL, Position(2), vec![letter(1, None), letter(2, None)]).await.expect("commits");
    lake.lake.commit(Table::DeadLetters, JOURNAL, Position(3), vec![letter(1, Some(3))]).await.expect("commits");
    let hour = erasure("x", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z");
    let survey = lake.lake.survey(&hour).await.expect("readable");
    assert_eq!((survey.letters.len(), survey.standing().map(|name| name.of).collect::<Vec<_>>()), (2, vec![Position(2)]));
    lake.lake.erase(&hour, &survey, lake.clock_now()).await.expect("erases");
    assert_eq!((data_files(&lake, Table::DeadLetters), lake.lake.snapshot(Table::DeadLetters).files.len()), (2, 0));
    assert_eq!(erase(&lake, &hour).await, (0, 0));
    assert_eq!(data_files(&lake, Table::DeadLetters), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_goes_on_after_an_erasure() {
    let lake = filled().await;
    let day = erasure("b", "2026-11-23T00:00:00Z", "2026-11-25T00:00:00Z");
    assert_eq!(erase(&lake, &day).await, (8, 0));
    lake.commit_parking(25, crate::fixture::parking(25, &[("d", "2026-11-24T10:00:00Z")])).await;
    let reader = Lake::open_read_only(lake.lake.inner.options.clone(), lake.clock.clone()).await.expect("opens");
    assert_eq!(reader.snapshot(PARKING).files.iter().map(|file| file.rows).sum::<u64>(), 17);
    lake.lake.vacuum(lake.clock_now()).await.expect("vacuums");
}
