//! `simulate`: a simulated city against any broker.

use std::process::ExitCode;

use sensors_sim::{CityOptions, PublisherOptions, Simulation, SimulationOptions};

use crate::cli::{City, Simulate};
use crate::progress::Progress;
use crate::{clock, command, interrupt};

pub async fn run(simulate: Simulate) -> anyhow::Result<ExitCode> {
    let options = SimulationOptions {
        city: city(&simulate.city),
        publisher: PublisherOptions { broker: broker(&simulate.broker)?, ..Default::default() },
        speed: simulate.speed,
        for_s: simulate.duration_s,
        ..Default::default()
    };
    let simulation = Simulation::new(options, clock::system())?;
    if let Some(file) = simulate.registry {
        std::fs::write(&file, simulation.city().registry().to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let handle = simulation.handle();
    let progress = Progress::counting(move || {
        let stats = handle.stats();
        format!("{} sent, {} acknowledged", stats.published.sent, stats.published.acknowledged)
    });
    let stats = progress.beside(simulation.run(interrupt::token())).await?;
    let published = &stats.published;
    command::say(&format!("{} events, {} sent, {} acknowledged\n", stats.events, published.sent, published.acknowledged))?;
    Ok(ExitCode::SUCCESS)
}

/// The command line's city.
pub fn city(city: &City) -> CityOptions {
    CityOptions { seed: city.seed, bays: city.bays, stations: city.stations, ..Default::default() }
}

/// `mqtt://host[:port]` to `host:port`.
pub fn broker(url: &str) -> anyhow::Result<String> {
    let parsed = url::Url::parse(url).map_err(|error| anyhow::anyhow!("--broker {url}: {error}"))?;
    anyhow::ensure!(parsed.scheme() == "mqtt", "--broker {url}: write mqtt://host:port");
    let host = parsed.host_str().ok_or_else(|| anyhow::anyhow!("--broker {url} names no host"))?;
    Ok(format!("{host}:{}", parsed.port().unwrap_or(1883)))
}
