//! `serve`, `broker`, `ingest`: a server until a signal.

use std::process::ExitCode;

use crate::config::Config;
use crate::node::{Node, Roles};
use crate::supervisor::Supervisor;

pub async fn run(config: Config, roles: Roles) -> anyhow::Result<ExitCode> {
    Node::open(config, roles).await?.run(Supervisor::new()).await?;
    Ok(ExitCode::SUCCESS)
}

/// The broker alone; with a link to ingest it announces the state of sites and stations.
pub async fn run_broker(mut config: Config, ingest: Option<String>) -> anyhow::Result<ExitCode> {
    if let Some(address) = ingest {
        config.query.ingest = address;
    }
    run(config, Roles::BROKER).await
}

/// Ingest behind another broker: named by the flag, else by the configuration.
pub async fn run_behind(mut config: Config, broker: Option<String>) -> anyhow::Result<ExitCode> {
    if let Some(url) = broker {
        config.source.get_or_insert_default().url = url;
    }
    anyhow::ensure!(
        config.source.is_some(),
        "ingest needs a broker: --broker mqtt://host:1883, or source.url in the configuration"
    );
    run(config, Roles::INGEST).await
}
