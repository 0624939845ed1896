//! The end-to-end benchmark: the real binary on its own disk, loaded through its own sockets, measured from outside.
//!
//! ```text
//! disk (fdatasync alone) ─► start server ─► throughput: as fast as it acknowledges, then until the ledger holds all
//!   ─► latency: open loop at a rate, markers on the way (publish to visible) ─► disk again ─► memory, bytes a reading ─► JSON, Markdown
//! ```
//!
//! Everything is bounded in time and count. The generator's CPU is told apart and so is whether it held its schedule: where it did not,
//! the figures measure it. What the server does inside is not looked at: the contract's ledger and /proc are enough.

mod api;
mod delta;
mod disk;
mod machine;
mod marker;
mod measurement;
mod quantiles;
mod report;
mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use domain::Clock;
use domain::time::SystemClock;

/// What is measured and how long at most.
#[derive(Clone, Debug, Parser)]
#[command(name = "kerbside-bench", about = "Measures a kerbside server end to end on this machine")]
pub struct Arguments {
    /// The server; else KERBSIDE_BIN, target/release/kerbside, target/debug/kerbside.
    #[arg(long)]
    pub binary: Option<PathBuf>,
    /// Where the data dir is made, and with it the disk that is measured; else the system's temporary folder.
    #[arg(long)]
    pub disk: Option<PathBuf>,
    /// Publishing connections.
    #[arg(long, default_value_t = 50)]
    pub connections: usize,
    /// Unacknowledged publishes a connection.
    #[arg(long, default_value_t = 100)]
    pub window: usize,
    /// Bytes a payload.
    #[arg(long, default_value_t = 200)]
    pub payload: usize,
    /// Publishes of the throughput part.
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Publishes a second of the latency part.
    #[arg(long, default_value_t = 20_000.0)]
    pub rate: f64,
    /// Seconds of the latency part.
    #[arg(long, default_value_t = 15)]
    pub latency_s: u64,
    /// Markers published and awaited during the latency part.
    #[arg(long, default_value_t = 100)]
    pub markers: usize,
    /// Longest time for the throughput part, and again for the ledger to hold it.
    #[arg(long, default_value_t = 60)]
    pub seconds_max: u64,
    /// How long compaction is waited for.
    #[arg(long, default_value_t = 60)]
    pub compaction_s: u64,
    /// Writes the figures as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Writes them as Markdown; of a file that has a line `<!-- figures -->` (docs/benchmarks.md) only what follows it is replaced.
    #[arg(long)]
    pub markdown: Option<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "its answer goes to stdout")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Two threads: one would let a burst of acknowledgements delay the sends that are measured.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("a runtime")?;
    let report = runtime.block_on(measurement::measure(&arguments, system_clock()))?;
    println!("{}", report.markdown());
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).context("figures as JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &arguments.markdown {
        write_markdown(path, &report.markdown()).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn write_markdown(path: &Path, figures: &str) -> std::io::Result<()> {
    const MARK: &str = "<!-- figures -->\n";
    let before = match std::fs::read_to_string(path) {
        Ok(text) => text.split_once(MARK).map(|(before, _)| format!("{before}{MARK}\n")).unwrap_or_default(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    std::fs::write(path, before + figures)
}

#[expect(clippy::disallowed_methods, reason = "a binary is where the runtime's timer is passed in")]
fn system_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}
