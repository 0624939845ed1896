//! ONE-1 at the hardest moments: a reading comes again after its day was merged, after a restart, from another gateway, through import.

use std::time::Duration;

use tests::publisher::{Message, publish_all};
use tests::until::until;
use tests::{Publisher, Server};

use super::journey::settle;

/// A day that is over: its files are merged as a whole.
const DAY_MS: i64 = 1_780_000_000_000;
const READINGS: i64 = 600;
const SOON: Duration = Duration::from_secs(30);

fn message(n: i64, gateway: &str) -> Message {
    let ts = DAY_MS + n * 1_000;
    match n % 2 {
        0 => {
            let state = if n % 4 == 0 { "occupied" } else { "vacant" };
            let payload = format!(r#"{{"ts":{ts},"state":"{state}","gateway":"{gateway}","rssi_dbm":-{}}}"#, 60 + gateway.len());
            (format!("kerbside/v1/parking/bay-{}", n % 20), payload.into_bytes())
        }
        _ => {
            let payload = format!(r#"{{"ts":{ts},"pm25":{},"gateway":"{gateway}"}}"#, n as f64 / 8.0);
            (format!("kerbside/v1/air/air-{}", n % 20), payload.into_bytes())
        }
    }
}

fn all(gateway: &str) -> Vec<Message> {
    (0..READINGS).map(|n| message(n, gateway)).collect()
}

/// The same readings as the lines of an import.
fn lines() -> String {
    let lines = all("import").into_iter().map(|(topic, payload)| {
        let mut parts = topic.rsplit('/');
        let (sensor, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let payload = String::from_utf8(payload).expect("written above");
        format!("{{\"kind\":\"{kind}\",\"sensor\":\"{sensor}\",{}\n", &payload[1..])
    });
    lines.collect()
}

#[test]
fn a_reading_that_comes_again_after_its_day_was_merged_changes_no_answer_whichever_way_it_comes() -> anyhow::Result<()> {
    let flags = ["ingest.commit_s=1", "ingest.checkpoint_s=1", "ingest.maintenance_s=1", "lake.merge_every_s=1"];
    let flags: Vec<&str> = flags.into_iter().flat_map(|pair| ["--set", pair]).collect();
    let mut server = Server::start_with("serve", &flags)?;
    // In two commits, so that there is something to merge.
    let (early, late) = all("north").into_iter().enumerate().partition::<Vec<_>, _>(|(n, _)| *n < READINGS as usize / 2);
    for half in [early, late] {
        let messages: Vec<_> = half.into_iter().map(|(_, message)| message).collect();
        let before = server.api().ledger()?.received;
        assert_eq!(publish_all(server.mqtt(), &messages, 2, "north").len(), messages.len());
        settle(&server, before + messages.len() as u64)?;
        committed(&server)?;
    }
    merged(&server)?;
    let answers = |server: &Server| -> anyhow::Result<Vec<_>> {
        let api = server.api();
        (0..20).map(|n| api.readings(&format!("{}-{n}", if n % 2 == 0 { "bay" } else { "air" }))).collect()
    };
    let before = answers(&server)?;
    assert_eq!(before.iter().map(Vec::len).sum::<usize>(), READINGS as usize);

    let mut received = READINGS as u64;
    for restart in [false, true] {
        if restart {
            server.kill()?;
            server.restart()?;
        }
        for gateway in ["north", "south-west"] {
            assert_eq!(Publisher::new(server.mqtt(), gateway).publish(&all(gateway)).len(), READINGS as usize);
            received += READINGS as u64;
            settle(&server, received)?;
            assert_eq!(answers(&server)?, before, "again by {gateway}");
        }
        let imported = server.api().post("/v1/import", "application/x-ndjson", lines().as_bytes())?;
        assert_eq!(imported.status, 200, "{}", imported.body);
        received += READINGS as u64;
        settle(&server, received)?;
        assert_eq!(answers(&server)?, before, "again by an import");
    }
    let ledger = server.api().ledger()?;
    assert_eq!((ledger.accepted, ledger.duplicate), (READINGS as u64, received - READINGS as u64), "{ledger:?}");
    assert!(server.stop()?.success());
    let verified = server.run(&["verify"])?;
    assert!(verified.status.success(), "{verified:?}");
    Ok(())
}

fn committed(server: &Server) -> anyhow::Result<()> {
    let api = server.api();
    let is_committed = || {
        let status = api.get("/v1/ops/ingest").ok()?;
        let tables = status["tables"].as_array()?.clone();
        let head = status["pipeline_head"].as_u64()?;
        let readings = tables.iter().filter(|table| table["table"].as_str().is_some_and(|name| name.ends_with("_readings")));
        readings.map(|table| table["committed"].as_u64()).all(|committed| committed == Some(head)).then_some(())
    };
    anyhow::ensure!(until(SOON, is_committed).is_some(), "{}", api.get("/v1/ops/ingest")?);
    Ok(())
}

/// Every file of both tables is a merged one, and the offsets of its rows are forgotten.
fn merged(server: &Server) -> anyhow::Result<()> {
    let is_merged = || {
        let merged = ["parking_readings", "air_readings"].into_iter().all(|table| {
            let folder = server.data_dir().join("lake").join(table).join("day=2026-05-28");
            std::fs::read_dir(folder)
                .is_ok_and(|files| files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("d-")))
        });
        merged.then_some(())
    };
    anyhow::ensure!(until(SOON, is_merged).is_some(), "nothing was merged: {}", server.stderr());
    Ok(())
}
