//! `query`: API and dashboards in a process of their own, on the running state of an ingest elsewhere and its lake.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use domain::Clock;
use lake::Lake;
use query::LakeFiles;

use crate::answers::Answers;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::listeners::{self, Doors};
use crate::node;
use crate::security::Watch;
use crate::supervisor::{Stage, Supervisor};
use crate::{clock, command};

pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        !config.query.ingest.is_empty(),
        "query needs ingest's link: --ingest 127.0.0.1:7400, or query.ingest in the configuration"
    );
    anyhow::ensure!(
        !config.lake.url.is_empty(),
        "query needs ingest's lake: --lake with its folder or URL, or lake.url in the configuration"
    );
    // Only credentials are kept in it, unless `security.dir` shares ingest's.
    let data_dir = DataDir::open(&config.data_dir)?;
    listeners::try_all(&config, Doors::HTTP)?;
    let clock: Arc<dyn Clock> = clock::system();
    let credentials = Watch::open(&config.security.dir(&config.data_dir), config.broker.anonymous, Arc::clone(&clock))?;
    let certificates = node::open_certificates(&config, &clock)?;
    let lake = Lake::open_read_only(node::lake_options(&config), Arc::clone(&clock)).await;
    let lake = lake.context("the lake cannot be opened (ingest makes it when it first starts)")?;
    let files = LakeFiles::of(&lake);
    let (remote, follower) = node::open_remote(&config, Some(lake), &clock);
    let (address, door) = (listeners::address("http", &config.http)?, (credentials.guard(), certificates.clone()));
    let http = node::open_http(&config, address, files, &clock, Answers::of(&remote), door).await?;
    let secure = http.tls_addr().map(|addr| format!(" https={addr}")).unwrap_or_default();
    let line = format!("ready http={}{secure}\n", http.local_addr());
    let mut supervisor = Supervisor::new();
    supervisor.start(Stage::Doors, "credentials", |token| credentials.run(token));
    if let Some(certificates) = certificates {
        supervisor.start(Stage::Doors, "certificates", |token| certificates.run(token));
    }
    supervisor.start(Stage::Doors, "http", |token| http.run(token));
    supervisor.start(Stage::Pipeline, "follower", |token| follower.run(token));
    let ready = async move {
        remote.caught_up().await;
        command::say(&line)
    };
    let outcome = supervisor.run(ready).await;
    drop(data_dir);
    outcome.map(|()| ExitCode::SUCCESS)
}
