//! What an intruder tries from the street: each refused, counted, and none of it in the readings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tests::secure::Street;
use tests::until::until;
use tests::{Server, program};

/// Within this a running server knows of a new key or device, or that one was revoked; it takes half a second.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);

const OCCUPIED: &str = r#"{"ts":1790000000000,"state":"occupied"}"#;

/// A server that is reached from everywhere, over TLS alone.
fn on_the_street() -> anyhow::Result<Server> {
    Server::start_with("serve", &["--https", "0.0.0.0:0", "--mqtts", "0.0.0.0:0"])
}

fn authority(server: &Server) -> PathBuf {
    server.data_dir().join("security/ca.pem")
}

fn street(server: &Server) -> anyhow::Result<Street> {
    Street::new(server.https(), &authority(server))
}

/// A command that has to succeed; what it wrote to stdout.
fn done(server: &Server, args: &[&str]) -> anyhow::Result<String> {
    let output = server.run(args)?;
    anyhow::ensure!(output.status.success(), "{args:?}: {output:?}");
    Ok(output.stdout.trim().to_owned())
}

/// A new key that the running server knows.
fn key(server: &Server, street: &Street, name: &str, scope: &str) -> anyhow::Result<String> {
    let key = done(server, &["key", "add", name, "--scope", scope])?;
    let known = until(KNOWN_WITHIN, || (street.ask("GET", "/v1", &bearer(&key), "").ok()?.status == 200).then_some(()));
    anyhow::ensure!(known.is_some(), "the key of {name} opens nothing");
    Ok(key)
}

fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

/// A device with a certificate, and its files.
struct Device<'a> {
    server: &'a Server,
    id: &'static str,
    folder: PathBuf,
}

impl<'a> Device<'a> {
    fn onboard(server: &'a Server, folder: &Path, id: &'static str) -> anyhow::Result<Self> {
        let folder = folder.join(id);
        done(server, &["device", "onboard", id, "--out", &folder.to_string_lossy()])?;
        let device = Self { server, id, folder };
        // Refused or not, a publish says whether the device was let in.
        let is_in = || Some(!error_of(&device.publish("elsewhere", "x").ok()?).contains("Connection error"));
        anyhow::ensure!(until(KNOWN_WITHIN, || is_in().filter(|is_in| *is_in)).is_some(), "{id} is not let in");
        Ok(device)
    }

    fn client(&self, program: &str, args: &[&str]) -> anyhow::Result<Output> {
        let file = |end: &str| self.folder.join(format!("{}{end}", self.id));
        let mut command = Command::new(program::find(program)?);
        command.args(["-h", "localhost", "-p", &self.server.mqtts().port().to_string(), "-V", "mqttv5"]);
        command.arg("--cafile").arg(authority(self.server)).arg("--cert").arg(file(".pem")).arg("--key").arg(file(".key"));
        Ok(command.args(args).output()?)
    }

