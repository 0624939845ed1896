//! Damage under a stopped server: named, and no reason to be silent about the rest.

use std::path::PathBuf;

use serde_json::Value;
use tests::publisher::{parking, publish_all};
use tests::until::until;
use tests::{Api, Server};

use super::journey::settle;

/// Two days of UTC.
const DAYS_MS: [i64; 2] = [1_780_000_000_000, 1_780_086_400_000];

fn filled() -> anyhow::Result<Server> {
    let mut server = Server::start()?;
    let messages: Vec<_> =
        (0..400).map(|n| parking(&format!("bay-{}", n % 4), DAYS_MS[n as usize % 2] + n * 1_000, "occupied")).collect();
    assert_eq!(publish_all(server.mqtt(), &messages, 2, "fill").len(), 400);
    settle(&server, 400)?;
    assert!(server.stop()?.success());
    Ok(server)
}

/// Of the table's day, as paths.
fn files(server: &Server, day: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = server.data_dir().join("lake/parking_readings").join(format!("day={day}"));
    Ok(std::fs::read_dir(folder)?.map(|file| file.map(|file| file.path())).collect::<Result<_, _>>()?)
}

fn sql(api: &Api, sql: &str) -> anyhow::Result<(u16, Value)> {
    let answer = api.post("/v1/query", "application/json", serde_json::json!({ "sql": sql }).to_string().as_bytes())?;
    Ok((answer.status, answer.json()?))
}

#[test]
fn a_missing_or_damaged_lake_file_is_named_by_verify_and_by_the_error_and_the_other_days_are_answered() -> anyhow::Result<()> {
    for damaged in [false, true] {
        let mut server = filled()?;
        let file = files(&server, "2026-05-28")?.remove(0);
        if damaged {
            let mut bytes = std::fs::read(&file)?;
            // The first page behind the magic number, which every question about the column reads.
            bytes[4..68].fill(0xff);
            std::fs::write(&file, bytes)?;
        } else {
            std::fs::remove_file(&file)?;
        }
        let name = file.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
        let verified = server.run(&["verify"])?;
        assert!(!verified.status.success() && verified.stdout.contains(&name), "{verified:?}");
        assert!(verified.stdout.lines().count() < 30, "{}", verified.stdout);

        server.restart()?;
        let api = server.api();
        let (status, answer) = sql(&api, "SELECT count(*) AS n FROM parking_readings WHERE day = DATE '2026-05-29'")?;
        assert_eq!((status, answer["items"][0]["n"].as_u64()), (200, Some(200)), "{answer}");
        let (status, answer) = sql(&api, "SELECT * FROM parking_readings")?;
        // Paths are for operators: the answer names the request, under which the log names the file.
        let request = answer["request_id"].as_str().unwrap_or_default();
        let log = server.stderr();
        let named = log.lines().any(|line| line.contains(request) && line.contains(&name));
        assert!(status == 500 && !request.is_empty() && named, "{status} {answer} {log}");
        let (status, _) = sql(&api, "SELECT 1 AS n")?;
        assert_eq!(status, 200);
    }
    Ok(())
}

#[test]
fn a_last_commit_that_is_empty_or_torn_is_set_aside_and_its_rows_come_from_the_journal() -> anyhow::Result<()> {
    for torn in [false, true] {
        let mut server = filled()?;
        let log = server.data_dir().join("lake/parking_readings/_delta_log");
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(&log)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        entries.retain(|entry| entry.extension().is_some_and(|end| end == "json"));
        let last = entries.into_iter().max().expect("the table has commits");
        let bytes = std::fs::read(&last)?;
        std::fs::write(&last, if torn { &bytes[..bytes.len() / 2] } else { &[] })?;
        // Without the checkpoint that was written behind the commit: as if the power had gone with it.
        for checkpoint in std::fs::read_dir(server.data_dir().join("checkpoint"))? {
            std::fs::remove_file(checkpoint?.path())?;
        }
        server.restart()?;
        assert!(server.stderr().contains("torn last commit was set aside"), "{}", server.stderr());
        let api = server.api();
        let all = until(std::time::Duration::from_secs(20), || api.ledger().ok().filter(|ledger| ledger.accepted == 400));
        assert!(all.is_some(), "{:?}", api.ledger());
        assert_eq!(sql(&api, "SELECT count(*) AS n FROM parking_readings")?.1["items"][0]["n"], 400);
        assert!(server.stop()?.success());
        let verified = server.run(&["verify"])?;
        assert!(verified.status.success(), "{verified:?}");
    }
    Ok(())
}

#[test]
fn verify_reads_the_data_dir_of_a_broker_alone() -> anyhow::Result<()> {
    let mut broker = Server::start_with("broker", &[])?;
    let messages: Vec<_> = (0..100).map(|n| parking("bay-1", DAYS_MS[0] + n, "vacant")).collect();
    assert_eq!(publish_all(broker.mqtt(), &messages, 1, "gateway").len(), 100);
    assert!(broker.stop()?.success());
    let verified = broker.run(&["verify"])?;
    assert!(verified.status.success() && verified.stdout.contains("records 1 to "), "{verified:?}");
    Ok(())
}

#[test]
fn a_source_that_is_the_own_listener_is_refused_at_the_start() -> anyhow::Result<()> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = format!("source.url=mqtt://localhost:{port}");
    let mqtt = format!("127.0.0.1:{port}");
    let refused = Server::stopped("serve", &[])?.run(&["serve", "--http", "127.0.0.1:0", "--mqtt", &mqtt, "--set", &url])?;
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    assert!(refused.stderr.contains("this process itself"), "{}", refused.stderr);
    Ok(())
}
