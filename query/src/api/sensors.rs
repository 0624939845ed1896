//! What a device said: its accepted readings, and its last payloads as they came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::access::Scope;
use domain::record::Content;
use domain::topic::Route;
use domain::{Quantity, SensorId};
use lake::contract::Uplink;
use serde_json::{Value, json};

use super::{Access, Endpoint, Freshness};
use crate::answer::{Answer, List};
use crate::app::App;
use crate::call::Call;
use crate::parameter::{CURSOR, FROM, FaultKind, Kind, LIMIT, Parameter, TO};
use crate::problem::Problem;
use crate::readings::{self, Wish};
use crate::{cursor, format, schema};

const TAG: &str = "sensors";
const READINGS: Access = Access::Key(Scope::Readings);
const ID: Parameter = Parameter::path("id", Kind::Id, "The sensor: the last level of its topic.").example("bay-1");

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/sensors/{id}/readings", "readings", |app, call| Box::pin(async move { readings(&app, call).await }))
        .says(
            TAG,
            "A sensor's accepted readings",
            "By `observed_at`, ascending; `from` is inclusive, `to` exclusive. Keys are those of a payload, flat, in canonical \
             units; a key that the reading did not have is absent; `as_sent` has the value and unit before conversion. Two \
             messages of one instant with different quantities are two items. Each accepted reading is there once, however \
             often it was sent. A sensor that was never heard of has an empty list.",
        )
        .access(READINGS)
        .freshness(Freshness::Settled)
        .takes(&[ID, FROM, TO, LIMIT, CURSOR])
        .bounded()
        .formats(format::ROWS)
        .answers(readings_schema, readings_example),
    Endpoint::get("/v1/sensors/{id}/uplinks", "uplinks", |app, call| {
        Box::pin(async move { uplinks(&app, call.arguments.sensor(ID.name)).await })
    })
    .says(
        TAG,
        "A device's last payloads as they came",
        "Newest first, whatever became of them: the bytes (at most 4 KiB), as text where they are text, and the complaint \
             where they could not be decoded. A message with a reading of an erased period is shown without its payload.",
    )
    .access(READINGS)
    .takes(&[ID])
    .formats(format::ROWS)
    .answers(uplinks_schema, uplinks_example),
];

async fn readings(app: &App, call: Call) -> Result<Answer, Problem> {
    let arguments = &call.arguments;
    let (from, to) = (arguments.time(FROM.name), arguments.time(TO.name));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(Problem::parameter(TO.name, FaultKind::BeforeFrom));
    }
    let view = app.live.view().await?;
    let sensor = arguments.sensor(ID.name).ok_or_else(|| Problem::parameter(ID.name, FaultKind::NotId))?;
    let after = cursor::read(arguments, "readings")?;
    let wish = Wish { sensor: &sensor, from, to, after, limit: arguments.size(LIMIT.name) };
    let page = readings::page(&app.engine, &view, &wish).await?;
    let next = page.last.map(|last| cursor::write(arguments, "readings", &last));
    Ok(Answer::List(List::new(page.items, next, view.as_of)))
}

async fn uplinks(app: &App, sensor: Option<SensorId>) -> Result<Answer, Problem> {
    let sensor = sensor.ok_or_else(|| Problem::parameter(ID.name, FaultKind::NotId))?;
    let items = app.live.uplinks(&sensor).await?.iter().map(uplink_json).collect();
    Ok(Answer::List(List::new(items, None, app.now())))
}

fn uplink_json(uplink: &Uplink) -> Value {
    let mut item = json!({
        "received_at": uplink.received_at.to_string(),
        "position": uplink.position,
        "topic": uplink.topic,
    });
    item["decoded"] = Value::Null;
    if let Some(payload) = &uplink.payload {
        match std::str::from_utf8(payload) {
            Ok(text) => item["payload"] = json!(text),
            Err(_) => item["payload_base64"] = json!(STANDARD.encode(payload)),
        }
        item["decoded"] = decoded(&uplink.topic, payload);
    }
    item["error"] = json!(uplink.error);
    item
}

/// What the codec makes of a payload, element by element, for those who look for a mistake.
fn decoded(topic: &str, payload: &Bytes) -> Value {
    let Route::Native { kind, .. } = Route::of(topic) else {
        return Value::Null;
    };
    let text = std::str::from_utf8(payload).is_ok();
    let content = if text { Content::Default } else { Content::Cbor };
    let mut elements = Vec::new();
    domain::codec::decode_native(kind, content, payload, &Default::default(), &mut |element| {
        elements.push(match element.outcome {
            Ok(decoded) => json!({"observed_at": decoded.reading.observed_at.to_string(), "fields": fields(&decoded.reading)}),
            Err(rejection) => json!({"reason": rejection.reason.name(), "detail": rejection.detail}),
        });
    });
    Value::Array(elements)
}

