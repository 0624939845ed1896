//! Logs to stderr and the metrics recorder: stdout belongs to the `ready` line and to answers.

use std::io::IsTerminal as _;
use std::sync::Arc;

use domain::Promise;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::disk;

/// How logs are written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,kerbside_broker=debug`.
    pub level: String,
    pub format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Text,
    Json,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: "info".into(), format: Format::Text }
    }
}

/// rumqttd tells of each of its links and the Delta kernel of each snapshot; what matters of them our own crates tell. A filter
/// of the operator's that names one of them wins.
const QUIET: &str = "rumqttd=off,buoyant_kernel=off,deltalake_core=warn,object_store=warn";

/// Starts logging; an unreadable filter is an error that names it.
pub fn start_logs(options: &Options) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_new(format!("{QUIET},{}", options.level)).map_err(|error| anyhow::anyhow!("log.level: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match options.format {
        Format::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        Format::Json => builder.json().init(),
    }
    Ok(())
}

/// Installs the recorder; the closure renders Prometheus text.
pub fn start_metrics() -> anyhow::Result<Arc<dyn Fn() -> String + Send + Sync>> {
    let handle: PrometheusHandle = PrometheusBuilder::new().install_recorder()?;
    watch_promises();
    disk::describe();
    journal::metrics::describe();
    lake::metrics::describe();
    broker::metrics::describe();
    ingest::metrics::describe();
    ingest::source::metrics::describe();
    query::describe_metrics();
    Ok(Arc::new(move || {
        handle.run_upkeep();
        handle.render()
    }))
}

const BROKEN_PROMISES: &str = "kerbside_broken_promises_total";

/// Each promise has a line from the start, so that a rule which watches it finds it.
fn watch_promises() {
    metrics::describe_counter!(BROKEN_PROMISES, metrics::Unit::Count, "times that a promise of ARCHITECTURE.md was seen broken");
    for promise in Promise::ALL {
        metrics::counter!(BROKEN_PROMISES, "promise" => promise.id()).increment(0);
    }
    domain::check::listen(|broken| {
        metrics::counter!(BROKEN_PROMISES, "promise" => broken.promise.id()).increment(1);
        if broken.is_first {
            tracing::error!(promise = broken.promise.id(), expected = broken.what, "a promise is broken: please report it");
        }
    });
}
