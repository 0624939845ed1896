//! What is held, and taken by itself when time or the registry mends it.

use domain::{Flag, Kind, Reason};

use super::bench::{Bench, bay, counts, second};
use crate::options::UnknownSensors;
use crate::pipeline::LetterId;

fn due(bench: &Bench) -> Vec<LetterId> {
    let state = bench.pipeline.state();
    state.held.due(state.now).map(|(id, _)| id).collect()
}

#[test]
fn a_reading_too_far_ahead_is_held_until_its_time_has_come() {
    let mut bench = Bench::default();
    bench.at(1_000);
    bench.message(Kind::Parking, "bay-1", vec![bay(1_300, 1), bay(1_301, 0)]);
    assert_eq!(bench.ledger(), counts(2, 1, 0, &[(Reason::Future, 1)]));
    assert_eq!(bench.pipeline.state().held.next_due(), Some(second(1_001)));
    assert!(due(&bench).is_empty());
    bench.restart();
    bench.tick(1_001);
    let [id] = due(&bench)[..] else { panic!("one is due") };
    bench.again(id, Reason::Future, Kind::Parking, "bay-1", bay(1_301, 0));
    assert_eq!(bench.ledger(), counts(2, 2, 0, &[]));
    assert_eq!(bench.pipeline.state().held.len(), 0);
}

#[test]
fn now_never_goes_back_so_a_released_reading_is_not_held_again() {
    let mut bench = Bench::default();
    bench.at(1_000);
    bench.message(Kind::Parking, "bay-1", vec![bay(1_301, 1)]);
    bench.tick(1_001);
    bench.at(900);
    let [id] = due(&bench)[..] else { panic!("one is due") };
    bench.again(id, Reason::Future, Kind::Parking, "bay-1", bay(1_301, 1));
    assert_eq!(bench.ledger(), counts(1, 1, 0, &[]));
}

#[test]
fn what_is_held_longer_than_dead_letters_are_kept_is_forgotten_and_stays_counted() {
    let mut bench = Bench::default();
    bench.rules.letter_days = Some(2);
    bench.restart();
    let day = 86_400;
    for seconds in [1_000, day + 1_000] {
        bench.at(seconds);
        bench.message(Kind::Parking, "bay-1", vec![bay(9 * day + seconds, 1)]);
    }
    bench.tick(3 * day - 1);
    assert_eq!(bench.pipeline.state().held.len(), 2);
    bench.tick(3 * day);
    assert_eq!(bench.pipeline.state().held.len(), 1);
    assert_eq!(bench.pipeline.state().held.next_due(), Some(second(10 * day + 700)));
    bench.tick(4 * day);
    assert_eq!((bench.pipeline.state().held.len(), bench.pipeline.state().held.next_due()), (0, None));
    assert_eq!(bench.ledger(), counts(2, 0, 0, &[(Reason::Future, 2)]));
}

#[test]
fn an_unknown_sensor_is_provisional_or_held_until_it_is_registered() {
    let mut bench = Bench::default();
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1)]);
    let live = &bench.pipeline.state().live;
    assert!(live.parking.values().all(|last| last.flags.has(Flag::Provisional)));

    let mut bench = Bench::default();
    bench.rules.unknown_sensors = UnknownSensors::Hold;
    bench.restart();
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1)]);
    bench.message(Kind::Parking, "bay-2", vec![bay(10, 1)]);
    assert_eq!(bench.ledger(), counts(2, 0, 0, &[(Reason::UnknownSensor, 2)]));
    bench.edit(super::registry::ONE_BAY);
    let [id] = due(&bench)[..] else { panic!("the registered one is due") };
    bench.again(id, Reason::UnknownSensor, Kind::Parking, "bay-1", bay(10, 1));
    assert_eq!(bench.ledger(), counts(2, 1, 0, &[(Reason::UnknownSensor, 1)]));
    assert_eq!(bench.pipeline.state().held.len(), 1);
}
