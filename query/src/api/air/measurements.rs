//! What a station measured: means over windows, or the readings themselves.

use std::ops::ControlFlow;
use std::time::Duration;

use domain::air::window::{self, Basis, Bucket, Grid, MIN_COVERAGE, Series, Window};
use domain::air::{Layer, Sample};
use domain::limits::{AIR_ITEMS_MAX, OBSERVED_MICROS_MIN};
use domain::registry::Registry;
use domain::time::{MICROS_PER_DAY, MICROS_PER_SECOND};
use domain::{ObjectId, Quantity, Timestamp};
use jiff::tz::TimeZone;
use lake::contract::View;
use serde_json::{Value, json};

use super::{QUANTITIES, TAG};
use crate::answer::{Answer, List};
use crate::api::{Endpoint, Freshness};
use crate::app::App;
use crate::call::Call;
use crate::language::Text;
use crate::parameter::{Arguments, FROM, FaultKind, Kind, Parameter, TO};
use crate::problem::Problem;
use crate::samples::{self, Wish};
use crate::span::{Asked, local};
use crate::{format, schema};

pub const STATION: Parameter = Parameter::query("station", Kind::Id, "The station.").required().example("hoan-kiem-air");
pub const LAYER: Parameter = Parameter::query(
    "layer",
    Kind::Word(&LAYERS),
    "`raw`: all accepted readings. `checked`: without those that the device (`invalid`, `calibration`, `maintenance`, `fault`) or an automatic \
     check takes out: gross range (particles -15 to 2,000 ug/m3, gases -500 to 50,000, carbon monoxide to 200,000) and the sentinels -999, \
     -9999, 9999, 65535. `validated`: as a person decided; null where nobody did.",
)
.or("checked");
const POLLUTANT: Parameter = Parameter::query("pollutant", Kind::Word(&QUANTITIES), "The quantity.").required().example("pm25");
const BUCKET: Parameter = Parameter::query(
    "bucket",
    Kind::Word(&["raw", "1m", "1h", "8h", "24h", "1mo", "1y"]),
    "`raw`: the readings themselves. `8h`: running, one an hour, named by the hour that ends it. `24h`, `1mo`, `1y`: local days, months, years.",
)
.or("1h");
const BASIS: Parameter =
    Parameter::query("basis", Kind::Word(&["24h", "1h"]), "What months and years are the mean of: valid days or valid hours.")
        .or("24h");
const COVERAGE: Parameter = Parameter::query(
    "min_coverage",
    Kind::Number { min: 0.0, max: 1.0 },
    "The share of its length, or of its hours or days, that makes a mean valid, at every level.",
)
.or("0.75");
const ZONE: Parameter = Parameter::query(
    "tz",
    Kind::Text { bytes_max: 64 },
    "IANA name of the zone that days, months and years are of; the city's unless said. Its hours have to begin with those of the city.",
)
.example("Asia/Ho_Chi_Minh");

const LAYERS: [&str; Layer::ALL.len()] = [Layer::ALL[0].name(), Layer::ALL[1].name(), Layer::ALL[2].name()];

pub const ENDPOINTS: &[Endpoint] = &[Endpoint::get("/v1/air/measurements", "measurements", |app, call| {
    Box::pin(async move { measurements(&app, call).await })
})
.says(
    TAG,
    "What a station measured",
    "Means over windows, every one of the span asked for, also those without data. A reading belongs to the window that holds the middle of \
     what it covers and weighs what it covers (a moment: the station's interval). An hour is the weighted mean of its readings, valid when \
     they cover 75 % of it; 8 hours and a day are the mean of their valid hours (at least 6 of 8, 75 % of the day's), a month and a year that \
     of their valid days, or hours with `basis=1h`. Where a window has no reading of an hour or less, longer ones stand for it. A \
     window below its share has no value, and tells its coverage. A running window tells how it stands and is never valid. \
     `revised_at` is when the last of its readings came, where that was more than an hour after its end.",
)
.freshness(Freshness::Settled)
.takes(&[STATION, POLLUTANT, FROM, TO, BUCKET, BASIS, COVERAGE, LAYER, ZONE])
.bounded()
.formats(format::ROWS)
.answers(measurements_schema, measurements_example)];

