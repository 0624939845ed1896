//! Other programs of the machine that tests talk to.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// A line for whoever reads the test's output.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The path of a program, also in the folders of system programs.
pub fn find(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    let found = folders.find_map(|folder| Some(Path::new(folder).join(name)).filter(|file| file.is_file()));
    found.with_context(|| format!("{name} is not installed: scripts/test installs it"))
}

/// The Python of the tests' virtual environment.
pub fn python() -> anyhow::Result<PathBuf> {
    let python = std::env::var_os("KERBSIDE_PYTHON").map(PathBuf::from).filter(|path| path.is_file());
    python.context("KERBSIDE_PYTHON names no Python: scripts/test makes one")
}

/// A real Mosquitto on a free port, with persistence off; ends with the test.
pub struct Mosquitto {
    child: Child,
    port: u16,
}

impl Mosquitto {
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let program = find("mosquitto")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = folder.join("mosquitto.conf");
        std::fs::write(
            &settings,
            format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000\n"),
        )?;
        let child = Command::new(program).arg("-c").arg(settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mosquitto = Self { child, port };
        let up =
            crate::until::until(std::time::Duration::from_secs(10), || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        anyhow::ensure!(up.is_some(), "mosquitto does not listen on port {port}");
        Ok(mosquitto)
    }

    pub fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
