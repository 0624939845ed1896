//! Kerbside: one binary runs a city.
//!
//! ```text
//! cli ──► config (defaults < file < environment < command line) ──► command/<name>.rs
//!                                                                       │
//!           data_dir (lock, format) · listeners · clock · telemetry ◄───┤
//!                       supervisor (named tasks, signals, panics)   ◄───┘
//! ```

mod announcer;
mod answers;
mod cli;
mod clock;
mod command;
mod config;
mod crash;
mod data_dir;
mod disk;
mod interrupt;
mod listeners;
mod node;
mod offline;
mod panic;
mod progress;
mod remote;
mod security;
mod signal;
mod source;
mod supervisor;
mod telemetry;
mod tls;

use std::process::ExitCode;

use clap::Parser as _;
use cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            command::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let loaded = config::load(&cli.common, cli.command.said())?;
    telemetry::start_logs(&loaded.config.log)?;
    for variable in &loaded.unknown_variables {
        tracing::warn!(%variable, "no configuration key has this name");
    }
    panic::end_process_on_panic();
    crash::arm()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(command::run(cli.command, loaded));
    runtime.shutdown_background();
    outcome
}
