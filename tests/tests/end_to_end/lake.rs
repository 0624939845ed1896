//! The lake without Kerbside: Python with `deltalake` and DuckDB finds exactly the accepted readings, once each.

use std::path::Path;
use std::process::Command;

use tests::publisher::{parking, pm25, publish_all};
use tests::{Server, program};

use super::journey::settle;

const READINGS: i64 = 6_000;
const START_MS: i64 = 1_790_000_000_000;

#[test]
fn independent_readers_find_exactly_the_accepted_readings() -> anyhow::Result<()> {
    let python = program::python()?;
    let mut server = Server::start()?;
    fill(&server, 0)?;
    assert!(server.stop()?.success());
    read(&python, &server.data_dir(), READINGS, READINGS)
}

#[test]
fn independent_readers_see_whole_commits_while_commits_and_compaction_run() -> anyhow::Result<()> {
    let python = program::python()?;
    let mut server = Server::start_with("serve", &["--set", "ingest.commit_s=1", "--set", "ingest.maintenance_s=1"])?;
    for round in 0..5 {
        fill(&server, round)?;
        let output =
            Command::new(&python).arg(script()).arg(server.data_dir()).args(["0", &(2 * READINGS * 5).to_string()]).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(server.stop()?.success());
    read(&python, &server.data_dir(), 5 * READINGS, 5 * READINGS)
}

/// As many parking as air readings, on three days, with every reading sent twice.
fn fill(server: &Server, round: i64) -> anyhow::Result<()> {
    let before = server.api().ledger()?.received;
    let mut messages = Vec::new();
    for n in round * READINGS..(round + 1) * READINGS {
        messages.push(parking(&format!("bay-{}", n % 50), START_MS + n * 7_000, if n % 2 == 0 { "occupied" } else { "vacant" }));
        messages.push(pm25(&format!("air-{}", n % 5), START_MS + n * 7_000, (n % 900) as f64 / 10.0));
    }
    for _ in 0..2 {
        assert_eq!(publish_all(server.mqtt(), &messages, 4, "fill").len(), messages.len());
    }
    settle(server, before + 4 * READINGS as u64)
}

fn read(python: &Path, data_dir: &Path, parking: i64, air: i64) -> anyhow::Result<()> {
    let output =
        Command::new(python).arg(script()).arg(data_dir).args(["exact", &parking.to_string(), &air.to_string()]).output()?;
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn script() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/python/read_lake.py")
}
