//! The board that follows what changes is the board that is read anew, and its versions tell every difference.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::kind::parking::{BayState, ParkingValue};
use domain::rng::Rng;
use lake::contract::ParkingLast;
use serde_json::{Value, json};

use super::*;
use crate::tests::fixture::at;
use crate::tests::stand_in::StoodLive;
use crate::tests::street::{bay, collection, counted, live, said, site};

const NOON: &str = "2026-11-24T12:00:00Z";

fn tally_at(board: &Board, id: &str, now: &str) -> Tally {
    let (standing, _) = board.at_blocking(at(now));
    standing.tallies[standing.layout.site_by_id[id]].clone()
}

fn street() -> Vec<Value> {
    vec![
        site("street", json!({"heartbeat_s": 60}), 105.85),
        bay("a", "street", json!({}), 105.85),
        bay("b", "street", json!({"features": ["ev", "accessible"]}), 105.85),
        bay("c", "street", json!({"heartbeat_s": 600}), 105.85),
        bay(
            "d",
            "street",
            json!({"closed": [{"from": "2026-11-24T12:10:00Z", "to": "2026-11-24T12:20:00Z", "reason": "works"}]}),
            105.85,
        ),
    ]
}

#[test]
fn places_are_counted_by_state_and_class_and_age_by_themselves() {
    let live = live(&street());
    let board = Board::new(live.clone());
    for (bay, state) in [("a", BayState::Vacant), ("b", BayState::Vacant), ("c", BayState::Occupied), ("d", BayState::Vacant)] {
        live.show_parking(bay, said(NOON, state));
    }
    let now = tally_at(&board, "street", NOON);
    assert_eq!((now.free, now.occupied, now.unknown_places(), now.closed, now.capacity), ([2, 0, 0, 1, 0], 1, 0, 0, 4));
    assert_eq!((now.observed_at, now.stale), (Some(at(NOON)), false));
    let last = tally_at(&board, "street", "2026-11-24T12:02:30Z");
    assert_eq!(last, now, "at exactly 2.5 heartbeats a reading still counts");
    let silent = tally_at(&board, "street", "2026-11-24T12:02:30.000001Z");
    assert_eq!((silent.free, silent.unknown, silent.occupied, silent.stale), ([0; CLASSES], [2, 0, 0, 1, 0], 1, false));
    let closed = tally_at(&board, "street", "2026-11-24T12:10:00Z");
    assert_eq!((closed.closed, closed.unknown[0]), (1, 1));
    let open = tally_at(&board, "street", "2026-11-24T12:20:00Z");
    assert_eq!((open.closed, open.unknown[0], open.stale), (0, 2, false));
    assert!(tally_at(&board, "street", "2026-11-24T12:26:00Z").stale, "c was the last one to be known");
}

#[test]
fn a_counter_is_clamped_and_its_capacity_is_the_payloads_then_the_registrys() {
    let live = live(&[site("lot", json!({"capacity": 10}), 105.85), site("bare", json!({}), 105.85)]);
    let board = Board::new(live.clone());
    let counts = |board: &Board, id: &str| {
        let tally = tally_at(board, id, NOON);
        (tally.free[0], tally.occupied, tally.unknown[0], tally.capacity)
    };
    assert_eq!(counts(&board, "lot"), (0, 0, 10, 10), "never heard of");
    let cases =
        [(7, None, (7, 3, 0, 10)), (-2, None, (0, 10, 0, 10)), (12, None, (10, 0, 0, 10)), (12, Some(20), (12, 8, 0, 20))];
    for (free, capacity, expected) in cases {
        live.show_parking("lot", counted(NOON, free, capacity));
        assert_eq!(counts(&board, "lot"), expected);
    }
    live.show_parking("bare", counted(NOON, 5, None));
    assert_eq!(counts(&board, "bare"), (5, 0, 0, 5), "only the free places are known");
    live.show_parking("lot", said(NOON, BayState::Vacant));
    assert_eq!(counts(&board, "lot"), (0, 0, 10, 10), "no count");
}

