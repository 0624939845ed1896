//! The real binary as a child process: started on free ports, heard until it is ready, stopped by its id.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use domain::Clock;

const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(60);

pub struct Server {
    child: Child,
    /// `host:port`
    pub http: String,
    pub mqtt: String,
    stderr: PathBuf,
    /// Held open: a server that writes to a closed stdout would fail.
    _stdout: BufReader<ChildStdout>,
}

/// The binary to measure: named, by KERBSIDE_BIN, or the newest build's usual places.
pub fn binary(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let from_environment = std::env::var_os("KERBSIDE_BIN").map(PathBuf::from);
    let usual = ["target/release/kerbside", "target/debug/kerbside"].map(PathBuf::from);
    let named = named.map(Path::to_owned).or(from_environment);
    let found = match named {
        Some(path) => Some(path).filter(|path| path.is_file()),
        None => usual.into_iter().find(|path| path.is_file()),
    };
    found.context("no server binary: build it (cargo build --release -p kerbside) or name it with --binary or KERBSIDE_BIN")
}

impl Server {
    /// Waits for the ready line; stderr goes to a file beside the data dir.
    pub async fn start(binary: &Path, data_dir: &Path, clock: &dyn Clock) -> anyhow::Result<Self> {
        let stderr = data_dir.with_extension("stderr");
        let log = File::create(&stderr).with_context(|| format!("creating {}", stderr.display()))?;
        let mut command = Command::new(binary);
        command.args(["serve", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("KERBSIDE_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().with_context(|| format!("starting {}", binary.display()))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            let read = stdout.read_line(&mut line);
            (stdout, line, read)
        });
        let heard = tokio::select! {
            heard = reading => heard.context("reading stdout")?,
            () = clock.sleep(READY_MAX) => {
                child.kill().context("killing a server that is not ready")?;
                bail!("not ready within {READY_MAX:?}; see {}", stderr.display());
            }
        };
        let (_stdout, line, read) = heard;
        read.context("reading stdout")?;
        let Some((http, mqtt)) = ready(&line) else {
            let _ = child.kill();
            let log = std::fs::read_to_string(&stderr).unwrap_or_default();
            bail!("no ready line but {line:?}; its stderr: {log}");
        };
        Ok(Self { child, http, mqtt, stderr, _stdout })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and its exit code; killed when it takes too long.
    pub async fn stop(mut self, clock: &dyn Clock) -> anyhow::Result<Option<i32>> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).context("a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).context("SIGTERM")?;
        let began = clock.elapsed();
        while clock.elapsed().saturating_sub(began) < STOP_MAX {
            if let Some(status) = self.child.try_wait().context("waiting for the server")? {
                return Ok(status.code());
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
        bail!("did not stop within {STOP_MAX:?}; see {}", self.stderr.display())
    }
}

impl Drop for Server {
    /// Nothing is left behind when a measurement fails. A server that has ended already is no error.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Addresses of `ready http=127.0.0.1:8080 mqtt=127.0.0.1:1883`.
fn ready(line: &str) -> Option<(String, String)> {
    let rest = line.trim_end().strip_prefix("ready ")?;
    let address = |key: &str| rest.split(' ').find_map(|word| word.strip_prefix(key)).map(str::to_owned);
    Some((address("http=")?, address("mqtt=")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system_clock;

    #[test]
    fn the_ready_line_names_both_addresses() {
        let line = "ready http=127.0.0.1:8080 mqtt=127.0.0.1:1883\n";
        assert_eq!(ready(line), Some(("127.0.0.1:8080".to_owned(), "127.0.0.1:1883".to_owned())));
        for other in ["", "ready", "ready http=a", "listening http=a mqtt=b"] {
            assert_eq!(ready(other), None, "{other}");
        }
    }

    /// A stand-in that keeps the contract of the ready line and of SIGTERM.
    fn script(folder: &Path, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join("kerbside");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
        path
    }

    #[tokio::test]
    async fn a_server_is_ready_when_it_says_so_and_ends_when_asked() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let loops = "trap 'exit 0' TERM; echo \"ready http=h:1 mqtt=m:2\"; while true; do sleep 0.01; done";
        let clock = system_clock();
        let server = Server::start(&script(folder.path(), loops), &folder.path().join("data"), &*clock).await.expect("starts");
        assert_eq!((server.http.as_str(), server.mqtt.as_str()), ("h:1", "m:2"));
        assert_eq!(server.stop(&*clock).await.expect("ends"), Some(0));
    }

    #[tokio::test]
    async fn what_a_server_that_fails_has_to_say_is_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let binary = script(folder.path(), "echo 'the port is taken' >&2; exit 3");
        let error = Server::start(&binary, &folder.path().join("data"), &*system_clock()).await.err().expect("fails");
        assert!(error.to_string().contains("the port is taken"), "{error}");
    }
}
