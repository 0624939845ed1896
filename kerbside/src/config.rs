//! The configuration: defaults, then the file, then the environment, then the command line; later wins.
//!
//! Defaults stand in each part's own `Options`; here they are only put together.

mod check;
mod environment;
mod fault;
mod origin;
mod report;

use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Serialize};

use crate::cli::{Common, Said};
use crate::{disk, security, telemetry, tls};

pub use check::check;
pub use fault::Fault;
pub use report::report;

/// Looked for in the current directory.
const FILE: &str = "kerbside.toml";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    pub http: String,
    pub mqtt: String,
    /// MQTT over WebSocket; off unless named.
    pub mqtt_ws: Option<String>,
    /// MQTT, MQTT over WebSocket and HTTP over TLS; off unless named.
    pub mqtts: Option<String>,
    pub mqtt_wss: Option<String>,
    pub https: Option<String>,
    /// Where a broker in a process of its own tells how it is (`/healthz`, `/readyz`, `/metrics`); off unless named.
    pub broker_http: Option<String>,
    /// Where processes of query alone find ingest; off unless named.
    pub link: Option<String>,
    pub log: telemetry::Options,
    pub city: domain::registry::CityOptions,
    pub security: security::Options,
    pub disk: disk::Options,
    pub tls: tls::Options,
    pub journal: JournalOptions,
    /// An empty `lake.url` is `lake` in the data dir.
    pub lake: lake::Options,
    pub broker: broker::Options,
    pub ingest: ingest::Options,
    pub query: query::Options,
    /// Another broker that ingest subscribes to.
    pub source: Option<ingest::source::Options>,
}

/// The journal's sizes; its directory is the data dir's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalOptions {
    pub segment_bytes: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { segment_bytes: domain::limits::SEGMENT_BYTES }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "kerbside-data".into(),
            http: "127.0.0.1:8080".into(),
            mqtt: "127.0.0.1:1883".into(),
            mqtt_ws: None,
            mqtts: None,
            mqtt_wss: None,
            https: None,
            broker_http: None,
            link: None,
            log: Default::default(),
            city: Default::default(),
            security: Default::default(),
            disk: Default::default(),
            tls: Default::default(),
            journal: Default::default(),
            lake: lake::Options::at(""),
            broker: Default::default(),
            ingest: Default::default(),
            query: Default::default(),
            source: None,
        }
    }
}

/// The merged configuration, and what it was merged from.
pub struct Loaded {
    pub config: Config,
    pub figment: Figment,
    /// `KERBSIDE_…` variables that name no key: told once logs are up.
    pub unknown_variables: Vec<String>,
}

/// A value that the command line gives to a key.
struct Spoken {
    flag: String,
    key: String,
    value: Value,
}

impl Provider for Spoken {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("{} {}", origin::COMMAND_LINE, self.flag))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Serialized::global(&self.key, &self.value).data()
    }
}

/// Reads all layers; the error names the key and what set it.
pub fn load(common: &Common, said: Vec<Said>) -> anyhow::Result<Loaded> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = file(common.config.as_deref())? {
        figment = figment.merge(Toml::file_exact(file));
    }
    let (variables, unknown_variables) = environment::read(&figment);
    figment = figment.merge(variables);
    if let Some(path) = &common.data_dir {
        let text = path.to_str().ok_or_else(|| anyhow::anyhow!("--data-dir {}: its name is no UTF-8", path.display()))?;
        figment = figment.merge(Spoken { flag: "--data-dir".into(), key: "data_dir".into(), value: text.into() });
    }
    for Said { flag, key, value } in said {
        figment = figment.merge(Spoken { flag: flag.into(), key: key.into(), value: value.into() });
    }
    for pair in &common.set {
        let (key, value) = pair.split_once('=').ok_or_else(|| anyhow::anyhow!("--set {pair}: write KEY=VALUE"))?;
        figment = figment.merge(Spoken { flag: "--set".into(), key: key.into(), value: value.parse()? });
    }
    let config = figment.extract().map_err(|errors| anyhow::anyhow!(check::unreadable(&figment, errors)))?;
    Ok(Loaded { config, figment, unknown_variables })
}

fn file(named: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    match named {
        Some(path) if path.is_file() => Ok(Some(path.to_owned())),
        Some(path) => anyhow::bail!("configuration file {} cannot be read", path.display()),
        None => Ok(Some(PathBuf::from(FILE)).filter(|path| path.is_file())),
    }
}
