//! A running server's HTTP API, for commands that change it: the same refusals that a browser would see, as one sentence.
//!
//! Blocking on purpose: a command waits for its answer and does nothing else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::cli;
use crate::tls::{self, Named};

/// An edit of a whole city is judged and applied within this.
const ANSWER_MAX: Duration = Duration::from_secs(600);
const ANSWER_BYTES_MAX: u64 = 4 << 30;

pub struct Remote {
    base: String,
    key: Option<String>,
    agent: ureq::Agent,
}

/// What the server said.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Remote {
    /// `None` when the command line names no server.
    pub fn named(server: &cli::Server) -> anyhow::Result<Option<Self>> {
        let Some(base) = &server.url else { return Ok(None) };
        let parsed = url::Url::parse(base).with_context(|| format!("--server {base}"))?;
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_MAX)).http_status_as_error(false);
        let config = match (parsed.scheme(), &server.ca) {
            ("https", ca) => config.tls_config(trusting(ca.as_deref())?).build(),
            ("http", None) => config.build(),
            ("http", Some(_)) => anyhow::bail!("--ca is for TLS: write --server https://…"),
            _ => anyhow::bail!("--server {base}: write http://host:port or https://host:port"),
        };
        let key = server.key.as_deref().map(key).transpose()?;
        Ok(Some(Self { base: base.trim_end_matches('/').to_owned(), key, agent: config.new_agent() }))
    }

    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        answer(request.call().with_context(|| format!("GET {}{path}", self.base))?)
    }

    pub fn post(&self, path: &str, media: &str, body: &[u8]) -> anyhow::Result<Answer> {
        let mut request = self.agent.post(format!("{}{path}", self.base)).header("content-type", media);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        answer(request.send(body).with_context(|| format!("POST {}{path}", self.base))?)
    }
}

impl Answer {
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("the server answered {} without JSON", self.status))
    }

    /// The answer, or the refusal as an error.
    pub fn accepted(self) -> anyhow::Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        let mut sentence = format!("the server answered {} {}", self.status, text("title"));
        for part in [text("detail"), first_fault(&problem)].into_iter().filter(|part| !part.is_empty()) {
            sentence.push_str(": ");
            sentence.push_str(&part);
        }
        anyhow::bail!(sentence)
    }
}

fn first_fault(problem: &Value) -> String {
    let fault = &problem["errors"][0];
    match (fault["parameter"].as_str(), fault["detail"].as_str()) {
        (Some(parameter), Some(detail)) => format!("{parameter}: {detail}"),
        _ => String::new(),
    }
}

fn trusting(ca: Option<&Path>) -> anyhow::Result<TlsConfig> {
    let authorities = tls::authorities(Named { key: "--ca", path: ca })?;
    let authorities: Vec<_> = authorities.iter().map(|authority| Certificate::from_der(authority).to_owned()).collect();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&authorities));
    Ok(config.unversioned_rustls_crypto_provider(provider).build())
}

fn key(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--key {}", path.display()))?;
    Ok(text.trim().to_owned())
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Answer> {
    let status = response.status().as_u16();
    Ok(Answer { status, body: response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()? })
}
