//! How long a start takes that has to take in a million records behind the newest checkpoint. For an optimised build: part of scripts/test --long.

use std::time::{Duration, Instant};

use tests::publisher::{Message, parking, publish_all};
use tests::{Server, program};

use super::journey::settle;

const RECORDS: i64 = 1_000_000;
const START_MS: i64 = 1_780_000_000_000;
const SENSORS: i64 = 5_000;
const ROUND: i64 = 100_000;
const WITHIN: Duration = Duration::from_secs(3);

#[test]
#[ignore = "measures an optimised build: part of scripts/test --long"]
#[expect(clippy::disallowed_methods, reason = "the machine's time is what is measured")]
fn a_million_records_behind_the_checkpoint_are_taken_in_within_three_seconds() -> anyhow::Result<()> {
    let flags =
        ["--set", "ingest.checkpoint_s=100000", "--set", "ingest.commit_s=100000", "--set", "ingest.commit_rows=100000000"];
    let mut server = Server::start_with("serve", &flags)?;
    for round in 0..RECORDS / ROUND {
        let numbers = round * ROUND..(round + 1) * ROUND;
        let messages: Vec<Message> =
            numbers.map(|n| parking(&format!("bay-{}", n % SENSORS), START_MS + n * 10, "occupied")).collect();
        assert_eq!(publish_all(server.mqtt(), &messages, 8, "load").len(), ROUND as usize);
    }
    settle(&server, RECORDS as u64)?;
    server.kill()?;
    let began = Instant::now();
    server.restart()?;
    let took = began.elapsed();
    program::say(&format!("ready after {} ms", took.as_millis()));
    let ledger = server.api().ledger()?;
    assert_eq!(ledger.accepted, RECORDS as u64, "everything acknowledged is visible when it says that it is ready");
    assert!(took <= WITHIN, "{took:?}");
    Ok(())
}
