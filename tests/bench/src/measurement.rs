//! The course of a benchmark, part by part.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::Clock;
use sensors_sim::load::cpu_seconds;
use sensors_sim::{Load, LoadOptions, LoadReport};
use tokio_util::sync::CancellationToken;

use crate::Arguments;
use crate::api::{Api, committed, drained};
use crate::delta::{self, Stored};
use crate::disk;
use crate::machine::{Machine, memory_mib};
use crate::marker;
use crate::report::{Figures, Latency, Report, Throughput};
use crate::server::{self, Server};

/// The table that the load fills.
const TABLE: &str = "parking_readings";

pub async fn measure(arguments: &Arguments, clock: Arc<dyn Clock>) -> anyhow::Result<Report> {
    let binary = server::binary(arguments.binary.as_deref())?;
    let machine = Machine::here();
    let date = clock.now().to_string();
    let place = match &arguments.disk {
        Some(folder) => tempfile::Builder::new().prefix("kerbside-bench-").tempdir_in(folder),
        None => tempfile::Builder::new().prefix("kerbside-bench-").tempdir(),
    };
    let place = place.context("a folder for the data dir")?;
    let data_dir = place.path().join("data");
    let disk_before = disk::fdatasync(place.path(), &*clock)?;
    let server = Server::start(&binary, &data_dir, &*clock).await?;
    let api = Api::new(&server.http);
    let throughput = throughput(arguments, &server, &api, &clock).await?;
    let latency = latency(arguments, &server, &api, &clock).await?;
    let stored = compacted(&data_dir.join("lake").join(TABLE), arguments.compaction_s, &*clock).await?;
    let memory = memory_mib(server.pid());
    let exit_code = server.stop(&*clock).await?;
    let disk_after = disk::fdatasync(place.path(), &*clock)?;
    let figures = Figures { throughput, latency, stored, memory_mib: memory.map(|m| m.0), memory_mib_max: memory.map(|m| m.1) };
    let debug_build = binary.components().any(|part| part.as_os_str() == "debug");
    Ok(Report { date, machine, debug_build, exit_code, disk_before, disk_after, figures })
}

async fn throughput(arguments: &Arguments, server: &Server, api: &Api, clock: &Arc<dyn Clock>) -> anyhow::Result<Throughput> {
    let cpu_before = cpu_seconds(Some(server.pid()));
    let began = clock.elapsed();
    let options = LoadOptions { messages: arguments.messages, ..load_options(arguments, server, "through") };
    let load = run(options, clock).await?;
    let patience = Duration::from_secs(arguments.seconds_max);
    let (ledger, _) = drained(api, load.acknowledged, patience, &**clock).await?;
    let taken_s = clock.elapsed().saturating_sub(began).as_secs_f64();
    let is_committed = committed(api, TABLE, ledger.head, patience, &**clock).await?;
    let committed_s = clock.elapsed().saturating_sub(began).as_secs_f64();
    let cpu = cpu_before.zip(cpu_seconds(Some(server.pid()))).map(|(before, after)| after - before);
    Ok(Throughput {
        server_cpu_s_per_million: cpu.map(|cpu| cpu * 1e6 / load.acknowledged.max(1) as f64),
        accepted_per_s: ledger.accepted as f64 / taken_s,
        committed_per_s: is_committed.then(|| ledger.accepted as f64 / committed_s),
        ledger_received: ledger.received,
        ledger_accepted: ledger.accepted,
        load,
    })
}

/// Open loop, with markers on the way; the load ends the markers.
async fn latency(arguments: &Arguments, server: &Server, api: &Api, clock: &Arc<dyn Clock>) -> anyhow::Result<Latency> {
    let messages = (arguments.rate * arguments.latency_s as f64) as u64;
    let options = LoadOptions { messages, rate: Some(arguments.rate), ..load_options(arguments, server, "latency") };
    let ended = CancellationToken::new();
    let watching =
        tokio::spawn(marker::watch(server.mqtt.clone(), api.clone(), arguments.markers, Arc::clone(clock), ended.clone()));
    let load = run(options, clock).await;
    ended.cancel();
    let visibility = watching.await.context("watching markers")??;
    Ok(Latency { load: load?, visibility })
}

fn load_options(arguments: &Arguments, server: &Server, stem: &str) -> LoadOptions {
    LoadOptions {
        broker: server.mqtt.clone(),
        connections: arguments.connections,
        window: arguments.window,
        payload_bytes: arguments.payload,
        seconds_max: arguments.seconds_max,
        stem: stem.to_owned(),
        ..LoadOptions::default()
    }
}

async fn run(options: LoadOptions, clock: &Arc<dyn Clock>) -> anyhow::Result<LoadReport> {
    let load = Load::new(options, Arc::clone(clock)).context("the load's options")?;
    load.run(CancellationToken::new()).await.context("the load")
}

/// The table's live files once a compaction has run, or as they are when none does in time.
async fn compacted(table: &Path, seconds: u64, clock: &dyn Clock) -> anyhow::Result<Option<Stored>> {
    let began = clock.elapsed();
    loop {
        let stored = delta::stored(table)?;
        let patience = clock.elapsed().saturating_sub(began) < Duration::from_secs(seconds);
        if stored.is_some_and(|stored| stored.compacted) || !patience {
            return Ok(stored);
        }
        clock.sleep(Duration::from_millis(500)).await;
    }
}
