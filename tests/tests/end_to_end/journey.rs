//! A reading's whole way: published, acknowledged, visible, once, before and after a restart.

use std::time::Duration;

use tests::publisher::{parking, pm25, publish_all};
use tests::until::until;
use tests::{Publisher, Server};

const DAY_MS: i64 = 1_790_000_000_000;

#[test]
fn an_acknowledged_reading_is_visible_within_a_second() -> anyhow::Result<()> {
    let server = Server::start()?;
    let acknowledged = Publisher::new(server.mqtt(), "one").publish(&[parking("bay-1", DAY_MS, "occupied")]);
    assert_eq!(acknowledged, [0]);
    let api = server.api();
    let seen = until(Duration::from_secs(1), || api.readings("bay-1").ok().filter(|items| items.len() == 1));
    let reading = &seen.expect("visible within a second")[0];
    assert_eq!(reading["state"], "occupied");
    assert_eq!(reading["observed_at"], "2026-09-21T14:13:20Z");
    Ok(())
}

#[test]
fn sending_everything_again_changes_no_answer_before_and_after_a_restart() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let messages: Vec<_> = (0..2_000)
        .map(|n| match n % 2 {
            0 => parking(&format!("bay-{}", n % 20), DAY_MS + n * 1_000, if n % 4 == 0 { "occupied" } else { "vacant" }),
            _ => pm25(&format!("air-{}", n % 20), DAY_MS + n * 60_000, n as f64 / 8.0),
        })
        .collect();
    let answers = |server: &Server| -> anyhow::Result<Vec<_>> {
        let api = server.api();
        (0..20).map(|n| api.readings(&format!("{}-{n}", if n % 2 == 0 { "bay" } else { "air" }))).collect()
    };
    assert_eq!(publish_all(server.mqtt(), &messages, 4, "first").len(), messages.len());
    settle(&server, messages.len() as u64)?;
    let before = answers(&server)?;
    assert_eq!(before.iter().map(Vec::len).sum::<usize>(), messages.len());

    assert_eq!(publish_all(server.mqtt(), &messages, 3, "again").len(), messages.len());
    settle(&server, 2 * messages.len() as u64)?;
    assert_eq!(answers(&server)?, before);
    assert!(server.stop()?.success());
    server.restart()?;
    assert_eq!(answers(&server)?, before);
    assert_eq!(publish_all(server.mqtt(), &messages, 2, "thrice").len(), messages.len());
    settle(&server, 3 * messages.len() as u64)?;
    assert_eq!(answers(&server)?, before);

    let ledger = server.api().ledger()?;
    assert!(ledger.adds_up(), "{ledger:?}");
    assert_eq!((ledger.accepted, ledger.duplicate), (2_000, 4_000));
    let verified = {
        server.stop()?;
        server.run(&["verify"])?
    };
    assert!(verified.status.success(), "{verified:?}");
    Ok(())
}

#[test]
fn another_value_under_the_same_identity_is_a_conflict_and_the_first_stays() -> anyhow::Result<()> {
    let server = Server::start()?;
    let messages = [pm25("s", DAY_MS, 1.0), pm25("s", DAY_MS, 2.0), pm25("s", DAY_MS + 1, 3.0), pm25("s", DAY_MS, 1.0)];
    assert_eq!(Publisher::new(server.mqtt(), "c").publish(&messages).len(), 4);
    settle(&server, 4)?;
    let ledger = server.api().ledger()?;
    assert_eq!((ledger.accepted, ledger.duplicate, ledger.rejected("conflict")), (2, 1, 1));
    let values: Vec<_> = server.api().readings("s")?.iter().map(|item| item["pm25"].as_f64()).collect();
    assert_eq!(values, [Some(1.0), Some(3.0)]);
    Ok(())
}

/// Waits until everything that is durable is judged.
pub fn drained(server: &Server) -> anyhow::Result<()> {
    let api = server.api();
    let drained = || api.get("/v1/ops/ingest").ok().filter(|status| status["journal_head"] == status["pipeline_head"]);
    anyhow::ensure!(until(Duration::from_secs(60), drained).is_some(), "{:?}", api.get("/v1/ops/ingest"));
    Ok(())
}

/// Waits until the ledger has counted so many elements: publishes are acknowledged before they are judged.
pub fn settle(server: &Server, received: u64) -> anyhow::Result<()> {
    let api = server.api();
    let settled = until(Duration::from_secs(60), || api.ledger().ok().filter(|ledger| ledger.received >= received));
    anyhow::ensure!(settled.is_some(), "{received} elements awaited, {:?}", api.ledger());
    Ok(())
}
