//! What an operator asks of the pipeline: the ledger, how far it is, which sensors are silent.

use std::collections::BTreeMap;

use domain::access::Scope;
use domain::time::MICROS_PER_SECOND;
use domain::{Reason, SensorId, Timestamp};
use lake::contract::{LedgerView, SensorStatus};
use serde_json::{Map, Value, json};

use super::{Access, Endpoint};
use crate::answer::{Answer, List};
use crate::app::App;
use crate::call::Call;
use crate::parameter::{CURSOR, Kind, LIMIT, Parameter};
use crate::problem::Problem;
use crate::{cursor, format, schema};

const TAG: &str = "ops";
const OPS: Access = Access::Key(Scope::Ops);

const SENSOR: Parameter = Parameter::query("sensor", Kind::Id, "Only this sensor's elements.").example("bay-1");

const STATUSES: &[&str] = &["ok", "late", "silent", "provisional"];
const GROUPS: &[&str] = &["gateway", "status", "kind"];
const SENSORS: &[Parameter] = &[
    Parameter::query(
        "status",
        Kind::Word(STATUSES),
        "`late`: more than 2.5 intervals without a reading; `silent`: more than 10 of them and more than a day; \
         `provisional`: the registry does not know it.",
    ),
    Parameter::query("battery_lt", Kind::Number { min: 0.0, max: 100.0 }, "Battery below so many percent.").example("20"),
    Parameter::query("group_by", Kind::Word(GROUPS), "Counts by group instead of sensors."),
    LIMIT,
    CURSOR,
];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/ops/ledger", "ledger", |app, call| Box::pin(async move { ledger(&app, call.arguments.sensor(SENSOR.name)).await }))
        .says(
            TAG,
            "What became of every element received",
            "received = accepted + duplicate + the sum of rejected, at any moment and across restarts. `partial` (accepted \
             elements with refused quantities) and `foreign` (publishes that are no readings) stand outside the sum. \
             `head` is the journal position up to which this counts.",
        )
        .access(OPS)
        .takes(&[SENSOR])
        .answers(ledger_schema, ledger_example),
    Endpoint::get("/v1/ops/ingest", "ingestStatus", |app, _| Box::pin(async move { Ok(ingest(&app)) }))
        .says(TAG, "How far the pipeline is", "Journal head, checkpoint, committed position of each table, lag, hot rows, files. `age_ms`: how long ago ingest told \
             this; 0 where it is the same process.")
        .access(OPS)
        .answers(|| json!({"type": "object"}), ingest_example),
    Endpoint::get("/v1/ops/sensors", "sensors", |app, call| Box::pin(async move { sensors(&app, &call) }))
        .says(
            TAG,
            "How the sensors are",
            "Every sensor that was ever heard of, by id; with `group_by`, counts by status of each group instead, all on \
             one page.",
        )
        .access(OPS)
        .takes(SENSORS)
        .formats(format::ROWS)
        .answers(|| schema::list(json!({"type": "object"})), sensors_example),
];

