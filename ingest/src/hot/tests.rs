//! SNAP-1 of the hot rows: every row is in the lake's part or in the hot part of a view, never in both.

use domain::kind::parking::{BayState, Parking, ParkingValue};
use domain::reading::Transport;
use domain::{Flags, Reason, SensorId};
use lake::rows::{DeadLetter, DeadLetterRows, ParkingRows};

use super::*;

const TABLE: Table = Table::ParkingReadings;

fn rows(position: u64, count: usize) -> RecordBatch {
    let mut rows = ParkingRows::default();
    let sensor = SensorId::new("bay-1").expect("valid");
    let parking = Parking { value: ParkingValue::Bay(BayState::Vacant), temp_c: None };
    for _ in 0..count {
        let at = Timestamp::from_micros(1);
        rows.push(&sensor, at, at, &parking, &Transport::default(), Flags::NONE, Position(position));
    }
    rows.finish()
}

fn push(hot: &mut Hot, position: u64, count: usize) {
    hot.push(Position(position), Position(position), Timestamp::UNIX_EPOCH, [(TABLE, rows(position, count))]);
}

fn fresh() -> Hot {
    Hot::new(Position::START, Timestamp::UNIX_EPOCH, |_| Position::START)
}

fn after(hot: &Hot, committed: u64) -> usize {
    hot.after(TABLE, Position(committed)).iter().map(|chunk| chunk.rows.num_rows()).sum()
}

#[test]
fn small_chunks_are_merged_and_no_row_is_lost() {
    let mut hot = fresh();
    (1..=1_000).for_each(|position| push(&mut hot, position, 1));
    assert_eq!((hot.all().rows, after(&hot, 0)), (1_000, 1_000));
    assert!(hot.after(TABLE, Position::START).len() <= 12);
}

/// A dead letter with a payload of so many bytes.
fn letter(position: u64, bytes: usize) -> RecordBatch {
    let mut rows = DeadLetterRows::default();
    rows.push(&DeadLetter {
        received_at: Timestamp::UNIX_EPOCH,
        topic: "kerbside/v1/parking/bay-1",
        payload: &vec![0; bytes],
        reason: Reason::Malformed,
        detail: "",
        sensor: None,
        client: None,
        length: None,
        hash: None,
        element: 0,
        position: Position(position),
        resolved: None,
    });
    rows.finish()
}

#[test]
fn chunks_of_long_rows_stay_far_below_what_a_columns_offsets_reach() {
    let mut hot = fresh();
    let table = Table::DeadLetters;
    for position in 1..=100 {
        hot.push(Position(position), Position(position), Timestamp::UNIX_EPOCH, [(table, letter(position, 1024 * 1024))]);
    }
    let chunks = hot.after(table, Position::START);
    assert_eq!(chunks.iter().map(|chunk| chunk.rows.num_rows()).sum::<usize>(), 100);
    assert!(chunks.iter().all(|chunk| chunk.rows.get_array_memory_size() <= HOT_CHUNK_BYTES_MAX));
    assert_eq!(hot.all().bytes, chunks.iter().map(|chunk| chunk.rows.get_array_memory_size()).sum::<usize>());
    assert!(hot.uncommitted().reaches(Load { rows: usize::MAX, bytes: 100 * 1024 * 1024 }));
    hot.seal();
    hot.committed(table, Position(100), Duration::ZERO);
    hot.forget_committed();
    assert_eq!((hot.all(), hot.uncommitted()), (Load::default(), Load::default()));
}

#[test]
fn a_commit_takes_exactly_the_rows_up_to_its_cut() {
    let mut hot = fresh();
    (1..=5).for_each(|position| push(&mut hot, position, 2));
    let jobs = hot.seal();
    (6..=8).for_each(|position| push(&mut hot, position, 2));
    assert_eq!(jobs.iter().flat_map(|(_, rows)| rows).map(RecordBatch::num_rows).sum::<usize>(), 10);
    // before the commit is known the lake may hold it already
    assert_eq!((after(&hot, 0), after(&hot, 5)), (16, 6));
    hot.committed(TABLE, Position(5), Duration::ZERO);
    assert_eq!((hot.all().rows, hot.uncommitted().rows, after(&hot, 5)), (16, 6, 6));
    let jobs = hot.seal();
    assert_eq!(jobs[0].1.iter().map(RecordBatch::num_rows).sum::<usize>(), 6);
}

#[test]
fn committed_rows_stay_for_a_minute() {
    let mut hot = fresh();
    push(&mut hot, 1, 3);
    hot.seal();
    hot.committed(TABLE, Position(1), Duration::from_secs(10));
    hot.forget(Duration::from_secs(69));
    assert_eq!(hot.all().rows, 3);
    hot.forget(Duration::from_secs(70));
    assert_eq!(hot.all().rows, 0);
}

#[test]
fn at_the_limit_only_committed_rows_are_dropped() {
    let mut hot = fresh();
    push(&mut hot, 1, 3);
    hot.seal();
    push(&mut hot, 2, 4);
    hot.committed(TABLE, Position(1), Duration::ZERO);
    hot.forget_committed();
    assert_eq!((hot.all().rows, after(&hot, 1)), (4, 4));
}

#[test]
fn a_replayed_run_that_begins_before_the_committed_position_is_after_it() {
    let mut hot = Hot::new(Position::START, Timestamp::UNIX_EPOCH, |_| Position(5));
    hot.push(Position(1), Position(8), Timestamp::UNIX_EPOCH, [(TABLE, rows(7, 2))]);
    assert_eq!(after(&hot, 5), 2);
}
