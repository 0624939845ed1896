//! Two hundred days of all scenarios, the seeds that once found something, and the promises that are broken on purpose.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sim::{Mutation, Outcome, Scenario, run, scenario};

/// Seeds that found something once, each with its scenario: played for ever.
const FOUND: &str = include_str!("found.txt");
const SEEDS: u64 = 200;
/// Days until a broken promise must have been noticed.
const DAYS_TO_NOTICE: u64 = 11;

type Play = (u64, Scenario, Mutation);

/// Plays days on all cores, in any order.
fn play(days: &[Play]) -> Vec<Outcome> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(&(seed, scenario, mutation)) = days.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(seed, scenario, mutation).expect("a temporary folder");
                    outcomes.lock().expect("nobody panics").push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("nobody panics")
}

#[track_caller]
fn nothing_is_broken(outcomes: &[Outcome]) {
    let broken = outcomes.iter().filter_map(|outcome| Some((outcome.broken.as_ref()?, outcome)));
    let told: Vec<_> = broken
        .map(|(broken, outcome)| format!("seed {} ({}): {broken}\n  {}", outcome.seed, outcome.scenario, outcome.replay()))
        .collect();
    assert!(told.is_empty(), "{} of {} days broke a promise:\n{}", told.len(), outcomes.len(), told.join("\n"));
}

#[test]
fn no_day_breaks_a_promise() {
    let days: Vec<Play> = (0..SEEDS).map(|seed| (seed, scenario::of_seed(seed), Mutation::None)).collect();
    nothing_is_broken(&play(&days));
}

#[test]
fn what_was_found_once_is_not_found_again() {
    let lines = FOUND.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let days: Vec<Play> = lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let seed = words.next().and_then(|seed| seed.parse().ok()).expect("a seed");
            let scenario = words.next().and_then(scenario::by_name).expect("a scenario");
            (seed, scenario, Mutation::None)
        })
        .collect();
    nothing_is_broken(&play(&days));
}

#[test]
fn one_seed_twice_gives_the_same_trace_byte_for_byte() {
    for scenario in ["crash-storm", "registry-edits", "compaction-race"] {
        let scenario = scenario::by_name(scenario).expect("a scenario");
        let outcomes = play(&[(77, scenario, Mutation::None); 2]);
        assert!(!outcomes[0].trace.is_empty());
        assert!(outcomes[0].trace == outcomes[1].trace, "{}", outcomes[0].replay());
    }
}

#[test]
fn every_promise_that_is_broken_on_purpose_is_noticed() {
    for mutation in Mutation::ALL {
        let noticed = (0..DAYS_TO_NOTICE).any(|seed| {
            let outcome = run(seed, scenario::of_seed(seed), mutation).expect("a temporary folder");
            outcome.broken.is_some()
        });
        assert!(noticed, "{} goes unnoticed", mutation.name());
    }
}
