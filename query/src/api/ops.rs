//! What an operator asks of the pipeline: the ledger, how far it is, which sensors are silent.

mod sensors;

use domain::access::Scope;
use domain::{Reason, SensorId};
use lake::contract::LedgerView;
use serde_json::{Map, Value, json};

use super::{Access, Endpoint};
use crate::answer::Answer;
use crate::app::App;
use crate::parameter::{Kind, Parameter};
use crate::problem::Problem;
use crate::schema;

const TAG: &str = "ops";
const OPS: Access = Access::Key(Scope::Ops);

const SENSOR: Parameter = Parameter::query("sensor", Kind::Id, "Only this sensor's elements.").example("bay-1");

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/ops/ledger", "ledger", |app, call| Box::pin(async move { ledger(&app, call.arguments.sensor(SENSOR.name)).await }))
        .says(
            TAG,
            "What became of every element received",
            "received = accepted + duplicate + the sum of rejected, at any moment and across restarts. `partial` (accepted \
             elements with refused quantities), `foreign` (publishes that are no readings) and `erased` (accepted readings that were \
             erased on request since) stand outside the sum. \
             `head` is the journal position up to which this counts.",
        )
        .access(OPS)
        .takes(&[SENSOR])
        .answers(ledger_schema, ledger_example),
    Endpoint::get("/v1/ops/ingest", "ingestStatus", |app, _| Box::pin(async move { Ok(ingest(&app)) }))
        .says(TAG, "How far the pipeline is", "Journal head, checkpoint, committed position of each table, lag, hot rows, files. `age_ms`: how long ago ingest told \
             this; 0 where it is the same process.")
        .access(OPS)
        .answers(ingest_schema, ingest_example),
    sensors::ENDPOINT,
];

async fn ledger(app: &App, sensor: Option<SensorId>) -> Result<Answer, Problem> {
    let view = match &sensor {
        None => app.live.ledger(),
        // A filter that nothing passes counts nothing: a sensor that was never heard of has a line of zeros.
        Some(sensor) => {
            let head = app.live.ledger().head;
            app.live.ledger_of(sensor).await?.unwrap_or_else(|| LedgerView { head, ..LedgerView::default() })
        }
    };
    let mut answer = ledger_json(&view);
    if let Some(sensor) = sensor {
        answer["sensor"] = json!(sensor.as_str());
    }
    answer["as_of"] = json!(app.now().to_string());
    Ok(Answer::object(answer))
}

pub fn ledger_json(view: &LedgerView) -> Value {
    let counts = &view.counts;
    let rejected: Map<_, _> =
        Reason::ALL.into_iter().map(|reason| (reason.name().to_owned(), json!(counts.rejected[reason as usize]))).collect();
    json!({
        "received": counts.received,
        "accepted": counts.accepted,
        "duplicate": counts.duplicate,
        "rejected": rejected,
        "foreign": view.foreign,
        "partial": counts.partial,
        "erased": view.erased,
        "head": view.head,
    })
}

fn ingest(app: &App) -> Answer {
    let status = serde_json::to_value(app.live.status()).expect("plain data");
    let mut answer = Answer::object(status);
    if let Answer::Object(map) = &mut answer {
        map.insert("as_of".to_owned(), json!(app.now().to_string()));
    }
    answer
}

fn ledger_schema() -> Value {
    schema::partial(
        [
            ("received", schema::integer("elements")),
            ("accepted", schema::integer("elements with at least one new quantity")),
            ("duplicate", schema::integer("elements that were known already")),
            ("rejected", schema::map(schema::integer("elements"), "by reason; every reason is present")),
            ("foreign", schema::integer("publishes that are no readings; outside the sum")),
            ("partial", schema::integer("accepted elements with refused quantities; outside the sum")),
            ("erased", schema::integer("accepted readings that were erased on request since; outside the sum")),
            ("head", schema::integer("journal position up to which this counts")),
            ("as_of", schema::time("when this was asked")),
        ],
        [("sensor", schema::text("where one was asked for"))],
    )
}

fn ledger_example() -> Value {
    let mut example = ledger_json(&LedgerView::default());
    example["as_of"] = json!("2026-11-24T01:00:00Z");
    example
}

fn ingest_schema() -> Value {
    let table = schema::object([
        ("table", schema::text("its name in the lake")),
        ("committed", schema::integer("journal position up to which the lake holds its rows")),
        ("lake_version", schema::integer("of its Delta log")),
        ("files", schema::integer("of that version")),
        ("bytes", schema::integer("of its files")),
        ("hot_rows", schema::integer("rows in memory that the lake does not hold yet")),
    ]);
    schema::object([
        ("journal_head", schema::integer("newest durable record")),
        ("pipeline_head", schema::integer("newest record that the pipeline has taken")),
        ("checkpoint", schema::integer("where a restart begins to replay")),
        ("lag_ms", schema::integer("age of the oldest durable record that the pipeline has not taken; 0 when there is none")),
        ("hot_rows", schema::integer("rows in memory, all tables")),
        ("held", schema::integer("elements that wait for their time or for their sensor's registration")),
        ("journal_bytes", schema::integer("on disk")),
        ("journal_segments", schema::integer("files of the journal")),
        ("writable", schema::flag("whether the journal takes appends")),
        ("age_ms", schema::integer("how long ago ingest told this; 0 where it is the same process")),
        ("tables", schema::array(table, "those of the lake")),
        ("as_of", schema::time("when this was asked")),
    ])
}

fn ingest_example() -> Value {
    json!({
        "journal_head": 1200, "pipeline_head": 1200, "checkpoint": 1000, "lag_ms": 0, "hot_rows": 200, "held": 0,
        "journal_bytes": 480_000, "journal_segments": 1, "writable": true, "age_ms": 0,
        "tables": [{"table": "parking_readings", "committed": 1000, "lake_version": 4, "files": 4, "bytes": 9000, "hot_rows": 200}],
        "as_of": "2026-11-24T01:00:00Z",
    })
}