    fn publish(&self, topic: &str, payload: &str) -> anyhow::Result<Output> {
        self.client("mosquitto_pub", &["-q", "1", "-t", topic, "-m", payload])
    }
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_device_with_a_certificate_speaks_for_itself_alone_and_reads_nothing() -> anyhow::Result<()> {
    let (server, folder) = (on_the_street()?, tempfile::tempdir()?);
    let device = Device::onboard(&server, folder.path(), "bay-1")?;
    let said = device.publish("kerbside/v1/parking/bay-1", OCCUPIED)?;
    assert!(said.status.success(), "{said:?}");
    // The first element was the knock by which the device was seen to be let in.
    super::journey::settle(&server, 2)?;
    assert_eq!(server.api().readings("bay-1")?.len(), 1);

    let said = device.publish("kerbside/v1/parking/bay-2", OCCUPIED)?;
    assert!(error_of(&said).contains("Not authorized"), "{said:?}");
    assert!(server.api().readings("bay-2")?.is_empty());
    let heard = device.client("mosquitto_sub", &["-t", "kerbside/v1/parking/+", "-W", "5", "-C", "1"])?;
    assert!(heard.stdout.is_empty() && error_of(&heard).contains("denied"), "{heard:?}");
    Ok(())
}

#[test]
fn nobody_without_a_certificate_or_with_another_authoritys_gets_in() -> anyhow::Result<()> {
    let (server, other, folder) = (on_the_street()?, on_the_street()?, tempfile::tempdir()?);
    let stranger = Device::onboard(&other, folder.path(), "bay-1")?;
    Device::onboard(&server, &folder.path().join("right"), "bay-1")?;
    let stranger = Device { server: &server, ..stranger };
    let said = stranger.publish("kerbside/v1/parking/bay-1", OCCUPIED)?;
    assert!(!said.status.success(), "{said:?}");
    let mut bare = Command::new(program::find("mosquitto_pub")?);
    bare.args(["-h", "localhost", "-p", &server.mqtts().port().to_string(), "-V", "mqttv5", "--cafile"]).arg(authority(&server));
    let said = bare.args(["-q", "1", "-t", "kerbside/v1/parking/bay-1", "-m", "{}"]).output()?;
    assert!(!said.status.success(), "{said:?}");
    assert_eq!(server.api().ledger()?.accepted, 0);
    assert!(server.api().readings("bay-1")?.is_empty());
    Ok(())
}

#[test]
fn a_revoked_device_is_disconnected_and_stays_out() -> anyhow::Result<()> {
    let (server, folder) = (on_the_street()?, tempfile::tempdir()?);
    let device = Device::onboard(&server, folder.path(), "bay-1")?;
    done(&server, &["device", "revoke", "bay-1"])?;
    let refused = until(KNOWN_WITHIN, || {
        let said = device.publish("kerbside/v1/parking/bay-1", OCCUPIED).ok()?;
        (!said.status.success()).then_some(())
    });
    assert!(refused.is_some(), "a revoked device is still let in");
    Ok(())
}

/// Method and path of every operation that is not public, with the scope that it needs.
fn guarded(server: &Server) -> anyhow::Result<Vec<(String, String, String)>> {
    let description = server.api().get("/v1/openapi.json")?;
    let mut found = Vec::new();
    for (path, methods) in description["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let access = operation["x-access"].as_str().unwrap_or_default().to_owned();
            if access != "public" {
                let path =
                    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
                found.push((method.to_uppercase(), path, access));
            }
        }
    }
    Ok(found)
}

