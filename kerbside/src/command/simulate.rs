//! `simulate`: a simulated city against any broker.

use std::process::ExitCode;

use anyhow::Context as _;
use sensors_sim::{CityOptions, PublisherOptions, Simulation, SimulationOptions};

use crate::cli::{City, Simulate, Target};
use crate::progress::Progress;
use crate::tls::{self, ClientFiles, Named};
use crate::{clock, command, interrupt};

pub async fn run(simulate: Simulate) -> anyhow::Result<ExitCode> {
    let options = SimulationOptions {
        city: city(&simulate.city),
        publisher: publisher(&simulate.target)?,
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

/// How the broker is reached that the command line names.
pub fn publisher(target: &Target) -> anyhow::Result<PublisherOptions> {
    let url = &target.broker;
    let parsed = url::Url::parse(url).map_err(|error| anyhow::anyhow!("--broker {url}: {error}"))?;
    let (usual_port, is_secure) = match parsed.scheme() {
        "mqtt" => (1883, false),
        "mqtts" => (8883, true),
        _ => anyhow::bail!("--broker {url}: write mqtt://host:port, or mqtts://host:port for TLS"),
    };
    anyhow::ensure!(
        parsed.username().is_empty() && parsed.password().is_none(),
        "--broker: name who publishes by --user and --password-file"
    );
    let host = parsed.host_str().ok_or_else(|| anyhow::anyhow!("--broker {url} names no host"))?;
    let names_files = target.ca.is_some() || target.certificate.is_some();
    anyhow::ensure!(is_secure || !names_files, "--ca and --certificate are for TLS: write --broker mqtts://{host}");
    let tls = match is_secure {
        false => None,
        true => Some(tls::client_config(&ClientFiles {
            ca: Named { key: "--ca", path: target.ca.as_deref() },
            certificate: Named { key: "--certificate", path: target.certificate.as_deref() },
            key: Named { key: "--certificate-key", path: target.certificate_key.as_deref() },
        })?),
    };
    let password = |path: &std::path::PathBuf| -> anyhow::Result<String> {
        let text = std::fs::read_to_string(path).with_context(|| format!("--password-file {}", path.display()))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    };
    Ok(PublisherOptions {
        broker: format!("{host}:{}", parsed.port().unwrap_or(usual_port)),
        tls,
        username: target.user.clone(),
        password: target.password_file.as_ref().map(password).transpose()?,
        ..PublisherOptions::default()
    })
}
