//! `serve`, `broker`, `ingest`: a server until a signal.

use std::process::ExitCode;

use crate::config::Config;
use crate::node::{Node, Roles};
use crate::supervisor::Supervisor;

pub async fn run(config: Config, roles: Roles) -> anyhow::Result<ExitCode> {
    Node::open(config, roles).await?.run(Supervisor::new()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Ingest behind another broker: named by the flag, else by the configuration.
pub async fn run_behind(config: Config) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        config.source.is_some(),
        "ingest needs a broker: --broker mqtt://host:1883, or source.url in the configuration"
    );
    run(config, Roles::INGEST).await
}