#[test]
fn a_site_keeps_its_version_until_it_reads_differently() {
    let rows = [street(), vec![site("lot", json!({"capacity": 10}), 105.86)]].concat();
    let live = live(&rows);
    let board = Board::new(live.clone());
    let seen = |now: &str| {
        let (standing, _) = board.at_blocking(at(now));
        let changed = |id: &str| standing.changed_at[standing.layout.site_by_id[id]];
        (standing.versions.current(), changed("street"), changed("lot"))
    };
    let first = seen(NOON);
    assert_eq!(seen("2026-11-24T12:00:01Z"), first);
    live.show_parking("a", said("2026-11-24T12:00:02Z", BayState::Vacant));
    let second = seen("2026-11-24T12:00:02Z");
    assert_eq!((second.0, second.2), (second.1, first.2));
    assert!(second.0 > first.0);
    assert_eq!(seen("2026-11-24T12:02:32Z"), second);
    let stale = seen("2026-11-24T12:02:33Z");
    assert!(stale.1 > second.1 && stale.2 == first.2, "turning stale is a change");
    let named = site("lot", json!({"capacity": 10, "name": "Chợ"}), 105.86);
    live.register(&collection(&[named]), at("2026-11-24T12:03:00Z"));
    let renamed = seen("2026-11-24T12:03:00Z");
    assert!(renamed.2 > stale.0 && renamed.1 == stale.1, "an edit changes what it touches");
}

#[test]
fn a_clock_that_was_set_back_judges_anew_and_versions_still_grow() {
    let live = live(&street());
    let board = Board::new(live.clone());
    live.show_parking("a", said(NOON, BayState::Vacant));
    let version = |now: &str| board.at_blocking(at(now)).0.versions.current();
    let late = version("2026-11-24T13:00:00Z");
    assert_eq!(tally_at(&board, "street", "2026-11-24T12:01:00Z").free[0], 1);
    assert!(version("2026-11-24T12:01:00Z") > late);
}

#[test]
fn a_bay_that_reports_often_waits_once() {
    let live = live(&street());
    let board = Board::new(live.clone());
    for second in 0..50 {
        let now = at(NOON).plus(Duration::from_secs(second));
        live.show_parking("a", said(&now.to_string(), BayState::Vacant));
        board.at_blocking(now);
    }
    // Its silence, and the two edges of another bay's closure.
    let follower = board.follower.blocking_lock();
    assert_eq!(follower.as_ref().map(Follower::deadlines), Some(3));
}

/// A city of chance: what its sensors say and when it is looked at.
struct Walk {
    rng: Rng,
    now: Timestamp,
}

const NAMES: [&str; 9] = ["a", "b", "c", "d", "e", "f", "lot", "deck", "nobody"];

impl Walk {
    fn rows(&mut self, edit: u64) -> Vec<Value> {
        let closed = |from: u64| {
            let edge = |minutes: u64| at(NOON).plus(Duration::from_secs(minutes * 60)).to_string();
            json!([{"from": edge(from), "to": edge(from + 7), "reason": "works"}])
        };
        let mut rows = vec![
            site("street", json!({"heartbeat_s": 30 + self.rng.below(60), "closed": closed(20 + self.rng.below(40))}), 105.85),
            site("square", json!({"heartbeat_s": 120}), 105.86),
            site("lot", json!({"capacity": 5 + edit, "heartbeat_s": 90}), 105.87),
            site("deck", json!({"heartbeat_s": 300, "closed": closed(self.rng.below(60))}), 105.88),
        ];
        for (index, name) in NAMES[..6].iter().enumerate() {
            let features: &[&str] = [&[][..], &["ev"], &["loading", "resident"]][self.rng.below(3) as usize];
            let more = json!({"features": features, "closed": closed(self.rng.below(90))});
            rows.push(bay(name, ["street", "square"][index % 2], more, 105.85));
        }
        rows
    }

