//! What `near` costs in a city of a million bays while 20,000 of them change a second. A measurement, not a check.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Clock;
use domain::kind::parking::BayState;
use domain::registry::CityOptions;
use domain::rng::Rng;
use domain::time::SystemClock;
use lake::contract::{ParkingLast, View};

use super::*;
use crate::answer::Answer;
use crate::api::parking::snapshot_of;
use crate::board::Board;
use crate::format::Format;
use crate::tests::fixture::at;
use crate::tests::stand_in::StoodLive;
use crate::tests::street::{collection, said};

const SITES: u64 = 20_000;
const BAYS: u64 = 1_000_000;
const QUESTIONS: usize = 5_000;
const MILLISECOND: Duration = Duration::from_millis(1);
/// In each millisecond.
const READINGS: u64 = 20;
const START: &str = "2026-11-24T12:00:00Z";

/// A city whose readings come in on a thread of their own, at their pace.
struct Busy {
    clock: SystemClock,
    live: Arc<StoodLive>,
    over: AtomicBool,
}

impl Busy {
    fn new(rng: &mut Rng) -> Self {
        let clock = SystemClock::new(|_| Box::pin(std::future::ready(())));
        let live = Arc::new(StoodLive::new(View::new(domain::Position(1), at(START), Vec::new())));
        live.register(&collection(&rows(rng)), at("2026-11-24T00:00:00Z"));
        (0..BAYS).for_each(|bay| speak(&live, bay, at(START), rng));
        Self { clock, live, over: AtomicBool::new(false) }
    }

    /// The city's time: it goes on with the machine's.
    fn now(&self) -> Timestamp {
        at(START).plus(self.clock.elapsed())
    }

    fn change(&self) {
        let mut rng = Rng::from_seed(11);
        let mut due = self.clock.elapsed();
        while !self.over.load(Ordering::Relaxed) {
            (0..READINGS).for_each(|_| speak(&self.live, rng.below(BAYS), self.now(), &mut rng));
            due += MILLISECOND;
            std::thread::sleep(due.saturating_sub(self.clock.elapsed()));
        }
    }

    /// How long each of the questions took, a thousand a second.
    async fn ask(&self, board: &Arc<Board>, city: &City, group: Group, rng: &mut Rng) -> Vec<Duration> {
        let mut took = Vec::with_capacity(QUESTIONS);
        for _ in 0..QUESTIONS {
            let (wish, began) = (wish(rng, group), self.clock.elapsed());
            let (standing, now) = board.at(self.now()).await.expect("seen");
            let (items, searched_m) = places(&standing, now, city, &wish);
            let mut list = List::new(items, None, now);
            list.head.insert("searched_m".to_owned(), json!(searched_m));
            let written = Answer::List(list).write(Format::Json);
            let asked = self.clock.elapsed() - began;
            took.push(asked);
            drop(written);
            std::thread::sleep(MILLISECOND.saturating_sub(asked));
        }
        took.sort_unstable();
        took
    }
}

fn tell(what: &str, took: Duration) {
    let line = format!("{what}: {:.3} ms\n", took.as_secs_f64() * 1e3);
    std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it with --ignored --nocapture"]
async fn near_costs_so_much_in_a_city_of_a_million_bays() {
    let mut rng = Rng::from_seed(7);
    let busy = Arc::new(Busy::new(&mut rng));
    let city = City::new(CityOptions::default()).expect("the default zone exists");
    let board = Arc::new(Board::new(busy.live.clone()));
    let began = busy.clock.elapsed();
    let (standing, _) = board.at(busy.now()).await.expect("seen");
    tell("everything read", busy.clock.elapsed() - began);
    for group in [Group::Site, Group::Bay] {
        let began = busy.clock.elapsed();
        standing.ground.prepare(&standing.layout, group);
        tell("an index made", busy.clock.elapsed() - began);
    }
    drop(standing);
    let changing = Arc::clone(&busy);
    let changing = std::thread::spawn(move || changing.change());
    for (beside, group) in [(false, Group::Site), (false, Group::Bay), (true, Group::Site), (true, Group::Bay)] {
        let writing = Arc::new(AtomicBool::new(beside));
        let (board_beside, busy_beside, goes_on) = (Arc::clone(&board), Arc::clone(&busy), Arc::clone(&writing));
        let snapshots = std::thread::spawn(move || {
            while goes_on.load(Ordering::Relaxed) {
                let (standing, now) = board_beside.at_blocking(busy_beside.now());
                let _ = snapshot_of(&standing, now, Format::Json).write(Format::Json);
            }
        });
        let took = busy.ask(&board, &city, group, &mut rng).await;
        writing.store(false, Ordering::Relaxed);
        snapshots.join().expect("no panic");
        let what = format!(
            "by {}{}",
            if group == Group::Site { "site" } else { "bay" },
            if beside { ", snapshots written beside" } else { "" }
        );
        for (name, at) in [("p50", took.len() / 2), ("p99", took.len() * 99 / 100), ("worst", took.len() - 1)] {
            tell(&format!("{what}, {name}"), took[at]);
        }
    }
    busy.over.store(true, Ordering::Relaxed);
    changing.join().expect("no panic");
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
    live.show_parking(&format!("b{bay}"), ParkingLast { observed_at, received_at: observed_at, ..said(START, state) });
}

fn wish(rng: &mut Rng, group: Group) -> Wish {
    let [lon, lat] = place(rng);
    Wish {
        from: Point::new(lon, lat),
        radius_m: 1_000.0,
        limit: 20,
        whom: For { vehicle: Vehicle::Car, class: 0 },
        min_free: 1,
        only_open: true,
        arrive_at: None,
        stay_min: None,
        group,
        asker: Asker::Local,
    }
}
