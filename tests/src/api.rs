//! HTTP answers as a client sees them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// One server's API.
#[derive(Clone)]
pub struct Api {
    base: String,
    agent: ureq::Agent,
}

/// Status, headers of interest and body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub etag: Option<String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| self.body.clone())
    }
}

impl Api {
    pub fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).http_status_as_error(false);
        Self { base: format!("http://{address}"), agent: config.build().new_agent() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// Any answer, whatever its status.
    pub fn ask(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask_with(path, &[])
    }

    pub fn ask_with(&self, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call()?)
    }

    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> anyhow::Result<Answer> {
        let request = self.agent.post(format!("{}{path}", self.base)).header("content-type", content_type);
        answer(request.send(body)?)
    }

    /// A 200 and its JSON.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.ask(path)?;
        if answer.status != 200 {
            bail!("GET {path}: {} {}", answer.status, answer.body);
        }
        answer.json()
    }

    /// Every item of a list, over all its pages.
    pub fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{cursor}"))?;
            items.extend(page["items"].as_array().context("items")?.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("{}cursor={next}", if path.contains('?') { "&" } else { "?" }),
                None => return Ok(items),
            }
        }
    }

    /// All readings of a sensor in the years that recordings come from.
    pub fn readings(&self, sensor: &str) -> anyhow::Result<Vec<Value>> {
        self.list(&format!("/v1/sensors/{sensor}/readings?from=2000-01-01T00:00:00Z&to=2099-01-01T00:00:00Z&limit=1000"))
    }

    pub fn ledger(&self) -> anyhow::Result<Ledger> {
        let value = self.get("/v1/ops/ledger")?;
        let count = |name: &str| value[name].as_u64().with_context(|| format!("{name} in {value}"));
        let reasons = value["rejected"].as_object().context("rejected")?;
        let rejected = reasons.iter().map(|(name, n)| (name.clone(), n.as_u64().unwrap_or_default())).collect();
        Ok(Ledger {
            received: count("received")?,
            accepted: count("accepted")?,
            duplicate: count("duplicate")?,
            rejected,
            foreign: count("foreign")?,
        })
    }
}

/// SUM-1 as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    pub received: u64,
    pub accepted: u64,
    pub duplicate: u64,
    pub rejected: std::collections::BTreeMap<String, u64>,
    pub foreign: u64,
}

impl Ledger {
    pub fn adds_up(&self) -> bool {
        self.received == self.accepted + self.duplicate + self.rejected.values().sum::<u64>()
    }

    pub fn rejected(&self, reason: &str) -> u64 {
        self.rejected.get(reason).copied().unwrap_or_default()
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Answer> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Answer {
        status: response.status().as_u16(),
        content_type: header("content-type").unwrap_or_default(),
        etag: header("etag"),
        body: response.body_mut().with_config().limit(1 << 30).read_to_string()?,
    })
}