const TOO_MANY: Text = Text {
    en: "these are too many items for one answer: ask for a shorter time or a longer bucket",
    vi: "quá nhiều mục cho một câu trả lời: hãy hỏi khoảng thời gian ngắn hơn hoặc chọn bucket dài hơn",
};
const NO_ZONE: Text =
    Text { en: "is no IANA time zone such as Asia/Ho_Chi_Minh", vi: "không phải múi giờ IANA, ví dụ Asia/Ho_Chi_Minh" };
const OTHER_HOURS: Text = Text {
    en: "differs from the city's zone by a part of an hour: hours of air are those of the city",
    vi: "lệch múi giờ của thành phố một phần của giờ: giờ của số liệu không khí theo thành phố",
};
const DIRECTION: Text = Text {
    en: "is a direction, of which there is no such mean: ask with bucket=raw",
    vi: "là hướng, không có trung bình kiểu này: hãy hỏi với bucket=raw",
};
/// A reading that comes so long after its window's end revises it: agencies have published it by then.
const REVISED_AFTER: Duration = Duration::from_secs(3_600);

/// What was asked, judged.
struct Question {
    station: ObjectId,
    quantity: Quantity,
    /// `None`: the readings themselves.
    bucket: Option<Bucket>,
    basis: Basis,
    min_coverage: f64,
    layer: Layer,
    zone: TimeZone,
    asked: Asked,
}

impl Question {
    fn of(app: &App, arguments: &Arguments, as_of: Timestamp) -> Result<Self, Problem> {
        let bucket = arguments.text(BUCKET.name).and_then(Bucket::by_name);
        let quantity = quantity_of(arguments, POLLUTANT.name)?;
        if quantity == Quantity::WindDeg && bucket.is_some() {
            return Err(Problem::parameter(POLLUTANT.name, FaultKind::Other(DIRECTION)));
        }
        let asked = Asked::of(arguments, as_of, back(bucket))?;
        Ok(Self {
            station: station_of(arguments)?,
            quantity,
            bucket,
            basis: if arguments.text(BASIS.name) == Some("1h") { Basis::Hours } else { Basis::Days },
            min_coverage: arguments.number(COVERAGE.name).unwrap_or(MIN_COVERAGE),
            layer: layer_of(arguments),
            zone: zone_of(app, arguments, asked)?,
            asked,
        })
    }
}

pub fn station_of(arguments: &Arguments) -> Result<ObjectId, Problem> {
    arguments.object(STATION.name).ok_or_else(|| Problem::parameter(STATION.name, FaultKind::NotId))
}

pub fn layer_of(arguments: &Arguments) -> Layer {
    arguments.text(LAYER.name).and_then(Layer::by_name).unwrap_or(Layer::Checked)
}

fn quantity_of(arguments: &Arguments, name: &str) -> Result<Quantity, Problem> {
    let quantity = arguments.text(name).and_then(Quantity::by_name);
    quantity.ok_or_else(|| Problem::parameter(name, FaultKind::NotWord(&QUANTITIES)))
}

fn zone_of(app: &App, arguments: &Arguments, asked: Asked) -> Result<TimeZone, Problem> {
    let Some(name) = arguments.text(ZONE.name) else {
        return Ok(app.city.zone.clone());
    };
    let wrong = |text| Problem::parameter(ZONE.name, FaultKind::Other(text));
    let zone = TimeZone::get(name).map_err(|_| wrong(NO_ZONE))?;
    let shared = window::share_hours(&app.city.zone, &zone, asked.from, asked.to);
    if shared { Ok(zone) } else { Err(wrong(OTHER_HOURS)) }
}

/// How much is told where nobody says from when.
const fn back(bucket: Option<Bucket>) -> Duration {
    const DAY: u64 = 86_400;
    Duration::from_secs(match bucket {
        None | Some(Bucket::Minute | Bucket::Hour | Bucket::Hours8) => DAY,
        Some(Bucket::Day) => 30 * DAY,
        Some(Bucket::Month) => 365 * DAY,
        Some(Bucket::Year) => 5 * 365 * DAY,
    })
}

