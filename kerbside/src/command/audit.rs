//! `audit`: who changed what, newest first.

use std::process::ExitCode;

use crate::command::columns::columns;
use crate::config::Config;
use crate::security::Store;
use crate::{command, data_dir};

pub fn run(limit: u32, config: &Config) -> anyhow::Result<ExitCode> {
    data_dir::prepare(&config.data_dir)?;
    let store = Store::open(&config.security.dir(&config.data_dir))?;
    let acts = store.acts(limit)?.into_iter();
    let rows: Vec<_> = acts
        .map(|act| [act.at.to_string(), act.who, act.act, act.subject, act.outcome.unwrap_or_else(|| "(did not end)".to_owned())])
        .collect();
    command::say(&columns(["at", "who", "act", "subject", "outcome"], &rows))?;
    Ok(ExitCode::SUCCESS)
}