async fn ledger(app: &App, sensor: Option<SensorId>) -> Result<Answer, Problem> {
    let view = match &sensor {
        None => app.live.ledger(),
        // A filter that nothing passes counts nothing: a sensor that was never heard of has a line of zeros.
        Some(sensor) => app.live.ledger_of(sensor).await?.unwrap_or_default(),
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

/// How many sensors one look takes from the live state.
const LOOK: usize = 10_000;

fn sensors(app: &App, call: &Call) -> Result<Answer, Problem> {
    let now = app.now();
    let wish = call.arguments.text("status");
    let battery = call.arguments.number("battery_lt");
    let fits = |sensor: &SensorStatus| {
        let weak = |below: f64| sensor.battery_pct.is_some_and(|pct| pct < below);
        wish.is_none_or(|wish| wish == status_of(sensor, now)) && battery.is_none_or(weak)
    };
    if let Some(group) = call.arguments.text("group_by") {
        return Ok(Answer::List(List::new(grouped(app, group, now, fits), None, now)));
    }
    let limit = call.arguments.size(LIMIT.name);
    let mut after = cursor::read(&call.arguments, "sensors")?;
    let mut items = Vec::new();
    let mut next = None;
    'looks: loop {
        let page = app.live.sensors(after.as_ref(), LOOK);
        let ended = page.len() < LOOK;
        for sensor in page {
            if fits(&sensor) {
                if items.len() == limit {
                    next = after.map(|after| cursor::write(&call.arguments, "sensors", &after));
                    break 'looks;
                }
                items.push(sensor_json(&sensor, now));
            }
            after = Some(sensor.sensor);
        }
        if ended {
            break;
        }
    }
    Ok(Answer::List(List::new(items, next, now)))
}

fn grouped(app: &App, group: &str, now: Timestamp, fits: impl Fn(&SensorStatus) -> bool) -> Vec<Value> {
    let mut groups: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = app.live.sensors(after.as_ref(), LOOK);
        for sensor in page.iter().filter(|sensor| fits(sensor)) {
            let status = status_of(sensor, now);
            let name = match group {
                "gateway" => sensor.gateway.clone().unwrap_or_default(),
                "kind" => sensor.kind.name().to_owned(),
                _ => status.to_owned(),
            };
            *groups.entry(name).or_default().entry(status).or_default() += 1;
        }
        after = page.last().map(|sensor| sensor.sensor.clone());
        if page.len() < LOOK {
            break;
        }
    }
    let items = groups.into_iter().map(|(name, counts)| {
        let mut item = json!({"group": name, "sensors": counts.values().sum::<u64>()});
        for status in STATUSES {
            item[*status] = json!(counts.get(status).copied().unwrap_or(0));
        }
        item
    });
    items.collect()
}

/// Silent takes a day at least, so that a device that reports every minute is not given up over lunch.
const SILENT_MICROS_MIN: i64 = 86_400 * MICROS_PER_SECOND;

fn status_of(sensor: &SensorStatus, now: Timestamp) -> &'static str {
    let age = now.micros_since(sensor.observed_at);
    let intervals = |n: i64| i64::from(sensor.interval_s.unwrap_or(3_600)) * MICROS_PER_SECOND * n;
    match sensor {
        _ if !sensor.registered => "provisional",
        _ if age > intervals(10).max(SILENT_MICROS_MIN) => "silent",
        _ if age * 2 > intervals(5) => "late",
        _ => "ok",
    }
}

fn sensor_json(sensor: &SensorStatus, now: Timestamp) -> Value {
    json!({
        "sensor": sensor.sensor,
        "kind": sensor.kind.name(),
        "status": status_of(sensor, now),
        "registered": sensor.registered,
        "target": sensor.target,
        "observed_at": sensor.observed_at.to_string(),
        "received_at": sensor.received_at.to_string(),
        "age_s": now.micros_since(sensor.observed_at).max(0) / MICROS_PER_SECOND,
        "interval_s": sensor.interval_s,
        "battery_mv": sensor.battery_mv,
        "battery_pct": sensor.battery_pct,
        "rssi_dbm": sensor.rssi_dbm,
        "gateway": sensor.gateway,
        "completeness": null,
    })
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

fn ingest_example() -> Value {
    json!({
        "journal_head": 1200, "pipeline_head": 1200, "checkpoint": 1000, "lag_ms": 0, "hot_rows": 200, "held": 0,
        "journal_bytes": 480_000, "journal_segments": 1, "writable": true, "age_ms": 0,
        "tables": [{"table": "parking_readings", "committed": 1000, "lake_version": 4, "files": 4, "bytes": 9000, "hot_rows": 200}],
        "as_of": "2026-11-24T01:00:00Z",
    })
}

fn sensors_example() -> Value {
    json!({"items": [{"sensor": "bay-1", "kind": "parking", "status": "ok", "registered": true, "target": "bay-1",
        "observed_at": "2026-11-24T00:59:00Z", "received_at": "2026-11-24T00:59:00.2Z", "age_s": 60, "interval_s": 3600,
        "battery_mv": 3600, "battery_pct": 88.0, "rssi_dbm": -101.0, "gateway": "gw-7", "completeness": null}],
        "next": null, "as_of": "2026-11-24T01:00:00Z"})
}
