//! The command line: what may be said, not what it does.

mod access;
mod client;
mod erase;
mod listen;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use access::{AddDevice, AddKey, Device, End, GrantArgs, Key, OnboardDevice};
pub use client::{Server, Target};
pub use erase::Erase;
pub use listen::{Listen, Said};

/// Smart-city telemetry for parking and air: MQTT in, open Parquet lake, APIs out.
#[derive(Parser)]
#[command(name = "kerbside", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command. `data_dir` is also a key of the configuration file, and each a `KERBSIDE_…` variable.
#[derive(Args, Default)]
pub struct Common {
    /// Where everything is kept [default: kerbside-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Configuration file [default: kerbside.toml where it exists]
    #[arg(long, global = true, value_name = "FILE", env = "KERBSIDE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Any other key of the configuration, such as `--set ingest.unknown_sensors=hold`
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

#[derive(Subcommand)]
pub enum Command {
    /// A running city in one command: a server on embedded defaults and simulated sensors
    Demo(Demo),
    /// Broker, ingest, query and dashboards in one process
    Serve(Listen),
    /// The broker alone: MQTT front and journal
    Broker(Broker),
    /// Ingest alone, behind another broker (`source.url`), with its API
    Ingest(Ingest),
    /// Query and dashboards alone, on ingest's link (`query.ingest`) and lake (`lake.url`)
    Query(Query),
    /// Simulated sensors against any broker
    Simulate(Simulate),
    /// A recording through MQTT
    Replay(Replay),
    /// A recording into a stopped data dir or a running server, without MQTT
    Import(Import),
    /// What stands where: areas, sites, bays, stations, devices
    #[command(subcommand)]
    Registry(Registry),
    /// One SELECT over the lake of a data dir; no server is needed
    Sql(Sql),
    /// Keys of the HTTP API: who may ask, and what for
    #[command(subcommand)]
    Key(Key),
    /// Devices: what may connect over MQTT, and what it may say and read
    #[command(subcommand)]
    Device(Device),
    /// Who changed what: keys, devices, the registry, dead letters; newest first
    Audit {
        /// So many acts
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Everything of a sensor in a period, out of a stopped data dir for good
    Erase(Erase),
    /// Checks every promise that can be checked at rest
    Verify,
    /// The merged configuration and where each value came from; exit 1 where `serve` would refuse it
    Config(Listen),
}

#[derive(Args)]
pub struct Demo {
    #[command(flatten)]
    pub city: City,
    #[command(flatten)]
    pub listen: Listen,
}

/// The simulated city.
#[derive(Args)]
pub struct City {
    /// One seed, one city
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Parking bays
    #[arg(long, default_value_t = 2_000)]
    pub bays: u32,
    /// Air-quality stations
    #[arg(long, default_value_t = 12)]
    pub stations: u32,
}

#[derive(Args)]
pub struct Broker {
    /// Ingest's link, such as 127.0.0.1:7400: how sites and stations stand is then announced on kerbside/v1/state/…
    #[arg(long, value_name = "HOST:PORT")]
    pub ingest: Option<String>,
    #[command(flatten)]
    pub listen: Listen,
}

#[derive(Args)]
pub struct Ingest {
    /// The broker to subscribe to, such as mqtt://127.0.0.1:1883
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    #[command(flatten)]
    pub listen: Listen,
}

#[derive(Args)]
pub struct Query {
    /// Ingest's link, such as 127.0.0.1:7400
    #[arg(long, value_name = "HOST:PORT")]
    pub ingest: Option<String>,
    /// Ingest's lake
    #[arg(long, value_name = "URL|DIR")]
    pub lake: Option<String>,
    #[command(flatten)]
    pub listen: Listen,
}

#[derive(Args)]
pub struct Simulate {
    #[command(flatten)]
    pub city: City,
    #[command(flatten)]
    pub target: Target,
    /// Simulated seconds a second
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Ends after so many simulated seconds
    #[arg(long, value_name = "SECONDS")]
    pub duration_s: Option<u64>,
    /// Writes the city's registry (GeoJSON) and ends
    #[arg(long, value_name = "FILE")]
    pub registry: Option<PathBuf>,
}

/// A file of readings and how to read it.
#[derive(Args)]
pub struct Recording {
    /// CSV, plain or .gz
    pub file: PathBuf,
    /// A shipped mapping by name, or a mapping file; recognised by the header where possible
    #[arg(long, value_name = "NAME|FILE")]
    pub mapping: Option<String>,
    /// Instead of the mapping's sensor id
    #[arg(long)]
    pub sensor: Option<String>,
    /// Shifts all times so that the last row becomes now
    #[arg(long)]
    pub shift_to_now: bool,
}

#[derive(Args)]
pub struct Replay {
    #[command(flatten)]
    pub recording: Recording,
    #[command(flatten)]
    pub target: Target,
    /// Times faster than recorded, or `max`
    #[arg(long, default_value = "1")]
    pub speed: String,
}

#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    pub recording: Recording,
    /// Leaves out what stands before this line: where an interrupted import said to go on
    #[arg(long, value_name = "LINE", default_value_t = 0)]
    pub from_line: u64,
    #[command(flatten)]
    pub server: Server,
}

#[derive(Subcommand)]
pub enum Registry {
    /// GeoJSON, or CSV for points
    Import {
        file: PathBuf,
        /// A verdict for each row; nothing is changed
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        server: Server,
    },
    /// The whole registry as GeoJSON, to stdout
    Export {
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Args)]
pub struct Sql {
    /// The question
    pub statement: String,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = SqlFormat::Table)]
    pub format: SqlFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SqlFormat {
    Table,
    Csv,
    Json,
}
