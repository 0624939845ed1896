//! The pipeline against a storage model: what was accepted, what was kept as a dead letter, and that the ledger adds up.

mod any_order;
mod bench;
mod held;
mod identity;
mod parts;
mod registry;
mod speed;
mod touched;

use domain::{Kind, Reason};

use bench::{Bench, air, bay, counts, rejection};

#[test]
fn a_bad_element_costs_no_good_one_beside_it() {
    let mut bench = Bench::default();
    let broken = rejection(Reason::Malformed);
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1), broken, bay(20, 0)]);
    assert_eq!(bench.ledger(), counts(3, 2, 0, &[(Reason::Malformed, 1)]));
    assert_eq!(bench.ledger_of("bay-1"), bench.ledger());
    assert_eq!(bench.rows.len(), 2);
    assert_eq!(bench.letters.len(), 1);
    assert_eq!((bench.letters[0].element, bench.letters[0].reason), (1, Reason::Malformed));
}

#[test]
fn foreign_messages_and_ticks_stand_outside_the_sum() {
    let mut bench = Bench::default();
    bench.foreign();
    bench.tick(99);
    assert_eq!(bench.ledger(), counts(0, 0, 0, &[]));
    assert_eq!(bench.pipeline.state().ledger.foreign, 1);
    assert_eq!(bench.pipeline.state().position.0, 2);
}

#[test]
fn a_sum_of_refused_messages_counts_each_of_them() {
    let mut bench = Bench::default();
    bench.refused(Reason::TooLarge, 7);
    assert_eq!(bench.ledger(), counts(7, 0, 0, &[(Reason::TooLarge, 7)]));
    assert_eq!(bench.letters.len(), 1);
}

#[test]
fn rows_that_a_table_holds_already_are_not_written_again_and_count_all_the_same() {
    let mut bench = Bench::default();
    bench.committed(lake::table::Table::ParkingReadings, 1);
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1)]);
    bench.message(Kind::Parking, "bay-1", vec![bay(20, 1)]);
    bench.message(Kind::Air, "air-1", vec![air(20, 0, &[("no2", 1.0)])]);
    assert_eq!(bench.ledger(), counts(3, 3, 0, &[]));
    assert_eq!(bench.rows.iter().map(|row| row.position.0).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn the_live_state_shows_the_newest_reading_whatever_the_order() {
    for order in [[10, 20, 30], [30, 20, 10], [20, 30, 10]] {
        let mut bench = Bench::default();
        for seconds in order {
            bench.message(Kind::Parking, "bay-1", vec![bay(seconds, seconds as u8 / 10 % 2)]);
        }
        let live = &bench.pipeline.state().live;
        let (_, last) = live.parking.iter().next().expect("one bay");
        assert_eq!(last.observed_at, bench::second(30));
        assert_eq!(live.version, 3);
    }
}

#[test]
fn an_expired_reading_is_rejected_by_the_day_that_its_table_keeps() {
    let mut bench = Bench::default();
    bench.rules.retention_days[Kind::Parking as usize] = Some(1);
    bench.restart();
    let day = 86_400;
    bench.at(10 * day);
    bench.message(Kind::Parking, "bay-1", vec![bay(9 * day, 1), bay(9 * day - 1, 1)]);
    assert_eq!(bench.ledger(), counts(2, 1, 0, &[(Reason::Expired, 1)]));
}
