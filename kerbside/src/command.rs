//! The commands: one file each.

mod audit;
mod columns;
mod credentials;
mod demo;
mod device;
mod erase;
mod import;
mod key;
mod onboard;
mod query;
mod registry;
mod replay;
mod serve;
mod simulate;
mod sql;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use crate::cli::Command;
use crate::config::{self, Loaded};
use crate::listeners::Doors;
use crate::node::Roles;

/// Runs one command to its end.
pub async fn run(command: Command, loaded: Loaded) -> anyhow::Result<ExitCode> {
    if let Some(doors) = opened_by(&command) {
        config::check(&loaded, doors)?;
    }
    match command {
        Command::Demo(demo) => demo::run(demo, loaded.config).await,
        Command::Serve(_) => serve::run(loaded.config, Roles::ALL).await,
        Command::Broker(_) => serve::run(loaded.config, Roles::BROKER).await,
        Command::Ingest(_) => serve::run_behind(loaded.config).await,
        Command::Query(_) => query::run(loaded.config).await,
        Command::Simulate(simulate) => simulate::run(simulate).await,
        Command::Replay(replay) => replay::run(replay).await,
        Command::Import(import) => import::run(import, loaded.config).await,
        Command::Registry(registry) => registry::run(registry, loaded.config).await,
        Command::Sql(sql) => sql::run(sql, loaded.config).await,
        Command::Audit { limit } => audit::run(limit, &loaded.config),
        Command::Key(key) => key::run(key, &loaded.config),
        Command::Device(device) => device::run(device, &loaded.config),
        Command::Erase(erase) => erase::run(erase, loaded.config).await,
        Command::Verify => verify::run(loaded.config).await,
        Command::Config(_) => {
            say(&config::report(&loaded)?)?;
            config::check(&loaded, Doors::of(Roles::ALL))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The listeners of a command that runs on the configuration. `None`: it takes little of it and works with one that no server starts
/// on, so that a key can be revoked in any case; `config` shows such a one before it says what is wrong.
fn opened_by(command: &Command) -> Option<Doors> {
    match command {
        Command::Demo(_) | Command::Serve(_) => Some(Doors::of(Roles::ALL)),
        Command::Broker(_) => Some(Doors::of(Roles::BROKER)),
        Command::Ingest(_) => Some(Doors::of(Roles::INGEST)),
        Command::Query(_) => Some(Doors::HTTP),
        Command::Import(_) | Command::Registry(_) | Command::Sql(_) | Command::Erase(_) | Command::Verify => Some(Doors::NONE),
        Command::Simulate(_) | Command::Replay(_) | Command::Audit { .. } | Command::Key(_) | Command::Device(_) => None,
        Command::Config(_) => None,
    }
}

/// Writes an answer to stdout. A reader that went away ends the command quietly.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Says something beside the answer, on stderr: what it says is no part of what a script keeps.
pub fn remark(text: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One clear sentence on stderr, its causes behind it.
pub fn complain(error: &anyhow::Error) {
    let mut sentence = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !sentence.contains(&cause) {
            if !sentence.is_empty() {
                sentence.push_str(": ");
            }
            sentence.push_str(&cause);
        }
    }
    // Nobody is left to tell when stderr is closed, too.
    let _ = writeln!(std::io::stderr(), "kerbside: {sentence}");
}
