//! The few questions that the benchmark asks over HTTP.

use std::time::Duration;

use anyhow::Context as _;
use domain::{Clock, SensorId, Timestamp};
use serde::Deserialize;

const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A client that keeps its connection; blocking, so each user has a thread of its own.
#[derive(Clone)]
pub struct Api {
    agent: ureq::Agent,
    base: String,
}

/// SUM-1 as `/v1/ops/ledger` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Ledger {
    pub received: u64,
    pub accepted: u64,
    pub duplicate: u64,
    #[serde(default)]
    pub rejected: std::collections::BTreeMap<String, u64>,
    /// Journal position up to which it counts.
    pub head: u64,
}

/// `/v1/ops/ingest`, as far as it is asked here.
#[derive(Deserialize)]
struct Progress {
    tables: Vec<TableProgress>,
}

#[derive(Deserialize)]
struct TableProgress {
    table: String,
    committed: u64,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<serde_json::Value>,
}

impl Api {
    pub fn new(http: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_MAX)).build();
        Self { agent: config.into(), base: format!("http://{http}") }
    }

    pub fn ledger(&self) -> anyhow::Result<Ledger> {
        self.get("/v1/ops/ledger")
    }

    /// The journal position up to which a table's rows are in the lake.
    pub fn committed(&self, table: &str) -> anyhow::Result<u64> {
        let progress: Progress = self.get("/v1/ops/ingest")?;
        let found = progress.tables.iter().find(|progress| progress.table == table);
        found.map(|progress| progress.committed).with_context(|| format!("{table} in /v1/ops/ingest"))
    }

    /// Whether the reading of this sensor and instant is answered.
    pub fn is_visible(&self, sensor: &SensorId, at: Timestamp) -> anyhow::Result<bool> {
        let until = at.plus(Duration::from_millis(1));
        let page: Page = self.get(&format!("/v1/sensors/{sensor}/readings?from={at}&to={until}"))?;
        Ok(!page.items.is_empty())
    }

    fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let mut answer = self.agent.get(format!("{}{path}", self.base)).call().with_context(|| format!("GET {path}"))?;
        answer.body_mut().read_json().with_context(|| format!("the answer of GET {path}"))
    }
}

/// Waits until `received` has arrived, at most `patience`: the ledger then, and how long it took.
pub async fn drained(api: &Api, received: u64, patience: Duration, clock: &dyn Clock) -> anyhow::Result<(Ledger, Duration)> {
    let began = clock.elapsed();
    loop {
        let asked = api.clone();
        let ledger = tokio::task::spawn_blocking(move || asked.ledger()).await.context("asking for the ledger")??;
        let waited = clock.elapsed().saturating_sub(began);
        if ledger.received >= received || waited >= patience {
            return Ok((ledger, waited));
        }
        clock.sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until `table` is committed up to `position`, at most `patience`; whether it was.
pub async fn committed(
    api: &Api,
    table: &'static str,
    position: u64,
    patience: Duration,
    clock: &dyn Clock,
) -> anyhow::Result<bool> {
    let began = clock.elapsed();
    loop {
        let asked = api.clone();
        let committed = tokio::task::spawn_blocking(move || asked.committed(table)).await.context("asking for commits")??;
        if committed >= position || clock.elapsed().saturating_sub(began) >= patience {
            return Ok(committed >= position);
        }
        clock.sleep(Duration::from_millis(20)).await;
    }
}
