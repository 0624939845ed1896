//! `audit`: who changed what, newest first.

use std::process::ExitCode;

use crate::command::columns::columns;
use crate::command::{self, credentials};
use crate::config::Config;

pub fn run(limit: u32, config: &Config) -> anyhow::Result<ExitCode> {
    let acts = credentials::existing(config)?.map(|store| store.acts(limit)).transpose()?.unwrap_or_default();
    let rows: Vec<_> = acts
        .into_iter()
        .map(|act| [act.at.to_string(), act.who, act.act, act.subject, act.outcome.unwrap_or_else(|| "(did not end)".to_owned())])
        .collect();
    command::say(&columns(["at", "who", "act", "subject", "outcome"], &rows))?;
    Ok(ExitCode::SUCCESS)
}
