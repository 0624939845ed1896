//! A registry edit in parts: its last part commits it, and whatever stands between the parts or comes instead of one, nothing else does.

use bytes::Bytes;
use domain::record::{Place, RegistryPart};
use domain::registry::Verdict;
use domain::{Kind, Position};
use lake::table::Table;

use super::bench::{Bench, bay};
use super::registry::ONE_BAY;

/// An edit cut by hand, far below the size at which the handle would.
struct Cut {
    shares: Vec<Bytes>,
    length: u64,
}

impl Cut {
    fn of(features: &str, parts: usize) -> Self {
        let frame = Bytes::from(zstd::stream::encode_all(features.as_bytes(), 1).expect("compresses"));
        let size = frame.len().div_ceil(parts);
        let shares = (0..parts).map(|part| frame.slice(part * size..frame.len().min((part + 1) * size))).collect();
        Self { shares, length: features.len() as u64 }
    }

    fn first(&self) -> RegistryPart {
        let place = Place::First { author: "anna".into(), parts: self.shares.len() as u32, length: self.length };
        RegistryPart { place, share: self.shares[0].clone() }
    }

    fn next(&self, first: Position, number: usize) -> RegistryPart {
        RegistryPart { place: Place::Next { first, number: number as u32 }, share: self.shares[number].clone() }
    }
}

fn bays(bench: &Bench) -> usize {
    bench.pipeline.registry().bays.iter().count()
}

#[test]
fn the_last_part_commits_the_edit_with_other_records_and_restarts_between_the_parts() {
    for restarts in [false, true] {
        let cut = Cut::of(ONE_BAY, 4);
        let mut bench = Bench::default();
        let first = bench.part(cut.first());
        for number in 1..4 {
            if restarts {
                bench.restart();
            }
            assert!(bench.pipeline.state().edits.is_open() && bays(&bench) == 0 && bench.edits.is_empty());
            bench.message(Kind::Parking, "bay-1", vec![bay(10 + number as i64, 1)]);
            bench.part(cut.next(first, number));
        }
        assert_eq!((bays(&bench), bench.versions, bench.edits.len()), (1, 2, 1));
        let edit = &bench.edits[0];
        assert_eq!((edit.position, edit.author.as_str(), edit.taken), (Position(7), "anna", true));
        assert_eq!(bench.pipeline.state().edits.newest, Position(7));
        assert!(!bench.pipeline.state().edits.is_open());
    }
}

#[test]
fn an_edit_in_one_part_is_whole_at_once() {
    let mut bench = Bench::default();
    bench.part(Cut::of(ONE_BAY, 1).first());
    assert_eq!((bays(&bench), bench.edits.len()), (1, 1));
}

#[test]
fn an_edit_whose_last_part_never_came_has_no_effect_and_the_next_one_takes_its_place() {
    let cut = Cut::of(ONE_BAY, 3);
    let mut bench = Bench::default();
    let given_up = bench.part(cut.first());
    bench.part(cut.next(given_up, 1));
    let first = bench.part(cut.first());
    assert_eq!(bays(&bench), 0);
    // Its former author is not believed any more.
    bench.part(cut.next(given_up, 2));
    assert_eq!((bays(&bench), bench.edits[0].taken), (0, false));
    bench.part(cut.next(first, 1));
    bench.part(cut.next(first, 2));
    assert_eq!((bays(&bench), bench.edits[1].taken), (1, true));
}

#[test]
fn an_edit_in_one_record_takes_the_place_of_an_open_one() {
    let cut = Cut::of(ONE_BAY, 2);
    let mut bench = Bench::default();
    let first = bench.part(cut.first());
    bench.edit(r#"{"type":"FeatureCollection","features":[]}"#);
    bench.part(cut.next(first, 1));
    assert_eq!(bays(&bench), 0);
    assert_eq!(bench.edits.iter().map(|edit| edit.taken).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_missing_or_repeated_part_makes_the_edit_come_to_nothing_and_is_told() {
    let cut = Cut::of(ONE_BAY, 3);
    let mut bench = Bench::default();
    let first = bench.part(cut.first());
    bench.part(cut.next(first, 2));
    let row = &bench.edits[0].rows[0];
    assert_eq!((row.row, row.verdict, row.field.as_deref()), (0, Verdict::Refused, Some("file")));
    assert_eq!(row.detail.as_deref(), Some("part 2 of the edit at 1 came when that edit was not waiting for it"));
    assert_eq!((bays(&bench), bench.versions), (0, 0));
}

#[test]
fn parts_that_do_not_make_what_they_say_are_a_refused_edit() {
    let mut cut = Cut::of(ONE_BAY, 2);
    cut.length += 1;
    let mut bench = Bench::default();
    let first = bench.part(cut.first());
    bench.part(cut.next(first, 1));
    assert_eq!((bays(&bench), bench.edits[0].taken), (0, false));
}

#[test]
fn an_edit_given_up_is_forgotten_after_a_while() {
    let cut = Cut::of(ONE_BAY, 2);
    let mut bench = Bench::default();
    bench.at(1_000);
    let first = bench.part(cut.first());
    bench.tick(1_600);
    assert!(bench.pipeline.state().edits.is_open());
    bench.tick(1_601);
    assert!(!bench.pipeline.state().edits.is_open());
    bench.part(cut.next(first, 1));
    assert_eq!((bays(&bench), bench.edits[0].taken), (0, false));
}

#[test]
fn an_edit_judged_before_its_step_comes_to_the_same() {
    let run = |judges_aside| {
        let mut bench = Bench::default();
        bench.judges_aside = judges_aside;
        bench.committed(Table::Registry, 1);
        bench.edit(ONE_BAY);
        bench.edit(ONE_BAY);
        let first = bench.part(Cut::of(super::registry::A_COUNTER, 2).first());
        bench.part(Cut::of(super::registry::A_COUNTER, 2).next(first, 1));
        bench
    };
    let (aside, inside) = (run(true), run(false));
    assert_eq!(aside.pipeline.registry(), inside.pipeline.registry());
    assert_eq!((aside.versions, inside.versions), (1, 1), "the first edit is in the table already");
    for (a, b) in aside.edits.iter().zip(&inside.edits) {
        assert_eq!((a.position, &a.changes, &a.rows, a.taken), (b.position, &b.changes, &b.rows, b.taken));
    }
    assert_eq!(aside.edits.len(), 3);
}
