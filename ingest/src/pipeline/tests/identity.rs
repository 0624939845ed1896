//! ONE-1: the same reading again changes nothing; another value under its identity is a conflict.

use domain::{Kind, Reason};

use super::bench::{Bench, air, air_refusing, bay, counter, counts};
use crate::pipeline::{LetterId, PART};

#[test]
fn a_repetition_is_a_duplicate_at_the_mark_below_it_and_after_a_restart() {
    let mut bench = Bench::default();
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1)]);
    bench.message(Kind::Parking, "bay-1", vec![bay(20, 0)]);
    bench.message(Kind::Parking, "bay-1", vec![bay(20, 0)]);
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1)]);
    bench.restart();
    bench.message(Kind::Parking, "bay-1", vec![bay(20, 0), bay(10, 1)]);
    assert_eq!(bench.ledger(), counts(6, 2, 4, &[]));
    assert_eq!(bench.rows.len(), 2);
}

#[test]
fn another_value_is_a_conflict_and_the_first_stays() {
    let mut bench = Bench::default();
    bench.message(Kind::Parking, "lot", vec![counter(10, 5, None)]);
    bench.message(Kind::Parking, "lot", vec![counter(20, 5, Some(9))]);
    bench.message(Kind::Parking, "lot", vec![counter(20, 5, Some(8))]);
    bench.message(Kind::Parking, "lot", vec![counter(10, 6, None)]);
    bench.message(Kind::Parking, "lot", vec![counter(10, 5, None)]);
    assert_eq!(bench.ledger(), counts(5, 2, 1, &[(Reason::Conflict, 2)]));
    assert_eq!(bench.letters.len(), 2);
}

#[test]
fn a_late_reading_of_a_day_without_others_is_new() {
    let mut bench = Bench::default();
    bench.message(Kind::Parking, "bay-1", vec![bay(200_000, 1)]);
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1), bay(10, 1), bay(11, 0)]);
    assert_eq!(bench.ledger(), counts(4, 3, 1, &[]));
}

#[test]
fn messages_with_disjoint_quantities_of_one_time_are_both_accepted() {
    let mut bench = Bench::default();
    bench.message(Kind::Air, "air-1", vec![air(10, 0, &[("no2", 1.0)])]);
    bench.message(Kind::Air, "air-1", vec![air(10, 0, &[("o3", 2.0)])]);
    bench.message(Kind::Air, "air-1", vec![air(10, 60, &[("o3", 2.5)])]);
    assert_eq!(bench.ledger(), counts(3, 3, 0, &[]));
    assert_eq!((bench.readings, bench.rows.len()), (3, 3));
}

#[test]
fn more_values_under_one_instant_than_are_kept_at_hand_are_known_all_the_same() {
    let lengths = 200;
    for in_one_step in [true, false] {
        let mut bench = Bench::default();
        let value = |avg_s: u32| air(10, avg_s, &[("no2", f64::from(avg_s)), ("o3", 1.0)]);
        if in_one_step {
            bench.message(Kind::Air, "air-1", (0..lengths).chain(0..lengths).map(value).collect());
        } else {
            (0..lengths).chain(0..lengths).for_each(|avg_s| bench.message(Kind::Air, "air-1", vec![value(avg_s)]));
        }
        bench.restart();
        bench.message(Kind::Air, "air-1", vec![value(3), value(150), air(10, 150, &[("no2", 7.0)])]);
        assert_eq!(bench.ledger(), counts(403, 200, 202, &[(Reason::Conflict, 1)]));
        let track = bench.pipeline.state().sensors.get(0).tracks[Kind::Air as usize].as_ref().expect("heard of");
        assert_eq!(track.at_mark.len(), domain::limits::AT_MARK_MAX);
    }
}

#[test]
fn an_air_element_counts_once_whatever_its_quantities_come_to() {
    let mut bench = Bench::default();
    bench.message(Kind::Air, "air-1", vec![air(10, 0, &[("no2", 1.0), ("o3", 2.0)])]);
    // new beside a duplicate: accepted, and only the new quantity is a row
    bench.message(Kind::Air, "air-1", vec![air(10, 0, &[("no2", 1.0), ("pm10", 3.0)])]);
    // new beside a conflict: accepted in part
    bench.message(Kind::Air, "air-1", vec![air(10, 0, &[("no2", 9.0), ("pm25", 4.0)])]);
    // a duplicate beside a conflict: conflict
    bench.message(Kind::Air, "air-1", vec![air(10, 0, &[("no2", 9.0), ("o3", 2.0)])]);
    // duplicates beside a refused one: the refusal's reason
    bench.message(Kind::Air, "air-1", vec![air_refusing(10, 0, &[("o3", 2.0)], &[("so2", Reason::BadUnit)])]);
    bench.message(Kind::Air, "air-1", vec![air(10, 0, &[("o3", 2.0), ("pm25", 4.0)])]);
    let mut expected = counts(6, 3, 1, &[(Reason::Conflict, 1), (Reason::BadUnit, 1)]);
    expected.partial = 1;
    assert_eq!(bench.ledger(), expected);
    assert_eq!((bench.readings, bench.rows.len()), (3, 4));
    let letters: Vec<_> = bench.letters.iter().map(|letter| (letter.position.0, letter.element, letter.reason)).collect();
    assert_eq!(letters, [(3, PART, Reason::Conflict), (4, 0, Reason::Conflict), (5, 0, Reason::BadUnit)]);
    assert_eq!(bench.letters[0].detail, "no2: 9 was sent, 1 stands");
}

#[test]
fn the_rest_of_an_element_taken_again_changes_partial_and_nothing_else() {
    let mut bench = Bench::default();
    bench.message(Kind::Air, "air-1", vec![air_refusing(10, 0, &[("no2", 1.0)], &[("o3", Reason::BadUnit)])]);
    let id = LetterId { of: bench.letters[0].position, element: bench.letters[0].element };
    bench.again(id, Reason::BadUnit, Kind::Air, "air-1", air(10, 0, &[("no2", 1.0), ("o3", 2.0)]));
    assert_eq!(bench.ledger(), counts(1, 1, 0, &[]));
    assert_eq!((bench.readings, bench.rows.len()), (2, 2));
}

#[test]
fn a_dead_letter_taken_again_moves_from_rejected_once() {
    let mut bench = Bench::default();
    bench.message(Kind::Parking, "bay-1", vec![super::rejection(Reason::Malformed)]);
    let id = LetterId { of: bench.letters[0].position, element: bench.letters[0].element };
    for _ in 0..2 {
        bench.again(id, Reason::Malformed, Kind::Parking, "bay-1", bay(10, 1));
        assert_eq!(bench.ledger(), counts(1, 1, 0, &[]));
        assert_eq!(bench.ledger_of("bay-1"), bench.ledger());
        bench.restart();
    }
    assert_eq!(bench.letters.len(), 2);
    assert_eq!((bench.letters[1].position, bench.letters[1].resolved), (id.of, Some(domain::Position(2))));
}
