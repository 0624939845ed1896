//! What stands where: the whole registry out, an edit in.

use bytes::Bytes;
use domain::Position;
use domain::access::Scope;
use domain::limits::{HTTP_BODY_BYTES_MAX, HTTP_LARGE_BODY_WAIT_MAX, HTTP_REGISTRY_BYTES_MAX, HTTP_TURN_WAIT_MAX};
use domain::registry::geojson_from_csv;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use lake::contract::{RowVerdict, Verdict};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

use super::{Access, Endpoint, Freshness, RequestBody};
use crate::answer::{Answer, Written};
use crate::app::App;
use crate::call::Call;
use crate::format::Format;
use crate::parameter::{DRY_RUN, Kind, Parameter};
use crate::problem::Problem;
use crate::schema;

const TAG: &str = "registry";
const AUTHOR: Parameter =
    Parameter::query("author", Kind::Text { bytes_max: 64 }, "Who edits, for the record.").or("http").example("n.v.an");
const AT: Parameter =
    Parameter::query("at", Kind::Time, "Only what is valid at this instant.").example("2025-06-30T00:00:00+07:00");

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/registry", "exportRegistry", |app, call| Box::pin(async move { export(&app, call).await }))
        .says(
            TAG,
            "The registry",
            "A GeoJSON FeatureCollection of all versions, or of those valid at an instant: what import takes.",
        )
        .access(Access::Key(Scope::Registry))
        .freshness(Freshness::Settled)
        .takes(&[AT])
        .formats(&[Format::GeoJson]),
    Endpoint::post("/v1/registry", "importRegistry", |app, call| Box::pin(async move { import(&app, call).await }))
        .says(
            TAG,
            "Edit the registry",
            "All rows or none. Each row has a verdict: added, changed, unchanged, warned (taken with a remark) or refused. A \
             dry run answers the verdicts and changes nothing. When the answer comes, every later question sees the edit.",
        )
        .access(Access::Admin)
        .audited()
        .takes(&[DRY_RUN, AUTHOR])
        .body(RequestBody {
            media: &["application/geo+json", "application/json", "text/csv"],
            description: "A GeoJSON FeatureCollection, `properties.kind` decides; or CSV with the same columns for points.",
            schema: || json!({"type": "object"}),
            example: body_example,
        })
        .answers(verdict_schema, verdict_example)
        .refuses_rows(),
];

async fn export(app: &App, call: Call) -> Result<Answer, Problem> {
    Ok(Answer::Written(Written::of(app.intake.export_registry(call.arguments.time(AT.name)).await?)))
}

/// A body that is larger than others may be comes in when no other such one does, within a time: nobody keeps the others out.
async fn body_of<'a>(app: &'a App, call: &mut Call) -> Result<(Bytes, Option<SemaphorePermit<'a>>), Problem> {
    let length = call.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length <= HTTP_BODY_BYTES_MAX) {
        return Ok((call.bytes(HTTP_BODY_BYTES_MAX).await?, None));
    }
    let turn = tokio::select! {
        turn = app.large_bodies.acquire() => turn.map_err(|error| Problem::Internal(error.to_string()))?,
        () = app.clock.sleep(HTTP_TURN_WAIT_MAX) => {
            return Err(Problem::unavailable("another large edit of the registry is coming in".to_owned()));
        }
    };
    tokio::select! {
        body = call.bytes(HTTP_REGISTRY_BYTES_MAX) => Ok((body?, Some(turn))),
        () = app.clock.sleep(HTTP_LARGE_BODY_WAIT_MAX) => {
            let minutes = HTTP_LARGE_BODY_WAIT_MAX.as_secs() / 60;
            Err(Problem::Body(format!("the body was not here within {minutes} minutes: send it in parts, or import it beside the server")))
        }
    }
}

async fn import(app: &App, mut call: Call) -> Result<Answer, Problem> {
    let (body, _turn) = body_of(app, &mut call).await?;
    let dry_run = call.arguments.flag(DRY_RUN.name);
    let author = call.arguments.text(AUTHOR.name).unwrap_or_default();
    let media = call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_csv = media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("text/csv"));
    let features = match is_csv {
        true => app.aside(move || from_csv(&body)).await?,
        false => body,
    };
    let verdict = app.intake.edit_registry(author, features, dry_run).await?;
    // Of a city these are millions of rows: written once, as they go out.
    app.aside(move || {
        let refused = verdict.rows.iter().filter(|row| row.verdict == Verdict::Refused).count();
        if refused > 0 && !dry_run {
            return Err(refusal(&verdict.rows, refused));
        }
        let outcome = Outcome { position: verdict.position, dry_run, rows: &verdict.rows };
        let body = serde_json::to_vec(&outcome).expect("verdicts are plain data");
        Ok(Answer::Written(Written::of(body.into())))
    })
    .await
}

#[derive(Serialize)]
struct Outcome<'a> {
    position: Option<Position>,
    dry_run: bool,
    rows: &'a [RowVerdict],
}

fn from_csv(body: &[u8]) -> Result<Bytes, Problem> {
    geojson_from_csv(body).map(Bytes::from).map_err(|rows| {
        let rows: Vec<RowVerdict> = rows.into_iter().map(RowVerdict::from).collect();
        refusal(&rows, rows.len())
    })
}

fn refusal(rows: &[RowVerdict], refused: usize) -> Problem {
    Problem::Edit { rows: serde_json::to_string(rows).expect("verdicts are plain data"), refused }
}

fn body_example() -> Value {
    json!({"type": "FeatureCollection", "features": [{"type": "Feature",
        "properties": {"kind": "site", "id": "trang-tien", "name": "Tràng Tiền", "site_kind": "street", "vehicle": "car"},
        "geometry": {"type": "Point", "coordinates": [105.8537, 21.0245]}}]})
}

fn verdict_schema() -> Value {
    let row = schema::object([
        ("row", schema::integer("place in the file, from 1")),
        ("kind", schema::or_null(schema::text("of the object"))),
        ("id", schema::or_null(schema::text("of the object"))),
        ("verdict", schema::word(&["added", "changed", "unchanged", "warned", "refused"], "what became, or would become, of it")),
        ("field", schema::or_null(schema::text("at fault, where one is"))),
        ("detail", schema::or_null(schema::text("why"))),
    ]);
    schema::object([
        ("position", schema::or_null(schema::integer("of the edit's journal record; null for a dry run"))),
        ("dry_run", schema::flag("as asked")),
        ("rows", schema::array(row, "one verdict a row")),
    ])
}

fn verdict_example() -> Value {
    json!({"position": 1300, "dry_run": false,
        "rows": [{"row": 1, "kind": "site", "id": "trang-tien", "verdict": "added", "field": null, "detail": null}]})
}
