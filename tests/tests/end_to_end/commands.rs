//! The command line: one clear sentence and a status for everything that goes wrong, exact output for what goes right.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use tests::publisher::parking;
use tests::{Publisher, Server, server};

use super::journey::settle;

#[test]
fn a_data_dir_in_use_and_a_taken_port_are_one_sentence_each() -> anyhow::Result<()> {
    let server = Server::start()?;
    let second = server.run(&["serve", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])?;
    assert!(!second.status.success());
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    let other = Server::stopped("serve", &[])?;
    let taken = other.run(&["serve", "--http", "127.0.0.1:0", "--mqtt", &server.mqtt().to_string()])?;
    assert!(!taken.status.success());
    assert!(taken.stderr.contains(&format!("mqtt: cannot listen on {}", server.mqtt())), "{}", taken.stderr);
    // Recovery takes minutes in a large city.
    assert!(!taken.stderr.contains("journal open"), "{}", taken.stderr);
    assert_eq!(taken.stdout, "");
    Ok(())
}

#[test]
fn no_listener_goes_beyond_this_machine_unless_asked_for_by_name() -> anyhow::Result<()> {
    for flag in ["--http", "--mqtt"] {
        let other = if flag == "--http" { "--mqtt" } else { "--http" };
        let refused = Server::stopped("serve", &[])?.run(&["serve", flag, "0.0.0.0:0", other, "127.0.0.1:0"])?;
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
        assert!(refused.stderr.contains("allow_plaintext_off_loopback"), "{}", refused.stderr);
    }
    Ok(())
}

#[test]
fn a_wrong_address_or_zone_is_refused_before_anything_is_made() -> anyhow::Result<()> {
    for (set, named) in [("mqtts=nowhere", "mqtts"), ("city.zone=Asia/Hanoi", "Asia/Hanoi")] {
        let server = Server::stopped("serve", &[])?;
        let refused = server.run(&["serve", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--set", set])?;
        assert!(!refused.status.success() && refused.stderr.contains(named), "{refused:?}");
        assert!(!server.data_dir().exists(), "{set}");
    }
    Ok(())
}

#[test]
fn config_refuses_what_serve_refuses_and_shows_it_first() -> anyhow::Result<()> {
    for (set, key) in [("ingest.commit_s=0", "ingest.commit_s"), ("source.version=3", "source.url"), ("mqtts=nowhere", "mqtts")] {
        let shown = server::run(&["config", "--set", set], &[])?;
        assert!(!shown.status.success() && shown.stderr.starts_with(&format!("kerbside: {key}: ")), "{shown:?}");
        assert!(shown.stdout.lines().any(|line| line.contains("command line --set")), "{shown:?}");
        let refused = Server::stopped("serve", &[])?.run(&["serve", "--set", set])?;
        assert_eq!((refused.status.code(), refused.stderr), (Some(1), shown.stderr));
    }
    Ok(())
}

#[test]
fn what_only_reads_makes_no_data_dir() -> anyhow::Result<()> {
    let server = Server::stopped("serve", &[])?;
    for args in [
        &["audit"][..],
        &["key", "list"],
        &["key", "revoke", "0011"],
        &["device", "list"],
        &["registry", "export"],
        &["sql", "select count(*) from registry"],
    ] {
        let refused = server.run(args)?;
        assert_eq!((refused.status.code(), refused.stdout.as_str()), (Some(1), ""), "{args:?}");
        assert!(refused.stderr.contains("there is no data dir"), "{args:?}: {}", refused.stderr);
    }
    assert!(!server.data_dir().exists());
    Ok(())
}

#[test]
fn a_device_that_is_onboarded_twice_is_told_what_to_do() -> anyhow::Result<()> {
    let server = Server::stopped("serve", &[])?;
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("bay-1");
    let out = out.to_string_lossy();
    let onboard = ["device", "onboard", "bay-1", "--out", &out];
    assert!(server.run(&onboard)?.status.success());
    let again = server.run(&onboard)?;
    assert!(!again.status.success() && again.stderr.contains("device revoke bay-1"), "{again:?}");
    assert!(again.stderr.contains("--replace"), "{again:?}");
    let replaced = server.run(&[&onboard[..], &["--replace"]].concat())?;
    assert!(!replaced.status.success() && replaced.stderr.contains("name another folder with --out"), "{replaced:?}");
    Ok(())
}

#[test]
fn a_replay_says_at_once_that_it_waits_for_its_broker() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("garages.csv");
    std::fs::write(&file, format!("{GARAGES}3,2014-05-22 09:09:04.145,0,65,NORREPORT,2014-11-03 16:18:44\n"))?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut replay = Command::new(server::binary())
        .args(["replay", &file.to_string_lossy(), "--broker", &format!("mqtt://{nobody}")])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = BufReader::new(replay.stderr.take().context("piped")?);
    let told = stderr.lines().map_while(Result::ok).find(|line| line.contains("waits for the broker"));
    replay.kill()?;
    replay.wait()?;
    let told = told.context("it ended without a word")?;
    assert!(told.contains(&nobody.to_string()) && told.contains("refused") && told.contains("give_up_after_s=30"), "{told}");
    Ok(())
}

/// The header of the shipped mapping `aarhus-counter`.
const GARAGES: &str = "vehiclecount,updatetime,_id,totalspaces,garagecode,streamtime\n";

#[test]
fn an_import_fails_that_gives_nothing_but_refusals() -> anyhow::Result<()> {
    let server = Server::stopped("serve", &[])?;
    let file = server.data_dir().with_file_name("garages.csv");
    std::fs::write(&file, format!("{GARAGES}many,2014-05-22 09:09:04.145,0,65,NORREPORT,x\n1,yesterday,0,65,NORREPORT,x\n"))?;
    let output = server.run(&["import", &file.to_string_lossy()])?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.contains("2 rows: 0 readings, 0 without a value, 2 refused; 0 durable"), "{output:?}");
    let audit = server.run(&["audit"])?.stdout;
    assert!(audit.contains("import") && audit.contains("0 readings durable, 2 rows refused"), "{audit}");
    Ok(())
}

