//! The real `kerbside` binary in a process of its own, on free ports and a temporary data directory.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::api::Api;

/// The system takes a free port.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server may take this long until its `ready` line; recovery included.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One data directory and the process that serves it, if one runs.
pub struct Server {
    dir: TempDir,
    data: PathBuf,
    /// Where a start of the process dies, as `KERBSIDE_CRASH_AT` says it.
    crash: Option<String>,
    command: &'static str,
    args: Vec<String>,
    /// Where the next start listens.
    addresses: Addresses,
    running: Option<Running>,
}

struct Running {
    child: Child,
    addresses: Addresses,
}

/// As the `ready` line tells them.
#[derive(Clone, Default)]
struct Addresses {
    http: Option<SocketAddr>,
    mqtt: Option<SocketAddr>,
    link: Option<SocketAddr>,
    https: Option<SocketAddr>,
    mqtts: Option<SocketAddr>,
}

impl Server {
    /// `kerbside serve` on a new data directory.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with("serve", &[])
    }

    pub fn start_with(command: &'static str, args: &[&str]) -> anyhow::Result<Self> {
        let mut server = Self::stopped(command, args)?;
        server.restart()?;
        Ok(server)
    }

    /// A data directory that no process serves yet.
    pub fn stopped(command: &'static str, args: &[&str]) -> anyhow::Result<Self> {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let dir = tempfile::Builder::new().prefix("kerbside-").tempdir()?;
        let addresses = Addresses { http: Some(FREE), mqtt: Some(FREE), ..Addresses::default() };
        let data = dir.path().join("data");
        Ok(Self { dir, data, crash: None, command, args, addresses, running: None })
    }

    /// With a data directory elsewhere: on a disk of its own.
    pub fn with_data_dir(mut self, data: PathBuf) -> Self {
        self.data = data;
        self
    }

    /// From now on each start dies at this moment, such as `commit.before_log:2`; `None`: lives on.
    pub fn crash_at(&mut self, moment: Option<String>) {
        self.crash = moment;
    }

    /// Opens ingest's link, too.
    pub fn with_link(mut self) -> Self {
        self.addresses.link = Some(FREE);
        self
    }

    /// Flags of every start from now on.
    pub fn with_flags(&mut self, flags: &[&str]) {
        self.args.extend(flags.iter().map(|&flag| flag.to_owned()));
    }

    /// From now on every start listens where this one does: other processes know it by its addresses.
    pub fn keep_addresses(&mut self) {
        let Addresses { http, mqtt, link, .. } = self.running().addresses.clone();
        // What this command does not serve, it may be told any port for.
        self.addresses = Addresses { http: http.or(Some(FREE)), mqtt: mqtt.or(Some(FREE)), link, ..Addresses::default() };
    }

    /// Starts the process again on the same data directory, on ports of their own.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let mut command = kerbside();
        command.envs(self.crash.iter().map(|moment| ("KERBSIDE_CRASH_AT", moment)));
        let mut child = command
            .arg(self.command)
            .args(self.addresses.flags())
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(&self.args)
            .stdout(Stdio::piped())
            .stderr(self.log()?)
            .spawn()
            .context("starting kerbside")?;
        let line = ready_line(&mut child);
        match line.as_deref().and_then(parse_ready) {
            Some(addresses) => self.running = Some(Running { child, addresses }),
            None => {
                child.kill()?;
                child.wait()?;
                bail!("no ready line but {line:?}; stderr:\n{}", self.stderr());
            }
        }
        Ok(())
    }

    pub fn api(&self) -> Api {
        Api::new(self.running().addresses.http.expect("this command serves HTTP"))
    }

    pub fn mqtt(&self) -> SocketAddr {
        self.running().addresses.mqtt.expect("this command serves MQTT")
    }

    /// Where HTTP over TLS is served, under the name `localhost`.
    pub fn https(&self) -> SocketAddr {
        self.running().addresses.https.expect("started with --https")
    }

    /// Where MQTT over TLS is served, under the name `localhost`.
    pub fn mqtts(&self) -> SocketAddr {
        self.running().addresses.mqtts.expect("started with --mqtts")
    }

    /// Where processes of query find ingest.
    pub fn link(&self) -> SocketAddr {
        self.running().addresses.link.expect("this command opens a link")
    }

    pub fn mqtt_url(&self) -> String {
        format!("mqtt://{}", self.mqtt())
    }

    pub fn data_dir(&self) -> PathBuf {
        self.data.clone()
    }

    pub fn pid(&self) -> u32 {
        self.running().child.id()
    }

    /// What the process wrote to stderr, all starts together.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("stderr")).unwrap_or_default()
    }

    /// How the process ended, if it has: by itself, or by the moment that it was started to die at.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let Some(running) = &mut self.running else {
            return Ok(None);
        };
        let ended = running.child.try_wait()?;
        if ended.is_some() {
            self.running = None;
        }
        Ok(ended)
    }

    /// kill -9.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut running) = self.running.take() {
            running.child.kill()?;
            running.child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM, then waits for the end.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        let mut running = self.running.take().context("not running")?;
        Command::new("kill").arg(running.child.id().to_string()).status()?;
        Ok(running.child.wait()?)
    }

    /// Another `kerbside` command on this data directory; its standard output.
    pub fn run(&self, args: &[&str]) -> anyhow::Result<Output> {
        run(args, &["--data-dir", &self.data_dir().to_string_lossy()])
    }

    /// As [`Server::run`], until the process dies at this moment, such as `commit.before_log:2`.
    pub fn run_dying_at(&self, moment: &str, args: &[&str]) -> anyhow::Result<Output> {
        let mut command = kerbside();
        command.env("KERBSIDE_CRASH_AT", moment).args(args).arg("--data-dir").arg(self.data_dir());
        ended(command.output()?)
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server runs")
    }

    fn log(&self) -> anyhow::Result<std::fs::File> {
        Ok(std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("stderr"))?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
        if std::thread::panicking() {
            let stderr = self.stderr();
            let tail = stderr.lines().rev().take(60).collect::<Vec<_>>();
            std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("server's last lines:\n{}\n", tail.into_iter().rev().collect::<Vec<_>>().join("\n")).as_bytes(),
            )
            .expect("stderr is open");
        }
    }
}

