//! Mosquitto's own clients against the front: 3.1.1 and 5, QoS 0 to 2, retained messages, wills, sessions.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tests::{Server, program};

const VERSIONS: [&str; 2] = ["mqttv311", "mqttv5"];

#[test]
fn a_subscriber_gets_what_is_published_at_every_qos() -> anyhow::Result<()> {
    let clients = Clients::find()?;
    let server = Server::start()?;
    for version in VERSIONS {
        for qos in ["0", "1", "2"] {
            let topic = format!("demo/{version}/{qos}");
            let mut subscriber = clients.subscribe(&server, version, &["-t", &topic, "-q", qos, "-C", "20"])?;
            for n in 0..20 {
                clients.publish(&server, version, &["-t", &topic, "-q", qos, "-m", &n.to_string()])?;
            }
            let expected: Vec<String> = (0..20).map(|n: i32| n.to_string()).collect();
            assert_eq!(subscriber.lines(20), expected, "{version} QoS {qos}");
        }
    }
    Ok(())
}

#[test]
fn a_retained_message_meets_a_later_subscriber_also_after_a_restart() -> anyhow::Result<()> {
    let clients = Clients::find()?;
    let mut server = Server::start()?;
    clients.publish(&server, "mqttv5", &["-t", "demo/kept", "-q", "1", "-r", "-m", "still here"])?;
    for _ in 0..2 {
        for version in VERSIONS {
            let output = clients.run_subscriber(&server, version, &["-t", "demo/+", "-q", "1", "-C", "1", "-W", "10"])?;
            assert_eq!(output, "still here\n", "{version}");
        }
        server.kill()?;
        server.restart()?;
    }
    Ok(())
}

#[test]
fn a_will_is_published_when_its_client_dies_and_not_when_it_leaves() -> anyhow::Result<()> {
    let clients = Clients::find()?;
    let server = Server::start()?;
    for version in VERSIONS {
        let topic = format!("wills/{version}");
        let mut watcher = clients.subscribe(&server, version, &["-t", &topic, "-q", "1", "-C", "1"])?;
        let mut dying = clients.subscribe(
            &server,
            version,
            &["-t", "x", "--will-topic", &topic, "--will-payload", "gone", "--will-qos", "1"],
        )?;
        dying.child.kill()?;
        assert_eq!(watcher.lines(1), ["gone"], "{version}");
    }
    Ok(())
}

#[test]
fn a_persistent_session_gets_what_came_while_it_was_away_also_over_a_kill() -> anyhow::Result<()> {
    let clients = Clients::find()?;
    let mut server = Server::start()?;
    let away = ["-t", "demo/away", "-q", "1", "-c", "-i", "sleeper"];
    clients.run_subscriber(&server, "mqttv311", &[&away[..], &["-E"]].concat())?;
    for n in 0..50 {
        clients.publish(&server, "mqttv311", &["-t", "demo/away", "-q", "1", "-m", &n.to_string()])?;
    }
    server.kill()?;
    server.restart()?;
    let output = clients.run_subscriber(&server, "mqttv311", &[&away[..], &["-C", "50", "-W", "15"]].concat())?;
    let expected: String = (0..50).map(|n| format!("{n}\n")).collect();
    assert_eq!(output, expected);
    Ok(())
}

#[test]
fn a_persistent_session_gets_what_came_while_it_was_away_also_over_changes_without_a_server() -> anyhow::Result<()> {
    let clients = Clients::find()?;
    let mut server = Server::start_with("serve", &["--set", "journal.segment_bytes=8192"])?;
    let away = ["-t", "demo/away", "-q", "1", "-c", "-i", "sleeper"];
    clients.run_subscriber(&server, "mqttv311", &[&away[..], &["-E"]].concat())?;
    let messages: Vec<String> = (0..30).map(|n: i32| format!("{n:0>1000}")).collect();
    for message in &messages {
        clients.publish(&server, "mqttv311", &["-t", "demo/away", "-q", "1", "-m", message])?;
    }
    server.kill()?;
    // The journal may be trimmed up to the second newest checkpoint.
    for name in ["one", "two", "three"] {
        let file = server.data_dir().with_extension("geojson");
        let site = format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","geometry":{{"type":"Point","coordinates":[105.8,21.0]}},
               "properties":{{"kind":"site","id":"lot-1","site_kind":"lot","capacity":3,"name":"{name}"}}}}]}}"#
        );
        std::fs::write(&file, site)?;
        let imported = server.run(&["registry", "import", &file.to_string_lossy()])?;
        anyhow::ensure!(imported.status.success(), "{imported:?}");
    }
    server.restart()?;
    let output = clients.run_subscriber(&server, "mqttv311", &[&away[..], &["-C", "30", "-W", "15"]].concat())?;
    assert_eq!(output.lines().collect::<Vec<_>>(), messages);
    Ok(())
}

struct Clients {
    publish: std::path::PathBuf,
    subscribe: std::path::PathBuf,
}

impl Clients {
    fn find() -> anyhow::Result<Self> {
        Ok(Self { publish: program::find("mosquitto_pub")?, subscribe: program::find("mosquitto_sub")? })
    }

    fn publish(&self, server: &Server, version: &str, args: &[&str]) -> anyhow::Result<()> {
        let status = command(&self.publish, server, version).args(args).status()?;
        anyhow::ensure!(status.success(), "mosquitto_pub {args:?}: {status}");
        Ok(())
    }

    fn run_subscriber(&self, server: &Server, version: &str, args: &[&str]) -> anyhow::Result<String> {
        Ok(String::from_utf8(command(&self.subscribe, server, version).args(args).output()?.stdout)?)
    }

    /// Returns once its subscription is granted: `-d` says so on stdout, which `stdbuf` has it write line by line.
    fn subscribe(&self, server: &Server, version: &str, args: &[&str]) -> anyhow::Result<Subscriber> {
        let mut child = Command::new("stdbuf")
            .arg("-oL")
            .arg(&self.subscribe)
            .args(target(server, version))
            .args(args)
            .args(["-d", "-F", "message %p"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        while !line.starts_with("Subscribed") {
            line.clear();
            anyhow::ensure!(output.read_line(&mut line)? > 0, "mosquitto_sub {args:?} ended early");
        }
        Ok(Subscriber { child, output })
    }
}

struct Subscriber {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Subscriber {
    fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        while lines.len() < count && self.output.read_line(&mut line).is_ok_and(|read| read > 0) {
            if let Some(message) = line.trim_end().strip_prefix("message ") {
                lines.push(message.to_owned());
            }
            line.clear();
        }
        lines
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(program: &Path, server: &Server, version: &str) -> Command {
    let mut command = Command::new(program);
    command.args(target(server, version));
    command
}

fn target(server: &Server, version: &str) -> [String; 6] {
    let port = server.mqtt().port().to_string();
    ["-h", "127.0.0.1", "-p", &port, "-V", version].map(str::to_owned)
}
