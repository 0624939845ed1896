//! Where to begin: what this server is, its description and its documentation.

use serde_json::{Map, Value, json};

use super::{Endpoint, Freshness, endpoints};
use crate::answer::Answer;
use crate::app::App;
use crate::format::Format;
use crate::language::Language;
use crate::{openapi, problem, schema};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1", "landing", |app, _| Box::pin(async move { Ok(landing(&app)) }))
        .says("start", "What this server is", "Links, the city and its time zone, languages, limits, licence, age of the data.")
        .answers(landing_schema, landing_example),
    Endpoint::get("/v1/openapi.json", "openapi", |app, _| {
        Box::pin(async move { Ok(Answer::object(openapi::document(&app.options, &app.city.options.name))) })
    })
    .says("start", "This description", "OpenAPI 3.1.")
    .freshness(Freshness::Settled)
    .answers(|| json!({"type": "object"}), || json!({"openapi": "3.1.0"})),
    Endpoint::get("/docs", "docs", |_, _| Box::pin(async { Ok(Answer::Text(include_str!("landing/docs.html").to_owned())) }))
        .says("start", "The documentation as a page", "Self-hosted: it loads nothing from elsewhere.")
        .freshness(Freshness::Settled)
        .formats(&[Format::Html]),
];

fn landing(app: &App) -> Answer {
    let status = app.live.status();
    let mut links = Map::new();
    for endpoint in endpoints().filter(|endpoint| !endpoint.path.contains('{')) {
        links.insert(endpoint.id.to_owned(), Value::from(endpoint.path));
    }
    let problems: Vec<_> =
        problem::all().map(|(slug, status, title)| json!({"id": slug, "status": status, "title": title})).collect();
    let mut newest = None;
    app.live.with_state(&mut |state, _| newest = state.newest);
    let now = app.now();
    Answer::object(json!({
        "name": "Kerbside",
        "version": env!("CARGO_PKG_VERSION"),
        "city": app.city.options.name,
        "time_zone": app.city.options.zone,
        "languages": Language::ALL.map(Language::tag),
        "language": app.city.options.language,
        "licence": app.options.licence,
        "attribution": app.options.attribution,
        "limits": {
            "page_items": 1000,
            "payload_bytes": domain::limits::PAYLOAD_BYTES_MAX,
            "elements_per_payload": domain::limits::ELEMENTS_MAX,
            "sql_rows": domain::limits::SQL_ROWS_MAX,
            "sql_seconds": domain::limits::SQL_TIME_MAX.as_secs(),
        },
        "newest_reading_at": newest.map(|at| at.to_string()),
        "age_s": newest.map(|at| now.micros_since(at).max(0) / domain::time::MICROS_PER_SECOND),
        "lag_ms": status.lag_ms,
        "links": links,
        "problems": problems,
        "as_of": now.to_string(),
    }))
}

fn landing_schema() -> Value {
    schema::object([
        ("name", schema::text("Kerbside")),
        ("version", schema::text("of the server")),
        ("city", schema::text("its name")),
        ("time_zone", schema::text("IANA name; local days are in it")),
        ("languages", schema::array(schema::text("BCP 47"), "of titles and refusals")),
        ("language", schema::text("of `name`, BCP 47")),
        ("licence", schema::text("of the data")),
        ("attribution", schema::text("to be printed by whoever uses the data")),
        ("limits", schema::map(schema::integer("its value"), "by name")),
        ("newest_reading_at", schema::or_null(schema::time("when the newest live reading came in"))),
        ("age_s", schema::or_null(schema::integer("seconds since then"))),
        ("lag_ms", schema::integer("age of the oldest acknowledged reading that answers do not show yet")),
        ("links", schema::map(schema::text("a path"), "by operation")),
        ("problems", schema::array(problem_schema(), "kinds of refusals")),
        ("as_of", schema::time("when this was asked")),
    ])
}

fn problem_schema() -> Value {
    schema::object([
        ("id", schema::text("ends the `type` of such a refusal")),
        ("status", schema::integer("the HTTP status")),
        ("title", schema::text("in English")),
    ])
}

fn landing_example() -> Value {
    json!({
        "name": "Kerbside", "version": "0.1.0", "city": "Hà Nội", "time_zone": "Asia/Ho_Chi_Minh", "languages": ["vi", "en"],
        "language": "vi", "licence": "CC-BY-4.0", "attribution": "Kerbside", "limits": {"page_items": 1000},
        "newest_reading_at": "2026-11-24T01:00:00Z", "age_s": 2, "lag_ms": 0, "links": {"landing": "/v1"}, "problems": [],
        "as_of": "2026-11-24T01:00:02Z",
    })
}