async fn measurements(app: &App, call: Call) -> Result<Answer, Problem> {
    let (view, registry) = app.live.history().await?;
    let question = Question::of(app, &call.arguments, view.as_of)?;
    let items = match question.bucket {
        None => readings(app, &view, &registry, &question).await?,
        Some(bucket) => windows(app, &view, &registry, &question, bucket).await?,
    };
    let Question { station, quantity, zone, layer, asked, .. } = &question;
    let mut list = List::new(items, None, view.as_of);
    let method = match question.bucket {
        None => "as observed",
        Some(Bucket::Minute | Bucket::Hour) => "weighted mean of readings",
        Some(Bucket::Hours8 | Bucket::Day) => "mean of valid hours, else of longer readings",
        Some(_) if question.basis == Basis::Hours => "mean of valid hours, else of longer readings",
        Some(_) => "mean of valid days, else of longer readings",
    };
    for (name, value) in [
        ("station", json!(station.as_str())),
        ("pollutant", json!(quantity.name())),
        ("unit", json!(quantity.unit().symbol())),
        ("bucket", json!(call.arguments.text(BUCKET.name))),
        ("method", json!(method)),
        ("layer", json!(layer.name())),
        ("min_coverage", json!(question.min_coverage)),
        ("tz", json!(zone.iana_name())),
    ] {
        list.head.insert(name.to_owned(), value);
    }
    asked.tell(&call.arguments, zone, &mut list);
    Ok(Answer::List(list))
}

