//! ONE-1 and SUM-1 under chance: any order, repetition, batching and restart of a set of readings accepts each value once.

use domain::rng::Rng;
use domain::{Kind, Position};
use hashbrown::HashMap;
use lake::table::Table;
use proptest::prelude::*;

use super::bench::{Bench, air, bay};
use domain::reading::Element;

const QUANTITIES: [&str; 4] = ["no2", "o3", "pm25", "pm10"];

/// A reading whose value follows from its identity, so that repetitions never conflict.
fn reading(rng: &mut Rng) -> (Kind, String, Element) {
    let sensor = format!("s{}", rng.below(3));
    // A few instants on either side of two midnights.
    let seconds = 86_400 * rng.below(3) as i64 + 86_390 + rng.below(20) as i64;
    if rng.chance(0.5) {
        return (Kind::Parking, sensor, bay(seconds, (seconds % 2) as u8));
    }
    let avg_s = [0, 60][rng.below(2) as usize];
    let value = |index: usize| seconds as f64 + index as f64 / 8.0 + f64::from(avg_s);
    let mut values: Vec<_> =
        QUANTITIES.iter().enumerate().filter(|_| rng.chance(0.4)).map(|(index, name)| (*name, value(index))).collect();
    if values.is_empty() {
        values.push((QUANTITIES[0], value(0)));
    }
    (Kind::Air, sensor, air(seconds, avg_s, &values))
}

/// Feeds messages in batches, with crashes that fall back to an earlier state while storage kept more than it.
fn feed(rng: &mut Rng, messages: &[(Kind, String, Element)]) -> Bench {
    let mut bench = Bench::default();
    let mut saved = (0, bench.saved());
    let mut next = 0;
    while next < messages.len() {
        let end = (next + 1 + rng.below(7) as usize).min(messages.len());
        bench.batch(messages[next..end].iter().map(|(kind, id, element)| (*kind, id.clone(), vec![element.clone()])).collect());
        next = end;
        if rng.chance(0.2) {
            saved = (next, bench.saved());
        }
        if rng.chance(0.2) {
            next = crash(rng, &mut bench, &saved, next);
        }
    }
    bench
}

/// Each table keeps what it had committed, at or after the checkpoint; the rest is replayed.
fn crash(rng: &mut Rng, bench: &mut Bench, saved: &(usize, Vec<u8>), head: usize) -> usize {
    let (checkpoint, state) = saved;
    for (kind, table) in [(Kind::Parking, Table::ParkingReadings), (Kind::Air, Table::AirReadings)] {
        let before = bench.committed.of(table).0;
        let upto = before.max(*checkpoint as u64 + rng.below((head - checkpoint) as u64 + 1));
        bench.committed(table, upto);
        bench.rows.retain(|row| row.kind != kind || row.position <= Position(upto));
    }
    bench.restart_from(state);
    *checkpoint
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn each_value_is_accepted_once_whatever_the_order(seed: u64) {
        let mut rng = Rng::from_seed(seed);
        let mut messages: Vec<_> = (0..40).map(|_| reading(&mut rng)).collect();
        messages.extend(messages.clone().into_iter().filter(|_| rng.chance(0.5)));
        for index in (1..messages.len()).rev() {
            messages.swap(index, rng.below(index as u64 + 1) as usize);
        }
        let bench = feed(&mut rng, &messages);

        let mut stored: HashMap<_, usize> = HashMap::new();
        for row in &bench.rows {
            *stored.entry((row.sensor.clone(), row.identity, row.fingerprint)).or_default() += 1;
        }
        prop_assert!(stored.values().all(|count| *count == 1), "no value twice");
        let mut sent = HashMap::new();
        for (_, sensor, element) in &messages {
            let decoded = element.outcome.as_ref().expect("a reading");
            for (identity, fingerprint) in domain::identity::measured_values(&decoded.reading) {
                sent.insert((sensor.clone(), identity, fingerprint), 1);
            }
        }
        prop_assert_eq!(stored, sent);
        let ledger = bench.ledger();
        prop_assert!(ledger.adds_up());
        prop_assert_eq!(ledger.received, messages.len() as u64);
        prop_assert_eq!(ledger.rejected_total(), 0);
        let of_sensors: u64 = bench.pipeline.state().sensors.iter().map(|sensor| sensor.counts.received).sum();
        prop_assert_eq!(of_sensors, ledger.received);
    }
}
