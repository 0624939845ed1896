//! What `near` costs in a city of a million bays while readings come in. A measurement, not a check.

use std::io::Write as _;
use std::time::Duration;

use domain::Clock as _;
use domain::kind::parking::BayState;
use domain::registry::CityOptions;
use domain::rng::Rng;
use domain::time::SystemClock;
use lake::contract::{ParkingLast, View};

use super::*;
use crate::board::Board;
use crate::tests::fixture::at;
use crate::tests::stand_in::StoodLive;
use crate::tests::street::{collection, said};

const SITES: u64 = 20_000;
const BAYS: u64 = 1_000_000;
const QUESTIONS: u64 = 5_000;
/// Between two questions: at 1,000 questions a second, 5,000 a second.
const READINGS: u64 = 5;
const NOON: &str = "2026-11-24T12:00:00Z";

#[test]
#[ignore = "a measurement: run it with --ignored --nocapture"]
fn near_costs_so_much_in_a_city_of_a_million_bays() {
    let clock = SystemClock::new(|_| Box::pin(std::future::ready(())));
    let mut rng = Rng::from_seed(7);
    let live = StoodLive::new(View::new(domain::Position(1), at(NOON), Vec::new()));
    live.register(&collection(&rows(&mut rng)), at("2026-11-24T00:00:00Z"));
    (0..BAYS).for_each(|bay| speak(&live, bay, at(NOON), &mut rng));
    let city = City::new(CityOptions::default()).expect("the default zone exists");
    let (board, mut now) = (Board::default(), at(NOON));
    let tell = |what: &str, since: Duration| {
        let line = format!("{what}: {:.3} ms\n", (clock.elapsed() - since).as_secs_f64() * 1e3);
        std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
    };
    let began = clock.elapsed();
    board.at(&live, now, |_, _| ());
    tell("everything read", began);
    for group in [Group::Site, Group::Bay] {
        let began = clock.elapsed();
        board.at(&live, now, |standing, now| places(standing, now, &city, &wish(&mut rng, group)).len());
        tell("the first question, with its index", began);
        let mut took = Vec::new();
        for _ in 0..QUESTIONS {
            now = now.plus(Duration::from_millis(1));
            (0..READINGS).for_each(|_| speak(&live, rng.below(BAYS), now, &mut rng));
            let wish = wish(&mut rng, group);
            let began = clock.elapsed();
            let items = board.at(&live, now, |standing, now| places(standing, now, &city, &wish));
            let written = Value::Array(items).to_string();
            took.push(clock.elapsed() - began);
            assert!(written.len() > 2);
        }
        took.sort_unstable();
        for (name, at) in [("p50", took.len() / 2), ("p99", took.len() * 99 / 100), ("worst", took.len() - 1)] {
            let line = format!("{name} {:.3} ms\n", took[at].as_secs_f64() * 1e3);
            std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
        }
    }
}

/// A city of 30 km by 30 km.
fn place(rng: &mut Rng) -> [f64; 2] {
    [105.7 + rng.below(300_000) as f64 * 1e-6, 20.9 + rng.below(270_000) as f64 * 1e-6]
}

fn rows(rng: &mut Rng) -> Vec<Value> {
    let row = |properties: Value, [lon, lat]: [f64; 2]| json!({"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": [lon, lat]}});
    let mut rows = Vec::new();
    for site in 0..SITES {
        let [lon, lat] = place(rng);
        let hours = ["24/7", "Mo-Su 06:00-22:00", "Mo-Fr 07:00-19:00"][rng.below(3) as usize];
        rows.push(row(json!({"kind": "site", "id": format!("s{site}"), "opening_hours": hours}), [lon, lat]));
        for bay in site * BAYS / SITES..(site + 1) * BAYS / SITES {
            let along = (bay % (BAYS / SITES)) as f64 * 5e-5;
            rows.push(row(json!({"kind": "bay", "id": format!("b{bay}"), "site": format!("s{site}")}), [lon + along, lat]));
        }
    }
    rows
}

fn speak(live: &StoodLive, bay: u64, observed_at: Timestamp, rng: &mut Rng) {
    let state = if rng.chance(0.8) { BayState::Occupied } else { BayState::Vacant };
    live.show_parking(&format!("b{bay}"), ParkingLast { observed_at, received_at: observed_at, ..said(NOON, state) });
}

fn wish(rng: &mut Rng, group: Group) -> Wish {
    let [lon, lat] = place(rng);
    Wish {
        from: Point::new(lon, lat),
        radius_m: 1_000.0,
        limit: 20,
        vehicle: Vehicle::Car,
        class: 0,
        min_free: 1,
        only_open: true,
        arrive_at: None,
        stay_min: None,
        group,
    }
}
