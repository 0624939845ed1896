//! Ingest behind a real Mosquitto: a kill -9 of ingest loses nothing that Mosquitto acknowledged.

use std::collections::BTreeSet;

use tests::Server;
use tests::program::Mosquitto;
use tests::publisher::{parking, publish_all};
use tests::until::until;

const START_MS: i64 = 1_785_000_000_000;
const MESSAGES: i64 = 4_000;
const ROUNDS: i64 = 4;

#[test]
fn a_kill_of_ingest_behind_mosquitto_loses_nothing() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mosquitto = Mosquitto::start(folder.path())?;
    for version in ["5", "3"] {
        // A session of its own at the broker: the other version's leftovers are not this one's.
        let keys = [format!("source.version={version}"), format!("source.client_id=ingest-v{version}")];
        let url = mosquitto.url();
        let mut ingest = Server::start_with("ingest", &["--broker", &url, "--set", &keys[0], "--set", &keys[1]])?;
        subscribed(&ingest)?;
        let mut sent = BTreeSet::new();
        for round in 0..ROUNDS {
            let numbers = round * MESSAGES..(round + 1) * MESSAGES;
            let messages: Vec<_> =
                numbers.clone().map(|n| parking(&format!("v{version}-{}", n % 40), START_MS + n * 1_000, "occupied")).collect();
            let address = mosquitto.address();
            let publishing = std::thread::spawn(move || publish_all(address, &messages, 4, "gateway").len());
            std::thread::sleep(std::time::Duration::from_millis(60 * round as u64));
            ingest.kill()?;
            assert_eq!(publishing.join().expect("publishers do not panic"), MESSAGES as usize);
            sent.extend(numbers);
            ingest.restart()?;
        }
        let wanted = sent.len() as u64;
        let all =
            until(std::time::Duration::from_secs(60), || ingest.api().ledger().ok().filter(|ledger| ledger.accepted >= wanted));
        let ledger = ingest.api().ledger()?;
        assert!(all.is_some(), "version {version}: {wanted} sent, {ledger:?}");
        assert!(ledger.adds_up() && ledger.accepted == wanted, "version {version}: {ledger:?}");
    }
    Ok(())
}

/// The first connection must stand before anything is published: a broker keeps nothing for a session it never saw.
pub fn subscribed(ingest: &Server) -> anyhow::Result<()> {
    let up = until(std::time::Duration::from_secs(20), || {
        let metrics = ingest.api().ask("/metrics").ok()?.body;
        metrics.lines().find(|line| line.starts_with("kerbside_source_subscribed") && line.ends_with(" 1")).map(drop)
    });
    anyhow::ensure!(up.is_some(), "ingest does not connect to the broker; {}", ingest.stderr());
    Ok(())
}
