//! `demo`: a server on embedded defaults and a simulated city that publishes to it.

use std::process::ExitCode;

use lake::contract::{Intake as _, Verdict};
use sensors_sim::{PublisherOptions, Simulation, SimulationOptions};

use crate::cli::Demo;
use crate::command::simulate;
use crate::config::Config;
use crate::node::{Node, Roles};
use crate::supervisor::{Stage, Supervisor};

pub async fn run(demo: Demo, config: Config) -> anyhow::Result<ExitCode> {
    let zone = config.city.zone.clone();
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
    let registry = simulation.city().registry().to_string();
    let mut supervisor = Supervisor::new();
    supervisor.start(Stage::Doors, "simulated city", |token| async move {
        let edit = ingest.edit_registry("demo", registry.into(), false).await?;
        if let Some(row) = edit.rows.iter().find(|row| row.verdict == Verdict::Refused) {
            anyhow::bail!("the simulated city's registry was refused: {row:?}");
        }
        simulation.run(token).await?;
        anyhow::Ok(())
    });
    node.run(supervisor).await?;
    Ok(ExitCode::SUCCESS)
}