#[test]
fn every_guarded_operation_needs_a_key_of_its_scope() -> anyhow::Result<()> {
    let server = on_the_street()?;
    let street = street(&server)?;
    let guarded = guarded(&server)?;
    assert!(guarded.len() >= 10, "{guarded:?}");
    let sql = key(&server, &street, "a newspaper", "sql")?;
    let readings = key(&server, &street, "a museum", "readings")?;
    for (method, path, access) in &guarded {
        let wrong = if access == "key:sql" { &readings } else { &sql };
        assert_eq!(street.ask(method, path, "", "")?.status, 401, "{method} {path}");
        assert_eq!(street.ask(method, path, &bearer("kbk_1_2"), "")?.status, 401, "{method} {path}");
        let answer = street.ask(method, path, &bearer(wrong), "")?;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        let forged = "x-forwarded-for: 127.0.0.1\r\nforwarded: for=127.0.0.1\r\n";
        assert_eq!(street.ask(method, path, forged, "")?.status, 401, "{method} {path} with forged headers");
        let local = server.api().ask_with(path, &[("x-forwarded-for", "127.0.0.1")])?.status;
        assert!(method == "POST" || local == 401, "{method} {path} through a proxy: {local}");
    }
    let metrics = server.api().ask("/metrics")?.body;
    let counted = |problem: &str| {
        let line = metrics.lines().find(|line| line.starts_with("kerbside_http_refused_total") && line.contains(problem));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    assert!(counted("needs-key") >= 3 * guarded.len() as u64, "{metrics}");
    assert!(counted("wrong-scope") >= guarded.len() as u64, "{metrics}");
    assert!(server.stderr().contains("wrong-scope"), "refusals are logged");
    Ok(())
}

#[test]
fn a_revoked_key_opens_nothing_and_what_was_done_stands_in_the_audit() -> anyhow::Result<()> {
    let server = on_the_street()?;
    let street = street(&server)?;
    let key = done(&server, &["key", "add", "night shift", "--scope", "ops"])?;
    let opens = |status: u16| {
        until(KNOWN_WITHIN, || (street.ask("GET", "/v1/ops/ledger", &bearer(&key), "").ok()?.status == status).then_some(()))
    };
    assert!(opens(200).is_some(), "a new key opens");
    let id = key.split('_').nth(1).unwrap_or_default();
    done(&server, &["key", "revoke", id])?;
    assert!(opens(401).is_some(), "a revoked key is refused");
    let audit = done(&server, &["audit"])?;
    assert!(audit.contains("key add") && audit.contains("key revoke"), "{audit}");
    assert!(!audit.contains(&key), "the audit holds no secret");
    assert!(!server.stderr().contains(&key), "logs hold no secret");
    Ok(())
}

#[test]
fn sql_with_a_key_reads_tables_and_nothing_else() -> anyhow::Result<()> {
    let server = on_the_street()?;
    let street = street(&server)?;
    let headers = bearer(&key(&server, &street, "a newspaper", "sql")?) + "content-type: application/json\r\n";
    let ask = |sql: &str| street.ask("POST", "/v1/query", &headers, &serde_json::json!({"sql": sql}).to_string());
    assert_eq!(ask("select count(*) from parking_readings")?.status, 200);
    for sql in [
        "select * from '/etc/passwd'",
        "select * from read_csv('/etc/passwd')",
        "create external table t stored as csv location '/etc/passwd'",
        "copy parking_readings to '/tmp/out.csv'",
        "insert into parking_readings select * from parking_readings",
        "drop table parking_readings",
        "set datafusion.execution.target_partitions = 1",
        "select 1; select 2",
        "with recursive t as (select 1 as n union all select n + 1 from t) select * from t",
    ] {
        let answer = ask(sql)?;
        assert!(matches!(answer.status, 400 | 422), "{sql}: {}", answer.text);
    }
    Ok(())
}

#[test]
fn ids_that_climb_out_of_their_folder_name_nothing() -> anyhow::Result<()> {
    let server = on_the_street()?;
    for id in ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b", "..", "%252e%252e"] {
        let answer = server.api().ask(&format!("/v1/sensors/{id}/readings?from=2020-01-01T00:00:00Z"))?;
        // Two dots are an id like any other, of a sensor that never said anything.
        let is_empty = answer.status == 200 && answer.json()?["items"].as_array().is_some_and(Vec::is_empty);
        assert!(is_empty || matches!(answer.status, 400 | 404), "{id}: {answer:?}");
    }
    Ok(())
}

#[test]
fn nonsense_by_the_thousand_levels_is_a_dead_letter() -> anyhow::Result<()> {
    let (server, folder) = (on_the_street()?, tempfile::tempdir()?);
    let device = Device::onboard(&server, folder.path(), "bay-1")?;
    let deep = "[".repeat(50_000) + &"]".repeat(50_000);
    let said = device.publish("kerbside/v1/parking/bay-1", &deep)?;
    assert!(said.status.success(), "it is acknowledged, and kept: {said:?}");
    super::journey::settle(&server, 2)?;
    let ledger = server.api().ledger()?;
    assert_eq!(ledger.rejected.get("malformed"), Some(&1), "{ledger:?}");
    Ok(())
}