    fn speak(&mut self, live: &StoodLive) {
        let name = NAMES[self.rng.below(NAMES.len() as u64) as usize];
        let late = self.rng.below(200) as i64 - 20;
        let observed_at = Timestamp::from_micros(self.now.as_micros() - late * 1_000_000);
        let value = match self.rng.below(4) {
            0 if !["a", "b"].contains(&name) => ParkingValue::Counter { free: self.rng.below(9) as i32 - 2, capacity: None },
            n => ParkingValue::Bay(BayState::ALL[n as usize % 3]),
        };
        let said = said(NOON, BayState::Vacant);
        live.show_parking(name, ParkingLast { observed_at, received_at: self.now, value, ..said });
    }
}

fn all(standing: &Standing) -> BTreeMap<String, Tally> {
    standing
        .layout
        .sites
        .iter()
        .zip(standing.tallies.iter())
        .map(|(entry, tally)| (entry.site.id.to_string(), tally.clone()))
        .collect()
}

#[test]
fn whatever_happens_the_followed_board_is_the_one_read_anew_and_its_changes_are_the_differences() {
    for seed in 0..30 {
        let mut walk = Walk { rng: Rng::from_seed(seed), now: at(NOON) };
        let live = live(&walk.rows(0));
        let board = Board::new(live.clone());
        let (first, _) = board.at_blocking(walk.now);
        let (mut known, mut version, mut seen) = (all(&first), first.versions.current(), Some(first));
        for step in 1..300 {
            walk.now = walk.now.plus(Duration::from_micros(walk.rng.below(40_000_000)));
            (0..walk.rng.below(4)).for_each(|_| walk.speak(&live));
            if step % 100 == 0 {
                let rows = walk.rows(step / 100);
                live.register(&collection(&rows), walk.now);
            }
            let anew = all(&Board::new(live.clone()).at_blocking(walk.now).0);
            let before = seen.as_deref().map(all);
            let (standing, _) = board.at_blocking(walk.now);
            assert_eq!(all(&standing), anew, "seed {seed} step {step}");
            assert_eq!(seen.as_deref().map(all), before, "seed {seed} step {step}: what somebody reads stays as it was");
            for (site, changed_at) in standing.changed_at.iter().enumerate().filter(|(_, at)| **at > version) {
                assert!(*changed_at <= standing.versions.current());
                known.insert(standing.layout.sites[site].site.id.to_string(), standing.tallies[site].clone());
            }
            assert_eq!(known, anew, "seed {seed} step {step}: the changes were all told");
            version = standing.versions.current();
            // At times somebody reads on while the board goes on, at times nobody does.
            seen = (step % 3 == 0).then_some(standing);
        }
    }
}

#[test]
fn an_edit_that_comes_while_everything_is_read_is_in_what_is_read() {
    let live = live(&street());
    let board = Board::new(live.clone());
    live.show_parking("a", said(NOON, BayState::Vacant));
    let rename = |live: &StoodLive| live.register(&collection(&[site("street", json!({"name": "Phố"}), 105.85)]), at(NOON));
    *live.meanwhile.lock() = Some(Box::new(rename));
    let (standing, _) = board.at_blocking(at(NOON));
    assert_eq!(standing.layout.sites[standing.layout.site_by_id["street"]].site.name, "Phố");
    assert!(Arc::ptr_eq(&standing.registry, &live.registry.lock()), "sites and readings are of one registry");
}

#[tokio::test]
async fn an_asker_sees_the_same_whether_much_or_little_has_changed() {
    let live = live(&street());
    let board = Arc::new(Board::new(live.clone()));
    for (second, readings) in [(1, 1), (2, 2 * AT_ONCE), (3, 0)] {
        let now = at(NOON).plus(Duration::from_secs(second));
        (0..readings).for_each(|_| live.show_parking("a", said(&now.to_string(), BayState::Vacant)));
        let (standing, as_of) = board.at(now).await.expect("seen");
        assert_eq!((as_of, standing.tallies[0].free[0]), (now, 1));
    }
}