async fn readings(app: &App, view: &View, registry: &Registry, question: &Question) -> Result<Vec<Value>, Problem> {
    let Question { quantity, zone, layer, asked, .. } = question;
    let wish = wish(registry, question, (asked.from, asked.to))?;
    let layer = *layer;
    let take = move |readings: &mut Vec<Sample>, taken: &samples::Taken| {
        if layer.takes(taken.sample.remarks) {
            readings.push(taken.sample);
        }
        if readings.len() > AIR_ITEMS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let readings = app.engine.bounded(samples::walk(&app.engine, view, wish, Vec::new(), take)).await?;
    if readings.len() > AIR_ITEMS_MAX {
        return Err(Problem::parameter(TO.name, FaultKind::Other(TOO_MANY)));
    }
    Ok(readings.iter().map(|reading| reading_json(reading, *quantity, zone)).collect())
}

async fn windows(
    app: &App,
    view: &View,
    registry: &Registry,
    question: &Question,
    bucket: Bucket,
) -> Result<Vec<Value>, Problem> {
    let Question { quantity, zone, layer, asked, basis, min_coverage, .. } = question;
    let grid = match bucket {
        Bucket::Minute => Grid::minutes(app.city.zone.clone()),
        _ => Grid::hours(app.city.zone.clone()),
    };
    let spans = bucket.spans(&grid, zone, asked.from, asked.to, AIR_ITEMS_MAX);
    let spans = spans.ok_or_else(|| Problem::parameter(TO.name, FaultKind::Other(TOO_MANY)))?;
    let wish = wish(registry, question, reach(&spans, *asked, longest(bucket, &spans)))?;
    let (zone, as_of) = (zone.clone(), view.as_of);
    let (quantity, basis, min_coverage) = (*quantity, *basis, *min_coverage);
    let making = async {
        let bases = samples::bases(&app.engine, view, wish, grid, *layer).await?;
        let telling = move || {
            let of = |base| Series { base, zone: &zone, basis, min_coverage, as_of };
            let windows = bases.iter().flat_map(|base| spans.iter().map(move |&(from, to)| of(base).window(bucket, from, to)));
            Ok(windows.map(|window| window_json(&window, quantity, &zone)).collect())
        };
        app.engine.carry_out(telling).await
    };
    Ok(app.engine.bounded(making).await?)
}

fn wish(registry: &Registry, question: &Question, (from, to): (Timestamp, Timestamp)) -> Result<Wish, Problem> {
    let Question { station, quantity, .. } = question;
    Wish::of(registry, std::slice::from_ref(station), &[*quantity], from, to).ok_or_else(|| absent(station))
}

pub fn absent(station: &ObjectId) -> Problem {
    Problem::absent("station", station.as_str())
}

/// Microseconds that a reading may cover that belongs to such a bucket.
fn longest(bucket: Bucket, spans: &[(Timestamp, Timestamp)]) -> i64 {
    match bucket {
        // A local day counts as 86,400 s, also where it is shorter.
        Bucket::Day => MICROS_PER_DAY,
        _ => spans.iter().map(|(from, to)| to.micros_since(*from)).max().unwrap_or(0),
    }
}

/// When readings were observed that may belong to one of the windows: the middle of what a reading covers decides, and none covers more
/// than `longest`.
pub fn reach(spans: &[(Timestamp, Timestamp)], asked: Asked, longest: i64) -> (Timestamp, Timestamp) {
    let Some(((first, _), (_, last))) = spans.first().zip(spans.last()) else {
        return (asked.from, asked.to);
    };
    let to = last.as_micros().saturating_add(longest / 2).saturating_add(1);
    (first.max(&Timestamp::from_micros(OBSERVED_MICROS_MIN)).to_owned(), Timestamp::from_micros(to))
}

fn window_json(window: &Window, quantity: Quantity, zone: &TimeZone) -> Value {
    let revised_at = window.received_at.filter(|received_at| *received_at > window.to.plus(REVISED_AFTER));
    json!({
        "from": local(window.from, zone),
        "to": local(window.to, zone),
        "value": window.value,
        "unit": quantity.unit().symbol(),
        "n": window.n,
        "min": window.min,
        "max": window.max,
        "coverage": window.coverage,
        "valid": window.valid,
        "flags": window.remarks.names().collect::<Vec<_>>(),
        "revised_at": revised_at.map(|at| local(at, zone)),
    })
}

/// A reading covers what it says; whether anything takes it out is its validity.
fn reading_json(reading: &Sample, quantity: Quantity, zone: &TimeZone) -> Value {
    let from = Timestamp::from_micros(reading.at.as_micros() - i64::from(reading.avg_s) * MICROS_PER_SECOND);
    json!({
        "from": local(from, zone),
        "to": local(reading.at, zone),
        "value": reading.value,
        "unit": quantity.unit().symbol(),
        "n": 1,
        "min": reading.value,
        "max": reading.value,
        "coverage": null,
        "valid": !reading.remarks.takes_out(),
        "flags": reading.remarks.names().collect::<Vec<_>>(),
        "revised_at": null,
    })
}

fn measurements_schema() -> Value {
    let item = schema::object([
        ("from", schema::time("start of the window, inclusive; of a reading the start of what it covers")),
        ("to", schema::time("end of the window, exclusive; of a reading its instant")),
        ("value", schema::or_null(schema::number("the mean; null where it is not valid and the window is over"))),
        ("unit", schema::text("canonical; concentrations at 101.325 kPa and the city's reference temperature")),
        (
            "n",
            schema::integer(
                "values that it is the mean of: readings of an hour or minute, valid hours or days of what is longer, or the longer readings that stand for them",
            ),
        ),
        ("min", schema::or_null(schema::number("the least of them"))),
        ("max", schema::or_null(schema::number("the largest of them"))),
        (
            "coverage",
            schema::or_null(schema::number("share of the window, or of its hours or days, that was measured; null of a reading")),
        ),
        ("valid", schema::flag("the coverage is enough and the window is over")),
        (
            "flags",
            schema::array(schema::text("a remark"), "on any reading in it: words of the device, automatic checks, remarks"),
        ),
        ("revised_at", schema::or_null(schema::time("when a reading came more than an hour after the window's end"))),
    ]);
    let head = [
        ("station", schema::text("as asked")),
        ("pollutant", schema::text("as asked")),
        ("unit", schema::text("of every value")),
        ("bucket", schema::text("as asked")),
        ("method", schema::text("what a value is")),
        ("layer", schema::word(&LAYERS, "as asked")),
        ("min_coverage", schema::number("from which share a mean is valid")),
        ("tz", schema::or_null(schema::text("that days, months and years are of"))),
        ("from", schema::time("start of what was asked for")),
        ("to", schema::time("end of what was asked for")),
    ];
    schema::list_with(item, head)
}

fn measurements_example() -> Value {
    json!({"items": [{"from": "2026-11-24T08:00:00+07:00", "to": "2026-11-24T09:00:00+07:00", "value": 41.53, "unit": "ug/m3", "n": 58,
        "min": 33.0, "max": 52.5, "coverage": 0.9666666666666667, "valid": true, "flags": ["suspect"], "revised_at": null}],
        "next": null, "as_of": "2026-11-24T02:00:00Z", "station": "hoan-kiem-air", "pollutant": "pm25", "unit": "ug/m3", "bucket": "1h",
        "method": "weighted mean of readings", "layer": "checked", "min_coverage": 0.75, "tz": "Asia/Ho_Chi_Minh",
        "from": "2026-11-24T08:00:00+07:00", "to": "2026-11-24T09:00:00+07:00"})
}

#[cfg(test)]
mod tests;
