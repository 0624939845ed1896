//! One SELECT over the tables of the lake and the newest rows, within limits. The engine judges the statement.

use domain::access::Scope;
use domain::limits::SQL_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Access, Endpoint, RequestBody};
use crate::answer::{Answer, Written};
use crate::app::App;
use crate::call::Call;
use crate::engine::{EngineError, StatementLimits};
use crate::format;
use crate::problem::Problem;
use crate::{rows, schema};

pub const ENDPOINTS: &[Endpoint] = &[Endpoint::post("/v1/query", "query", |app, call| Box::pin(async move { query(&app, call).await }))
    .says(
        "data",
        "Ask in SQL",
        "One read-only SELECT (PostgreSQL's dialect) over parking_readings, air_readings, dead_letters and registry: files of the lake \
         and the rows after them, as of one instant. 100,000 rows, 30 s and a bounded memory at most: a question that needs more is \
         refused, never cut. Anything but one SELECT is 400, and so is what memory cannot be bounded for: WITH RECURSIVE, array_agg, \
         string_agg, generate_series, casts to lists. A value of a map is read by its key: qc['pm25'].",
    )
    .access(Access::Key(Scope::Sql))
    .body(RequestBody {
        media: &["application/json"],
        description: "The statement.",
        schema: || schema::object([("sql", schema::text("one SELECT"))]),
        example: || json!({"sql": "SELECT state, count(*) AS n FROM parking_readings GROUP BY state"}),
    })
    .formats(format::TABLES)
    .answers(answer_schema, answer_example)
    .bounded()];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    sql: String,
}

/// The longest statement, each byte of it written as `\u0000`.
const BODY_BYTES_MAX: usize = 6 * SQL_BYTES_MAX + 64;

async fn query(app: &App, mut call: Call) -> Result<Answer, Problem> {
    let body = call.bytes(BODY_BYTES_MAX).await?;
    let question: Question =
        serde_json::from_slice(&body).map_err(|error| Problem::Body(format!("{error}; write {{\"sql\": \"SELECT …\"}}")))?;
    let view = app.live.view().await?;
    let rows = app.engine.select(&view, &question.sql, StatementLimits::default()).await?;
    let (format, as_of) = (call.format, view.as_of);
    let write = move || rows::write(&rows, format, as_of).map_err(|error| EngineError::Statement(error.to_string()));
    Ok(Answer::Written(Written::of(app.engine.carry_out(write).await?)))
}

fn answer_schema() -> Value {
    let column = schema::object([("name", schema::text("its key in an item")), ("type", schema::text("its Arrow type"))]);
    schema::list_with(json!({"type": "object"}), [("columns", schema::array(column, "in the order of the statement"))])
}

fn answer_example() -> Value {
    json!({"columns": [{"name": "state", "type": "Utf8"}, {"name": "n", "type": "Int64"}],
        "items": [{"state": "vacant", "n": 1200}, {"state": "occupied", "n": 980}], "next": null, "as_of": "2026-11-24T01:00:00Z"})
}

#[cfg(test)]
mod tests;
