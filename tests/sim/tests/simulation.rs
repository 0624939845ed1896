//! Two hundred days of all scenarios, the seeds that once found something, and the promises that are broken on purpose.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sim::{Mutation, Outcome, Recording, Scenario, Shown, record, run, scenario};
use tests::server::Server;

/// Seeds that found something once, each with its scenario: played for ever.
const FOUND: &str = include_str!("found.txt");
const SEEDS: u64 = 200;
/// Days until a broken promise must have been noticed.
const DAYS_TO_NOTICE: u64 = 11;

/// Days that the real server is given to answer from, by Delta and DataFusion.
const RECORDED: [(u64, &str); 3] = [(2, "flapping-bay"), (4, "late-flood"), (7, "crash-storm")];

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
            // Another one, or a server that merely falls over, is no proof that this one is watched.
            outcome.broken.is_some_and(|why| mutation.noticed_as().iter().any(|words| why.contains(words)))
        });
        assert!(noticed, "{} goes unnoticed", mutation.name());
    }
}

/// The same journal, on the machine's own disk, clock and threads, with deltalake-core's log and DataFusion's scans.
#[test]
fn the_real_server_answers_what_a_recorded_day_came_to() {
    for (seed, name) in RECORDED {
        // What a device's clock puts ahead is still held when the day ends, and due when the real server asks its own clock.
        let scenario = Scenario { skewed: 0.0, ..scenario::by_name(name).expect("a scenario") };
        let (outcome, recording) = record(seed, scenario).expect("it plays");
        assert_eq!(outcome.broken, None, "{}", outcome.replay());
        let mut server = Server::stopped("serve", &[]).expect("a folder");
        let folder = server.data_dir().join("journal");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(server.data_dir().join("format"), "kerbside-data 1\n").expect("writable");
        for (file, bytes) in &recording.journal {
            std::fs::write(folder.join(file), bytes).expect("writable");
        }
        server.restart().expect("it takes the journal");
        compare(&server, &recording);
        // Once more from the lake, after everything is committed.
        server.stop().expect("it stops");
        server.restart().expect("it starts again");
        compare(&server, &recording);
    }
}

fn compare(server: &Server, recording: &Recording) {
    let api = server.api();
    let ledger = api.get("/v1/ops/ledger").expect("a ledger");
    let Recording { counts, readings, .. } = recording;
    for (name, count) in [("received", counts.received), ("accepted", counts.accepted), ("duplicate", counts.duplicate)] {
        assert_eq!(ledger[name].as_u64(), Some(count), "{name}");
    }
    for (sensor, expected) in readings {
        let items = api.readings(sensor).expect("readings");
        assert_eq!(in_order(items.iter().map(shown)), in_order(expected.iter().cloned()), "{sensor}");
    }
    let query = serde_json::json!({ "sql": "select count(*) as n from parking_readings" }).to_string();
    let answer = api.post("/v1/query", "application/json", query.as_bytes()).expect("an answer");
    let rows: usize = readings.values().flatten().filter(|reading| reading.state.is_some() || reading.free.is_some()).count();
    let counted = answer.json().expect("JSON")["items"][0]["n"].as_u64();
    assert_eq!(counted, Some(rows as u64), "{}", answer.body);
}

/// Rows of one instant in any order.
fn in_order(readings: impl Iterator<Item = Shown>) -> Vec<Shown> {
    let mut readings: Vec<_> = readings.collect();
    readings.sort_by_key(|reading| (reading.observed_at, format!("{reading:?}")));
    readings
}

fn shown(item: &serde_json::Value) -> Shown {
    let observed_at = item["observed_at"].as_str().expect("an instant");
    Shown {
        observed_at: domain::Timestamp::parse_rfc3339(observed_at).expect("an instant"),
        state: item["state"].as_str().and_then(|name| ["vacant", "occupied", "unknown"].into_iter().find(|state| *state == name)),
        free: item["free"].as_i64().map(|free| i32::try_from(free).expect("as it was sent")),
        pm25: item["pm25"].as_f64(),
        no2: item["no2"].as_f64(),
    }
}
