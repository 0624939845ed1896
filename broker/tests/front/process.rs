//! A front in a process of its own, so that its memory can be measured: this test binary once more, with one test to run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::harness::Front;

pub struct Process {
    child: Child,
    /// Held, or the process could not write to its end.
    _stdout: BufReader<ChildStdout>,
    pub mqtt: SocketAddr,
    _dir: TempDir,
}

const DIR: &str = "KERBSIDE_TEST_FRONT_DIR";
const READY: &str = "front on ";
/// Of QoS 0 for one subscriber.
pub const LIVE_QUEUE_BYTES_MAX: usize = 1 << 20;

impl Process {
    pub async fn start(dir: TempDir) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--exact", "process::serves_in_a_process_of_its_own", "--ignored", "--nocapture"]);
        command.env(DIR, dir.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("asked for"));
        let address = |line: String| line.split_once(READY).map(|(_, address)| address.parse().expect("an address"));
        let mqtt = stdout.by_ref().lines().map_while(Result::ok).find_map(address).expect("the front serves");
        Self { child, _stdout: stdout, mqtt, _dir: dir }
    }

    /// Memory of the process that is not swapped out or shared with files.
    pub fn resident_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line of every process");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        let ended = tokio::task::spawn_blocking(move || self.child.wait()).await.expect("no panic");
        assert!(ended.expect("it ran").success());
    }
}

/// Not a test: what [`Process`] runs. Ends with its standard input.
#[ignore = "run by other tests"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_in_a_process_of_its_own() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = tempfile::Builder::new().tempdir_in(dir).expect("a directory");
    let front = Front::start_with(dir, |options| options.live_queue_bytes_max = LIVE_QUEUE_BYTES_MAX).await;
    writeln!(std::io::stdout(), "{READY}{}", front.mqtt).expect("somebody reads it");
    let wait = || std::io::stdin().lines().count();
    tokio::task::spawn_blocking(wait).await.expect("no panic");
    front.stop().await;
}
