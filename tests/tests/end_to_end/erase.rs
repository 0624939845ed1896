//! Erasing a sensor's period: nothing of it is left in the data directory, everything else is as it was, and nothing brings it back.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tests::publisher::{Message, parking, publish_all};
use tests::until::until;
use tests::{Server, program, server};

use super::journey::settle;

/// Some day that is over.
const DAY_MS: i64 = 1_780_000_000_000;
const FROM: &str = "2026-05-28T00:00:00Z";
/// The instant of the reading that stays.
const TO: &str = "2026-05-28T21:00:00Z";
const AFTER_MS: i64 = 1_780_002_000_000;
const MARKER: &str = "Marker7f3a9c";
const QUICK: [&str; 5] = [
    "ingest.commit_s=1",
    "ingest.checkpoint_s=1",
    "ingest.maintenance_s=1",
    "lake.merge_every_s=1",
    "journal.segment_bytes=8192",
];

fn start() -> anyhow::Result<Server> {
    Server::start_with("serve", &QUICK.iter().flat_map(|pair| ["--set", pair]).collect::<Vec<_>>())
}

/// Of two sensors as many parking as air readings; those of one carry the marker.
fn readings() -> Vec<Message> {
    let message = |sensor: &str, gateway: &str, n: i64| {
        let ts = DAY_MS + n * 1_000;
        let (kind, value) = if n % 2 == 0 { ("parking", r#""state":"occupied""#) } else { ("air", r#""pm25":7.5"#) };
        let payload = format!(r#"{{"ts":{ts},{value},"gateway":"{gateway}"}}"#);
        (format!("kerbside/v1/{kind}/{sensor}"), payload.into_bytes())
    };
    (0..60).flat_map(|n| [message("bay-1", MARKER, n), message("bay-2", "keeper", n)]).collect()
}

fn publish_retained(server: &Server, messages: &[(&str, String)]) -> anyhow::Result<()> {
    let address = server.mqtt();
    let options = rumqttc::MqttOptions::new("retainer", address.ip().to_string(), address.port());
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    for (topic, payload) in messages {
        client.publish(*topic, rumqttc::QoS::AtLeastOnce, true, payload.as_bytes())?;
    }
    let mut acknowledged = 0;
    for event in connection.iter() {
        if let rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_)) = event? {
            acknowledged += 1;
            if acknowledged == messages.len() {
                return Ok(());
            }
        }
    }
    anyhow::bail!("the connection ended early")
}

/// Readings, conflicts, retained messages, a merged day; stopped.
fn filled() -> anyhow::Result<Server> {
    let mut server = start()?;
    let retained = format!(r#"{{"ts":{},"state":"vacant","gateway":"{MARKER}"}}"#, DAY_MS + 100_000);
    let other = retained.replace(MARKER, "keeper");
    publish_retained(&server, &[("kerbside/v1/parking/bay-1", retained), ("kerbside/v1/parking/bay-2", other)])?;
    let messages = readings();
    assert_eq!(publish_all(server.mqtt(), &messages, 2, "fill").len(), messages.len());
    settle(&server, 122)?;
    let conflict = format!(r#"{{"ts":{DAY_MS},"state":"vacant","gateway":"{MARKER}"}}"#);
    let conflict = ("kerbside/v1/parking/bay-1".to_owned(), conflict.into_bytes());
    let more = [conflict, parking("bay-1", AFTER_MS, "vacant")];
    assert_eq!(publish_all(server.mqtt(), &more, 1, "more").len(), 2);
    settle(&server, 124)?;
    let day = server.data_dir().join("lake/parking_readings/day=2026-05-28");
    let merged = until(Duration::from_secs(30), || {
        let names = std::fs::read_dir(&day).ok()?.flatten().map(|file| file.file_name());
        names.into_iter().any(|name| name.to_string_lossy().starts_with("d-")).then_some(())
    });
    merged.context("the day is merged, its replaced files stay")?;
    assert!(server.stop()?.success());
    Ok(server)
}

fn erase(server: &Server, more: &[&str]) -> anyhow::Result<tests::server::Output> {
    let args = ["erase", "--sensor", "bay-1", "--from", FROM, "--to", TO];
    server.run(&[args.as_slice(), more].concat())
}

/// Files below a folder whose bytes hold the text.
fn holding(folder: &Path, text: &str) -> anyhow::Result<Vec<String>> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path)?.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    Ok(found)
}

fn sql(server: &Server, statement: &str) -> anyhow::Result<String> {
    let output = server.run(&["sql", statement, "--format", "csv"])?;
    anyhow::ensure!(output.status.success(), "{output:?}");
    Ok(output.stdout)
}

fn everything_of(server: &Server, sensor: &str) -> anyhow::Result<String> {
    let tables = ["parking_readings", "air_readings"];
    let ask = |table| sql(server, &format!("SELECT * FROM {table} WHERE sensor = '{sensor}' ORDER BY observed_at"));
    Ok(tables.map(ask).into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat())
}

/// Every data file of the reading tables and dead letters is one that the Delta log names, by Delta's own reader.
const ONLY_LIVE_FILES: &str = r"
import os, sys
from urllib.parse import unquote, urlparse
from deltalake import DeltaTable
for table in ['parking_readings', 'air_readings', 'dead_letters']:
    folder = os.path.join(sys.argv[1], 'lake', table)
    delta = DeltaTable(folder)
    live = {os.path.basename(unquote(urlparse(uri).path)) for uri in delta.file_uris()}
    disk = {name for _, _, names in os.walk(folder) for name in names if name.endswith('.parquet') and 'checkpoint' not in name}
    assert live == disk, (table, live ^ disk)
    log = [name for name in os.listdir(os.path.join(folder, '_delta_log')) if name[0].isdigit()]
    assert {name.split('.')[0] for name in log} == {'%020d' % delta.version()}, log
";

fn assert_only_live_files(server: &Server) -> anyhow::Result<()> {
    let output = Command::new(program::python()?).args(["-c", ONLY_LIVE_FILES]).arg(server.data_dir()).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn assert_verified(server: &Server, told: &str) -> anyhow::Result<()> {
    let verified = server.run(&["verify"])?;
    anyhow::ensure!(verified.status.success() && verified.stdout.contains(told), "{told:?} in {verified:?}");
    Ok(())
}

#[test]
fn an_erased_period_is_nowhere_any_more_and_the_rest_is_as_it_was() -> anyhow::Result<()> {
    let server = filled()?;
    let other = everything_of(&server, "bay-2")?;
    assert!(holding(&server.data_dir(), MARKER)?.iter().any(|file| file.ends_with(".journal")));

    let dry = erase(&server, &["--dry-run"])?;
    assert!(dry.status.success(), "{dry:?}");
    assert!(dry.stdout.contains("there are 61 readings, 1 dead letters, "), "{}", dry.stdout);
    assert!(dry.stdout.contains(" journal records, 1 retained messages"), "{}", dry.stdout);
    assert!(!holding(&server.data_dir(), MARKER)?.is_empty(), "a dry run erases nothing");

    let erased = erase(&server, &[])?;
    assert!(erased.status.success(), "{erased:?}");
    assert!(erased.stdout.contains("erased 61 readings, 1 dead letters, "), "{}", erased.stdout);
    assert_eq!(holding(&server.data_dir(), MARKER)?, Vec::<String>::new());
    assert_only_live_files(&server)?;
    assert_verified(&server, "61 of the accepted readings and 1 dead letters were erased on request")?;
    assert_eq!(everything_of(&server, "bay-2")?, other);
    let left = sql(&server, "SELECT count(*) AS n FROM parking_readings WHERE sensor = 'bay-1'")?;
    assert_eq!(left, "n\n1\n", "the reading after the period");
    assert_eq!(sql(&server, "SELECT count(*) AS n FROM dead_letters")?, "n\n0\n");

    let again = erase(&server, &[])?;
    assert!(again.stdout.contains("erased 0 readings, 0 dead letters, 0 journal records, 0 retained"), "{again:?}");
    let audit = server.run(&["audit"])?.stdout;
    let line = audit.lines().last().unwrap_or_default();
    assert!(line.contains("erase") && line.contains("bay-1 from 2026-05-28") && line.contains("61 readings"), "{audit}");
    Ok(())
}

#[test]
fn an_erased_period_does_not_come_back_when_a_device_sends_again() -> anyhow::Result<()> {
    let mut server = filled()?;
    assert!(erase(&server, &[])?.status.success());
    server.restart()?;
    let before = server.api().ledger()?;
    assert!(before.adds_up());
    assert_eq!(server.api().get("/v1/ops/ledger")?["erased"], 61);
    assert_eq!(server.api().readings("bay-1")?.len(), 1);
    let messages = readings();
    assert_eq!(publish_all(server.mqtt(), &messages, 2, "again").len(), messages.len());
    settle(&server, before.received + 120)?;
    let after = server.api().ledger()?;
    assert!(after.adds_up());
    assert_eq!((after.accepted, after.rejected("expired")), (before.accepted, before.rejected("expired") + 60));
    assert_eq!(after.duplicate, before.duplicate + 60, "the other sensor's are known");
    let letters = server.api().list("/v1/ops/deadletters?reason=expired")?;
    assert_eq!(letters.len(), 60);
    let letter = letters[0].to_string();
    assert!(letter.contains("erased on request") && !letter.contains(MARKER), "{letter}");
    assert!(server.stop()?.success());
    assert_verified(&server, "every promise holds")?;
    assert_eq!(holding(&server.data_dir().join("lake"), MARKER)?, Vec::<String>::new());
    Ok(())
}

#[test]
fn an_erasure_that_was_killed_anywhere_leaves_a_sound_directory_and_the_next_one_ends_it() -> anyhow::Result<()> {
    let whole = filled()?;
    let folder = tempfile::tempdir()?;
    let moments = [
        "journal.after_sync:1",
        "checkpoint.before_name:1",
        "checkpoint.after_name:1",
        "checkpoint.after_name:2",
        "file.before_name:1",
        "file.after_name:2",
        "file.after_name:4",
        "log_checkpoint.before:1",
        "log_checkpoint.after:2",
    ];
    for (number, moment) in moments.into_iter().enumerate() {
        let data = folder.path().join(number.to_string());
        anyhow::ensure!(Command::new("cp").arg("-r").arg(whole.data_dir()).arg(&data).status()?.success());
        let dying = Server::stopped("serve", &[])?.with_data_dir(data);
        let died = dying.run_dying_at(moment, &["erase", "--sensor", "bay-1", "--from", FROM, "--to", TO])?;
        let name = moment.split(':').next().unwrap_or_default();
        assert!(died.stderr.contains(&format!("ends at {name}")), "{moment}: {died:?}");
        assert_verified(&dying, "every promise holds").context(moment)?;
        let ended = erase(&dying, &[])?;
        assert!(ended.status.success(), "{moment}: {ended:?}");
        assert_eq!(holding(&dying.data_dir(), MARKER)?, Vec::<String>::new(), "{moment}");
        assert_only_live_files(&dying).context(moment)?;
        assert_verified(&dying, "61 of the accepted readings and 1 dead letters were erased").context(moment)?;
    }
    Ok(())
}

#[test]
fn a_request_that_makes_no_sense_is_refused_in_a_sentence_that_names_the_flag() -> anyhow::Result<()> {
    let mut server = start()?;
    publish_all(server.mqtt(), &[parking("bay-1", DAY_MS, "vacant")], 1, "one");
    settle(&server, 1)?;
    let ask = |server: &Server, sensor: &str, from: &str, to: &str| {
        server.run(&["erase", "--sensor", sensor, "--from", from, "--to", to])
    };
    let refused = |output: tests::server::Output, words: &[&str]| {
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        words.iter().for_each(|word| assert!(output.stderr.contains(word), "{word}: {}", output.stderr));
    };
    refused(ask(&server, "bay-1", FROM, TO)?, &["in use"]);
    assert!(server.stop()?.success());
    refused(ask(&server, "bay-1", TO, FROM)?, &["--to", "--from", "later"]);
    refused(ask(&server, "bay-1", FROM, FROM)?, &["--to", "--from"]);
    refused(ask(&server, "bay-1", FROM, "2999-01-01T00:00:00Z")?, &["--to", "ahead"]);
    refused(ask(&server, "bay-1", "yesterday", TO)?, &["--from"]);
    refused(ask(&server, "a/b", FROM, TO)?, &["--sensor"]);
    let unknown = ask(&server, "ghost", FROM, TO)?;
    assert_eq!(unknown.status.code(), Some(1));
    refused(unknown, &["--sensor ghost", "nothing is known"]);
    refused(server.run(&["erase", "--sensor", "bay-1", "--to", TO])?, &["--from"]);
    let nowhere = ["erase", "--sensor", "bay-1", "--from", FROM, "--to", TO, "--data-dir", "/nowhere/at/all"];
    refused(server::run(&nowhere, &[])?, &["--data-dir", "/nowhere/at/all"]);
    Ok(())
}