fn fields(reading: &domain::Reading) -> Value {
    use domain::kind::parking::ParkingValue;
    use domain::reading::Measured;
    match &reading.measured {
        Measured::Parking(parking) => match parking.value {
            ParkingValue::Bay(state) => json!({"state": state.name()}),
            ParkingValue::Counter { free, capacity } => json!({"free": free, "capacity": capacity}),
        },
        Measured::Air(air) => {
            Value::Object(air.values.iter().map(|(quantity, value)| (quantity.name().to_owned(), json!(value))).collect())
        }
    }
}

fn readings_schema() -> Value {
    let mut item = schema::partial(
        [
            ("kind", schema::word(&["parking", "air"], "of the sensor")),
            ("observed_at", schema::time("the instant that the reading speaks of")),
            ("received_at", schema::time("when the server took it")),
            ("flags", schema::array(schema::text("a remark"), "remarks on the reading")),
        ],
        [
            ("state", schema::word(&["vacant", "occupied", "unknown"], "of a bay")),
            ("free", schema::integer("free places as the counter said: may be negative or above capacity")),
            ("capacity", schema::integer("places, where the payload said")),
            ("avg_s", schema::integer("air: the values cover (observed_at - avg_s, observed_at]; 0 is a moment")),
            ("units", schema::map(schema::text("a unit"), "of the quantities in this item")),
            ("as_sent", schema::map(json!({"type": "object"}), "value and unit before conversion, by quantity")),
            ("qc", schema::map(schema::text("a word"), "what the device says of its values, by quantity")),
            ("temp_c", schema::number("in the sensor or of the air, °C")),
            ("seq", schema::integer("the device's own counter")),
            ("battery_mv", schema::integer("mV")),
            ("battery_pct", schema::number("%")),
            ("rssi_dbm", schema::number("dBm")),
            ("snr_db", schema::number("dB")),
            ("gateway", schema::text("that heard it")),
        ],
    );
    for quantity in Quantity::all() {
        item["properties"][quantity.name()] = schema::number(quantity.unit().symbol());
    }
    schema::list(item)
}

fn readings_example() -> Value {
    json!({"items": [{"kind": "air", "observed_at": "2026-11-24T00:59:00Z", "received_at": "2026-11-24T00:59:00.21Z", "avg_s": 60,
        "pm25": 31.5, "no2": 18.8, "units": {"pm25": "ug/m3", "no2": "ug/m3"}, "as_sent": {"no2": {"value": 10.0, "unit": "ppb"}},
        "battery_pct": 97.0, "flags": ["converted"]}], "next": null, "as_of": "2026-11-24T01:00:00Z"})
}

fn uplinks_schema() -> Value {
    schema::list(schema::partial(
        [
            ("received_at", schema::time("when the server took it")),
            ("position", schema::integer("of its journal record")),
            ("topic", schema::text("as published")),
            (
                "decoded",
                json!({"type": ["array", "null"], "description": "what decoding gives, element by element; null without a payload"}),
            ),
            ("error", schema::or_null(schema::text("the complaint; null when there is none"))),
        ],
        [("payload", schema::text("where it is text")), ("payload_base64", schema::text("where it is not"))],
    ))
}

fn uplinks_example() -> Value {
    json!({"items": [{"received_at": "2026-11-24T00:59:00.21Z", "position": 1200, "topic": "kerbside/v1/parking/bay-1",
        "payload": "{\"ts\":1795481940000,\"state\":\"occupied\"}",
        "decoded": [{"observed_at": "2026-11-24T00:59:00Z", "fields": {"state": "occupied"}}], "error": null}],
        "next": null, "as_of": "2026-11-24T01:00:00Z"})
}

#[cfg(test)]
mod tests {
    use domain::{Position, Timestamp};

    use super::*;

    fn shown(payload: Option<&'static [u8]>) -> Value {
        uplink_json(&Uplink {
            received_at: Timestamp::UNIX_EPOCH,
            position: Position(1),
            topic: "kerbside/v1/parking/bay-1".to_owned(),
            payload: payload.map(Bytes::from_static),
            error: None,
        })
    }

    #[test]
    fn a_withheld_payload_is_told_apart_from_an_empty_one() {
        let (withheld, empty) = (shown(None), shown(Some(b"")));
        assert!(withheld.get("payload").is_none() && withheld["decoded"].is_null(), "{withheld}");
        assert!(empty["payload"] == "" && empty["decoded"][0]["reason"] == "malformed", "{empty}");
    }

    #[test]
    fn what_is_no_text_is_shown_as_base64() {
        let item = shown(Some(&[0xa1, 0xff]));
        assert!(item["payload_base64"] == "of8=" && item.get("payload").is_none(), "{item}");
    }
}
