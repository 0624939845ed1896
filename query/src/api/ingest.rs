//! One message by HTTP instead of MQTT: the same payloads, the same journal, the same checks.
//!
//! The answer says that the bytes are durable, not what became of them: verdicts stand in the ledger and among the dead
//! letters, as for every other way in.

use bytes::Bytes;
use domain::access::Scope;
use domain::limits::{PACKET_BYTES_MAX, PAYLOAD_BYTES_MAX};
use domain::record::{Content, Publish, Source};
use domain::{Kind as SensorKind, topic};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Access, Endpoint, RequestBody};
use crate::answer::Answer;
use crate::app::App;
use crate::call::Call;
use crate::parameter::{FaultKind, Kind, Parameter};
use crate::problem::Problem;
use crate::schema;

const SENSOR: Parameter = Parameter::path("sensor", Kind::Id, "The sensor, as in its topic.").example("bay-1");
const CBOR: &str = "application/cbor";

const BODY: RequestBody = RequestBody {
    media: &["application/json", CBOR],
    description: "One reading or an array of up to 1,000; 256 KiB at most. A larger body (up to 1 MiB) is taken and counted as \
                  too_large, of which the head is kept.",
    schema: || json!({"type": ["object", "array"]}),
    example: || json!({"ts": "2026-11-24T08:00:00+07:00", "state": "occupied", "battery_pct": 88}),
};

const DESCRIPTION: &str = "Answers 200 with the journal position once the bytes are on disk, whatever the elements are: verdicts \
                           stand in the ledger and the dead letters. 503 when the journal cannot write: send it again.";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("/v1/ingest/parking/{sensor}", "ingestParking", |app, call| {
        Box::pin(async move { ingest(&app, call, SensorKind::Parking).await })
    })
    .says("data", "Take a parking reading", DESCRIPTION)
    .access(Access::Key(Scope::Ingest))
    .takes(&[SENSOR])
    .body(BODY)
    .answers(position_schema, || json!({"position": 1200})),
    Endpoint::post("/v1/ingest/air/{sensor}", "ingestAir", |app, call| {
        Box::pin(async move { ingest(&app, call, SensorKind::Air).await })
    })
    .says("data", "Take an air reading", DESCRIPTION)
    .access(Access::Key(Scope::Ingest))
    .takes(&[SENSOR])
    .body(RequestBody { example: || json!({"ts": "2026-11-24T08:00:00+07:00", "pm25": 31.5, "avg_s": 60}), ..BODY })
    .answers(position_schema, || json!({"position": 1201})),
];

async fn ingest(app: &App, mut call: Call, kind: SensorKind) -> Result<Answer, Problem> {
    let sensor = call.arguments.sensor(SENSOR.name).ok_or_else(|| Problem::parameter(SENSOR.name, FaultKind::NotId))?;
    let payload = call.bytes(PACKET_BYTES_MAX).await?;
    let topic = topic::native(kind, &sensor).to_string();
    let publish = message(&topic, payload, &call.headers);
    let positions = app.intake.publish(vec![publish]).await?;
    let position = positions.first().ok_or_else(|| Problem::Internal("a message without a position".to_owned()))?;
    Ok(Answer::object(json!({"position": position})))
}

fn message(topic: &str, payload: Bytes, headers: &HeaderMap) -> Publish {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_cbor = media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(CBOR));
    let mut publish = Publish::new(Source::Http, topic, payload);
    publish.content = if is_cbor { Content::Cbor } else { Content::Default };
    publish.client = Bytes::from_static(b"http");
    publish
}

fn position_schema() -> Value {
    schema::object([("position", schema::integer("of the journal record, durable"))])
}

/// A body may be larger than a payload: it is kept as refused, so that nobody loses it unseen.
const _: () = assert!(PAYLOAD_BYTES_MAX < PACKET_BYTES_MAX);
