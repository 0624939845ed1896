//! `demo`: a server on embedded defaults and a simulated city that publishes to it.

use std::process::ExitCode;

use lake::contract::{Intake as _, Verdict};
use sensors_sim::{PublisherOptions, Simulation, SimulationOptions};

use crate::cli::Demo;
use crate::command::{registry, simulate};
use crate::config::Config;
use crate::node::{Node, Roles};
use crate::security::Deed;
use crate::supervisor::{Stage, Supervisor};

pub async fn run(demo: Demo, config: Config) -> anyhow::Result<ExitCode> {
    let (zone, security) = (config.city.zone.clone(), config.security.dir(&config.data_dir));
    let node = Node::open(config, Roles::ALL).await?;
    let (Some(mqtt), Some(ingest)) = (node.mqtt(), node.ingest()) else {
        anyhow::bail!("a demo has a broker and ingest");
    };
    let options = SimulationOptions {
        city: sensors_sim::CityOptions { zone, ..simulate::city(&demo.city) },
        publisher: PublisherOptions { broker: mqtt.to_string(), ..Default::default() },
        ..Default::default()
    };
    let simulation = Simulation::new(options, node.clock())?;
    let (city, clock) = (simulation.city().registry().to_string(), node.clock());
    let mut supervisor = Supervisor::new();
    supervisor.start(Stage::Doors, "simulated city", |token| async move {
        let deed = Deed::begin(&security, "registry import", "the simulated city", clock)?;
        let edit = ingest.edit_registry("demo", city.into(), false).await?;
        deed.end(&registry::outcome(&edit))?;
        if let Some(row) = edit.rows.iter().find(|row| row.verdict == Verdict::Refused) {
            anyhow::bail!("the simulated city's registry was refused: {row:?}");
        }
        simulation.run(token).await?;
        anyhow::Ok(())
    });
    node.run(supervisor).await?;
    Ok(ExitCode::SUCCESS)
}
