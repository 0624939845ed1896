//! SNAP-1 of the copy: each row is in the lake's part or in the hot part, whatever is committed and read when.

use domain::kind::parking::BayState;
use lake::contract::View;

use super::*;
use crate::tests::fixture::{Fixture, at};

const TABLE: Table = Table::ParkingReadings;

/// A lake that is written to, and the rows of records as steps would bring them.
struct Bench {
    fixture: Fixture,
    copy: HotCopy,
    head: Position,
}

impl Bench {
    async fn new() -> Self {
        let mut fixture = Fixture::new().await;
        fixture.commit(1).await;
        let mut copy = HotCopy::default();
        copy.offer(fixture.lake.snapshot(TABLE));
        copy.adopt(Position(1)).expect("nothing to cut");
        Self { fixture, copy, head: Position(1) }
    }

    /// A step with a row of each record up to `last`.
    fn step(&mut self, last: u64) {
        for position in self.head.0 + 1..=last {
            self.fixture.parking(position, "bay-1", at("2026-11-24T10:00:00Z"), BayState::Vacant);
            let (_, _, rows) = self.fixture.hot.last().expect("just pushed").clone();
            let chunk = HotChunk { first: Position(position), last: Position(position), rows };
            self.copy.push(TABLE, chunk).expect("rows of one table");
        }
        self.head = Position(last);
        self.copy.adopt(self.head).expect("cuts");
    }

    fn rows(&self) -> (u64, u64) {
        let view = self.copy.view(TABLE, self.head).expect("followed");
        let view = View::new(self.head, at("2026-11-24T12:00:00Z"), vec![(TABLE, view)]);
        let view = view.table(TABLE).expect("there");
        (view.lake.files.iter().map(|file| file.rows).sum(), view.hot.iter().map(|chunk| chunk.rows.num_rows() as u64).sum())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_anywhere_in_merged_rows_moves_exactly_the_rows_up_to_it() {
    let mut bench = Bench::new().await;
    bench.step(10);
    assert_eq!(bench.rows(), (0, 9));
    for (upto, moved) in [(4, 3), (5, 4), (9, 8), (10, 9)] {
        let before = bench.rows();
        bench.fixture.commit(upto).await;
        assert_eq!(bench.rows(), before, "nothing moves before the lake was read again");
        bench.copy.offer(bench.fixture.lake.snapshot(TABLE));
        bench.copy.adopt(bench.head).expect("cuts");
        assert_eq!(bench.rows(), (moved, 9 - moved), "up to {upto}");
    }
    assert!(bench.copy.view(TABLE, bench.head).expect("followed").hot.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_that_is_ahead_is_shown_once_the_copy_has_reached_it() {
    let mut bench = Bench::new().await;
    bench.step(4);
    bench.fixture.parking(5, "bay-1", at("2026-11-24T10:00:01Z"), BayState::Occupied);
    bench.fixture.commit(5).await;
    bench.copy.offer(bench.fixture.lake.snapshot(TABLE));
    bench.copy.adopt(bench.head).expect("cuts");
    assert_eq!(bench.rows(), (0, 3), "a row of record 5 is not part of what was true at 4");
    bench.head = Position(5);
    bench.copy.adopt(bench.head).expect("cuts");
    assert_eq!(bench.rows(), (4, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_small_steps_are_few_chunks() {
    let mut bench = Bench::new().await;
    (2..=1_000).for_each(|position| bench.step(position));
    assert_eq!(bench.rows(), (0, 999));
    assert!(bench.copy.view(TABLE, bench.head).expect("followed").hot.len() <= 12);
}