#[test]
fn an_unknown_key_of_the_file_is_an_error_that_names_it() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kerbside.toml");
    std::fs::write(&file, "[ingest]\ncommit_every = 3\n")?;
    let output = server::run(&["config", "--config", &file.to_string_lossy()], &[])?;
    assert!(!output.status.success());
    assert!(output.stderr.contains("commit_every"), "{}", output.stderr);
    Ok(())
}

#[test]
fn the_configuration_tells_where_each_value_came_from() -> anyhow::Result<()> {
    let output = server::run(&["config", "--http", "127.0.0.1:9999"], &[])?;
    assert!(output.status.success(), "{output:?}");
    let line = |key: &str| output.stdout.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("http ").contains("command line"), "{}", output.stdout);
    assert!(line("mqtt ").contains("default"), "{}", output.stdout);
    Ok(())
}

#[test]
fn sql_answers_from_a_stopped_data_dir() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    Publisher::new(server.mqtt(), "one").publish(&[parking("bay-1", 1_790_000_000_000, "occupied")]);
    settle(&server, 1)?;
    assert!(server.stop()?.success());
    let output = server.run(&["sql", "select sensor, state from parking_readings", "--format", "csv"])?;
    assert_eq!(output.stdout, "sensor,state\nbay-1,occupied\n", "{}", output.stderr);
    Ok(())
}

#[test]
fn the_same_recording_by_import_gives_the_same_readings() -> anyhow::Result<()> {
    let Some(file) = tests::shared::file("air/Hanoi_PM2.5_2019_YTD.csv.gz") else { return Ok(()) };
    let file = file.to_string_lossy();
    let replayed = Server::start()?;
    assert!(
        server::run(&["replay", &file, "--speed", "max", "--sensor", "e", "--broker", &replayed.mqtt_url()], &[])?
            .status
            .success()
    );
    let imported = Server::start()?;
    let output = server::run(&["import", &file, "--sensor", "e", "--server", imported.api().base()], &[])?;
    assert!(output.status.success(), "{output:?}");
    let mut stopped = Server::stopped("serve", &[])?;
    let output = stopped.run(&["import", &file, "--sensor", "e"])?;
    assert!(output.status.success(), "{output:?}");
    stopped.restart()?;
    let strip = |server: &Server| -> anyhow::Result<Vec<_>> {
        let received = server.api().ledger()?.received;
        settle(server, received.max(1))?;
        Ok(server
            .api()
            .readings("e")?
            .into_iter()
            .map(|mut item| {
                item["received_at"].take();
                item
            })
            .collect())
    };
    let answers = strip(&replayed)?;
    assert!(answers.len() > 1_000);
    assert_eq!(strip(&imported)?, answers);
    assert_eq!(strip(&stopped)?, answers);
    Ok(())
}