/// How a finished command ended.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `kerbside` to its end.
pub fn run(args: &[&str], more: &[&str]) -> anyhow::Result<Output> {
    ended(kerbside().args(args).args(more).output()?)
}

fn ended(output: std::process::Output) -> anyhow::Result<Output> {
    Ok(Output { status: output.status, stdout: String::from_utf8(output.stdout)?, stderr: String::from_utf8(output.stderr)? })
}

/// The binary without the caller's `KERBSIDE_…` variables, outside any directory with a `kerbside.toml`.
fn kerbside() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars() {
        if name.starts_with("KERBSIDE_") {
            command.env_remove(name);
        }
    }
    command.current_dir(std::env::temp_dir());
    command
}

/// `KERBSIDE_BIN`, else the debug build beside this test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("KERBSIDE_BIN") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("a running program has a path");
    let beside = test.parent().and_then(Path::parent).map(|profile| profile.join("kerbside")).unwrap_or_default();
    assert!(beside.is_file(), "build the binary first: cargo build --package kerbside ({})", beside.display());
    beside
}

fn ready_line(child: &mut Child) -> Option<String> {
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        if reader.read_line(&mut line).is_ok() {
            let _ = sender.send(line);
        }
        // Kept open, so that a second line of the server does not break its pipe.
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
    });
    receiver.recv_timeout(READY_WITHIN).ok()
}

/// `ready http=127.0.0.1:8080 mqtt=127.0.0.1:1883`
fn parse_ready(line: &str) -> Option<Addresses> {
    let mut addresses = Addresses::default();
    for word in line.trim_end().strip_prefix("ready ")?.split(' ') {
        let (name, address) = word.split_once('=')?;
        let address = Some(address.parse().ok()?);
        match name {
            "http" => addresses.http = address,
            "mqtt" => addresses.mqtt = address,
            "link" => addresses.link = address,
            "https" => addresses.https = address,
            "mqtts" => addresses.mqtts = address,
            _ => return None,
        }
    }
    Some(addresses)
}

impl Addresses {
    fn flags(&self) -> Vec<String> {
        let named = [("--http", self.http), ("--mqtt", self.mqtt), ("--link", self.link)];
        named.into_iter().flat_map(|(flag, at)| at.into_iter().flat_map(|at| [flag.to_owned(), at.to_string()])).collect()
    }
}
