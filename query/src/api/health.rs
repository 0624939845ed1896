//! Liveness, readiness, metrics: for whatever watches the process.

use std::sync::Arc;

use domain::access::Scope;
use serde_json::{Value, json};

use super::{Access, Endpoint, Freshness};
use crate::answer::Answer;
use crate::app::App;
use crate::format::Format;
use crate::problem::Problem;
use crate::schema;
use crate::server::Readiness;

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/healthz", "health", |app, _| Box::pin(async move { Ok(health(&app)) }))
        .says("health", "The process answers", "Liveness: says nothing of what it depends on.")
        .freshness(Freshness::Never)
        .answers(|| schema::object([("status", schema::word(&["ok"], "always"))]), || json!({"status": "ok"})),
    Endpoint::get("/readyz", "ready", |app, _| Box::pin(async move { ready(&app) }))
        .says(
            "health",
            "The process does its work",
            "Readiness: recovery is done and the journal takes appends. `lag_ms` tells how far answers are behind; \
             readings older than a second that are not yet visible make it grow. A process of query alone is not ready while it \
             has not heard of ingest for a second: it says how old its answers are, and goes on giving them.",
        )
        .freshness(Freshness::Never)
        .answers(ready_schema, || json!({"status": "ready", "lag_ms": 0, "as_of": "2026-11-24T01:00:00Z"})),
    Endpoint::get("/metrics", "metrics", |app, _| Box::pin(async move { Ok(Answer::Text((app.metrics)())) }))
        .says("health", "Metrics of the process", "Prometheus text format.")
        .access(Access::Key(Scope::Ops))
        .freshness(Freshness::Never)
        .formats(&[Format::Text]),
];

fn health(_: &Arc<App>) -> Answer {
    Answer::object(json!({"status": "ok"}))
}

fn ready(app: &App) -> Result<Answer, Problem> {
    if let Readiness::Waiting(what) = (app.ready)() {
        return Err(Problem::unavailable(what));
    }
    let lag_ms = match app.live.is_known() {
        Ok(()) => {
            let status = app.live.status();
            if !status.writable {
                return Err(Problem::unavailable("the journal does not take appends"));
            }
            Some(status.lag_ms)
        }
        // Ready all the same: a process that shows no readings.
        Err(_) => None,
    };
    Ok(Answer::object(json!({"status": "ready", "lag_ms": lag_ms, "as_of": app.now().to_string()})))
}

fn ready_schema() -> Value {
    schema::object([
        ("status", schema::word(&["ready"], "always; otherwise the answer is a problem")),
        (
            "lag_ms",
            schema::or_null(schema::integer(
                "age of the oldest acknowledged reading that answers do not show yet; null of a broker alone, which shows none",
            )),
        ),
        ("as_of", schema::time("when this was asked")),
    ])
}
