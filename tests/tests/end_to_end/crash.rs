//! kill -9 under load on one data directory: every acknowledged reading is there, once, and the ledger adds up.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::rng::Rng;
use tests::Server;
use tests::program::say;
use tests::publisher::{parking, publish_at};

/// Of the long run, unless `KERBSIDE_KILLS` says another number.
const LONG_RUN_KILLS: i64 = 200;
/// Readings a second.
const RATE: f64 = 20_000.0;
const SENSORS: i64 = 200;
const START_MS: i64 = 1_780_000_000_000;

#[test]
fn no_acknowledged_reading_is_lost_or_doubled_by_ten_kills() -> anyhow::Result<()> {
    let mut round = 0;
    let moment = || {
        round += 1;
        150 + 250 * (round - 1)
    };
    // Enough messages that publishers are still busy when the process dies.
    survive(&[], 10, 60_000, moment)
}

#[test]
#[ignore = "takes minutes: part of scripts/test --long"]
fn no_acknowledged_reading_is_lost_or_doubled_by_random_kills() -> anyhow::Result<()> {
    let mut chance = chance();
    // Commits, checkpoints and trims happen all the time, so that kills meet them.
    let quick = ["ingest.commit_s=1", "ingest.checkpoint_s=1", "ingest.maintenance_s=1", "lake.merge_every_s=1"];
    survive(&quick, kills(), 30_000, || 20 + chance.below(1_500))
}

/// Kills of the long run, of each role.
pub fn kills() -> i64 {
    std::env::var("KERBSIDE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(LONG_RUN_KILLS)
}

/// The moments of a long run: `KERBSIDE_SEED`, which a failing run tells, gives the same ones again.
pub fn chance() -> Rng {
    let told = std::env::var("KERBSIDE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = told.unwrap_or_else(|| Rng::from_entropy().next_u64());
    say(&format!("KERBSIDE_SEED={seed}"));
    Rng::from_seed(seed)
}

fn survive(settings: &[&str], kills: i64, burst: i64, mut moment_ms: impl FnMut() -> u64) -> anyhow::Result<()> {
    let flags: Vec<&str> = settings.iter().flat_map(|pair| ["--set", pair]).collect();
    let mut server = Server::start_with("serve", &flags)?;
    let (mut sent, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
    let mut loaded = Duration::ZERO;
    for round in 0..kills {
        let numbers: Vec<i64> = (round * burst..(round + 1) * burst).collect();
        let messages: Vec<_> = numbers.iter().map(|&n| parking(&sensor(n), START_MS + n * 500, state(n))).collect();
        let address = server.mqtt();
        let publishing = std::thread::spawn(move || publish_at(address, &messages, 8, "load", Some(RATE)));
        // Another moment of the load each round; a sleep is the subject here, not a wait.
        let load = Duration::from_millis(moment_ms());
        std::thread::sleep(load);
        loaded += load;
        server.kill()?;
        let places = publishing.join().expect("publishers do not panic");
        acknowledged.extend(places.into_iter().map(|place| numbers[place]));
        sent.extend(numbers);
        server.restart()?;
    }
    say(&format!("{} acknowledged in {} s of load at {RATE}/s", acknowledged.len(), loaded.as_secs_f64()));
    assert!(acknowledged.len() > 10_000, "the load was real: {}", acknowledged.len());

    let api = server.api();
    let mut found = BTreeSet::new();
    for n in 0..SENSORS {
        for item in api.readings(&sensor(n))? {
            let observed = item["observed_at"].as_str().unwrap_or_default().to_owned();
            let at = domain::Timestamp::parse_rfc3339(&observed)?.as_micros() / 1_000;
            assert!(found.insert((at - START_MS) / 500), "doubled: {} {observed}", sensor(n));
        }
    }
    let lost: Vec<_> = acknowledged.difference(&found).take(3).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(found.is_subset(&sent));
    let ledger = api.ledger()?;
    assert!(ledger.adds_up(), "{ledger:?}");
    assert_eq!(ledger.accepted, found.len() as u64);
    assert!(server.stop()?.success());
    let verified = server.run(&["verify"])?;
    assert!(verified.status.success(), "{verified:?}");
    Ok(())
}

fn sensor(n: i64) -> String {
    format!("bay-{}", n % SENSORS)
}

fn state(n: i64) -> &'static str {
    if n % 2 == 0 { "occupied" } else { "vacant" }
}
