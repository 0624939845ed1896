//! Which means lie above what a text of law allows, station by station.

use std::time::Duration;

use domain::air::exceedance::{Exceedance, JUDGED, Judge, reach};
use domain::air::window::{Base, Basis, Grid, MIN_COVERAGE, Series};
use domain::air::{Averaging, Layer};
use domain::limits::{EXCEEDANCES_SPAN_MAX, OBSERVED_MICROS_MIN};
use domain::registry::{Registry, Span};
use domain::time::MICROS_PER_DAY;
use domain::{ObjectId, Quantity, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use lake::contract::View;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::measurements::absent;
use super::{QUANTITIES, TAG};
use crate::answer::{Answer, List};
use crate::api::{Endpoint, Freshness};
use crate::app::App;
use crate::call::Call;
use crate::engine::EngineError;
use crate::language::Text;
use crate::parameter::{AREA, Arguments, CURSOR, FROM, FaultKind, Kind, Parameter, TO};
use crate::problem::Problem;
use crate::samples::{self, Wish};
use crate::span::{Asked, local};
use crate::standards::{LIMITS, STANDARDS};
use crate::{area, cursor, format, schema};

const STANDARD: Parameter = Parameter::query(
    "standard",
    Kind::Word(LIMITS),
    "The text. `qcvn05` is the Vietnamese one in force on each day, the others hold on any day as they read.",
)
.or("qcvn05");
const STATION: Parameter = Parameter::query("station", Kind::Id, "Only this station.").example("hoan-kiem-air");
const POLLUTANT: Parameter = Parameter::query("pollutant", Kind::Word(&QUANTITIES), "Only this quantity.").example("pm25");

pub const ENDPOINTS: &[Endpoint] = &[Endpoint::get("/v1/air/exceedances", "exceedances", |app, call| {
    Box::pin(async move { exceedances(&app, call).await })
})
.says(
    TAG,
    "Means above a legal limit or guideline",
    "By station, then pollutant, averaging and time: valid means of the checked layer that end in the span (after `from`, up to `to`) and lie above the \
     limit that held then. Each as the text averages it: hours, local days, of running 8-hour means the largest of each local day, \
     calendar years. `not_judged` names averagings of the text that no such mean is made of. A limit of a `percentile` allows some days \
     of a year above it. Stations are all that stood in the span; those of an area as it was at their end, or at that of the span. A page ends with a station.",
)
.freshness(Freshness::Settled)
.takes(&[STANDARD, POLLUTANT, AREA, STATION, FROM, TO, CURSOR])
.bounded()
.formats(format::ROWS)
.answers(exceedances_schema, exceedances_example)];

const TOO_LONG: Text = Text {
    en: "must not be more than five years after from: ask for one span after the other",
    vi: "không được cách from quá năm năm: hãy hỏi từng khoảng một",
};
const BACK: Duration = Duration::from_secs(30 * 86_400);
/// Stations are looked at a few at a time. A page ends behind those that make so many items, or when so many were looked at.
const AT_ONCE: usize = 8;
const ITEMS: usize = 1_000;
const CHUNKS: usize = 8;

/// Where the next page begins: the span is that of the first.
#[derive(Serialize, Deserialize)]
struct Key {
    after: ObjectId,
    from: Timestamp,
    to: Timestamp,
}

/// What every station is asked.
struct Question {
    standard: &'static str,
    quantities: Vec<Quantity>,
    asked: Asked,
    zone: TimeZone,
    as_of: Timestamp,
    reference_temperature_c: f64,
}

async fn exceedances(app: &App, call: Call) -> Result<Answer, Problem> {
    let (view, registry) = app.live.history().await?;
    let arguments = &call.arguments;
    let key: Option<Key> = cursor::read(arguments, "exceedances")?;
    let asked = match &key {
        Some(key) => Asked { from: key.from, to: key.to },
        None => Asked::of(arguments, view.as_of, BACK)?,
    };
    if asked.to > asked.from.plus(EXCEEDANCES_SPAN_MAX) {
        return Err(Problem::parameter(TO.name, FaultKind::Other(TOO_LONG)));
    }
    let named = arguments.text(STANDARD.name);
    let standard = LIMITS.iter().find(|standard| named == Some(**standard)).copied();
    let standard = standard.ok_or_else(|| Problem::parameter(STANDARD.name, FaultKind::Missing))?;
    let asked_quantity = arguments.text(POLLUTANT.name).and_then(Quantity::by_name);
    let is_asked = |quantity: &Quantity| asked_quantity.is_none_or(|asked| asked == *quantity);
    let question = Question {
        standard,
        quantities: Quantity::all()
            .filter(is_asked)
            .filter(|quantity| averagings(standard, *quantity).next().is_some())
            .collect(),
        // Nothing that ends later is valid; of a span that lies ahead nothing is left.
        asked: Asked { from: asked.from, to: asked.to.min(view.as_of).max(asked.from) },
        zone: app.city.zone.clone(),
        as_of: view.as_of,
        reference_temperature_c: app.reference_temperature_c,
    };
    let stations = stations(arguments, &registry, question.asked, key.as_ref().map(|key| &key.after))?;
    let looking = async {
        let (mut items, mut looked_at) = (Vec::new(), None);
        for stations in stations.chunks(at_once(question.asked)).take(CHUNKS) {
            items.extend(of_stations(app, &view, &registry, &question, stations).await?);
            looked_at = stations.last();
            if items.len() >= ITEMS {
                break;
            }
        }
        Ok((items, looked_at))
    };
    let (items, looked_at) = app.engine.bounded(looking).await?;
    let more = looked_at.filter(|station| stations.last() != Some(station));
    let next = more
        .map(|station| cursor::write(arguments, "exceedances", &Key { after: station.clone(), from: asked.from, to: asked.to }));
    let mut list = List::new(items, next, view.as_of);
    list.head.insert("standard".to_owned(), json!(standard));
    let not_judged = Averaging::ALL.into_iter().filter(|averaging| !JUDGED.contains(averaging));
    let not_judged = not_judged
        .filter(|averaging| question.quantities.iter().any(|of| averagings(standard, *of).any(|other| other == *averaging)));
    list.head.insert("not_judged".to_owned(), json!(not_judged.map(Averaging::name).collect::<Vec<_>>()));
    asked.tell(arguments, &question.zone, &mut list);
    Ok(Answer::List(list))
}

/// What the text limits of a quantity, on whatever day.
fn averagings(standard: &'static str, quantity: Quantity) -> impl Iterator<Item = Averaging> {
    let texts = STANDARDS.limits().filter(move |text| text.id == standard || text.series.as_deref() == Some(standard));
    texts.flat_map(|text| text.limits.iter()).filter(move |limit| limit.quantity == quantity).map(|limit| limit.averaging)
}

/// All that stood in the span, in the order of their ids. An area counts as it was when the station last stood in the span.
fn stations(
    arguments: &Arguments,
    registry: &Registry,
    asked: Asked,
    after: Option<&ObjectId>,
) -> Result<Vec<ObjectId>, Problem> {
    area::asked(arguments, &registry.layout(asked.to))?;
    let area = arguments.object(AREA.name);
    let one = arguments.object(STATION.name);
    if let Some(station) = &one
        && registry.stations.of(station.as_str()).is_empty()
    {
        return Err(absent(station));
    }
    let is_in = |station: &ObjectId, last: Timestamp| {
        let Some(area) = &area else {
            return true;
        };
        let layout = registry.layout(last);
        let entry = layout.station_by_id.get(station).map(|place| &layout.stations[*place]);
        entry.is_some_and(|entry| entry.areas.iter().any(|place| layout.areas[*place].id == *area))
    };
    let (mut stations, mut looked_at) = (Vec::new(), None);
    let span = Span { from: Some(asked.from), to: Some(asked.to) };
    // Versions come by id, then by time: of each station the last one in the span is met first.
    for version in registry.stations.iter().rev().filter(|version| version.span.overlaps(span)) {
        let (id, to) = (&version.object.id, version.span.to.map_or(asked.to, |to| to.min(asked.to)));
        let is_wanted = one.as_ref().is_none_or(|one| one == id) && after.is_none_or(|after| id > after);
        let is_last = looked_at.replace(id) != Some(id);
        if is_last && is_wanted && is_in(id, Timestamp::from_micros(to.as_micros() - 1)) {
            stations.push(id.clone());
        }
    }
    stations.reverse();
    Ok(stations)
}

/// Few where each has years of hours.
fn at_once(asked: Asked) -> usize {
    const YEAR_MICROS: i64 = 366 * MICROS_PER_DAY;
    let years = asked.to.micros_since(asked.from) / YEAR_MICROS + 1;
    (AT_ONCE / usize::try_from(years).unwrap_or(AT_ONCE)).max(1)
}

async fn of_stations(
    app: &App,
    view: &View,
    registry: &Registry,
    question: &Question,
    stations: &[ObjectId],
) -> Result<Vec<Value>, EngineError> {
    let Question { quantities, asked, zone, .. } = question;
    let (from, to) = reach(zone, asked.from, asked.to);
    let from = from.max(Timestamp::from_micros(OBSERVED_MICROS_MIN));
    let Some(wish) = Wish::of(registry, stations, quantities, from, to) else {
        return Err(EngineError::Failed("a station that stood is none of the registry's".to_owned()));
    };
    let bases = samples::bases(&app.engine, view, wish, Grid::hours(zone.clone()), Layer::Checked).await?;
    let judging = {
        let zone = zone.clone();
        let of_station = |station: &ObjectId| quantities.iter().map(|quantity| (station.clone(), *quantity)).collect::<Vec<_>>();
        let sources: Vec<_> = stations.iter().flat_map(of_station).collect();
        let (standard, asked) = (question.standard, *asked);
        let (as_of, reference_temperature_c) = (question.as_of, question.reference_temperature_c);
        move || {
            let text_on = |date: Date| STANDARDS.limits_on(standard, date);
            let of = |(base, (station, quantity)): (&Base, &(ObjectId, Quantity))| {
                let series = Series { base, zone: &zone, basis: Basis::Days, min_coverage: MIN_COVERAGE, as_of };
                let judge = Judge { text_on, quantity: *quantity, series, reference_temperature_c };
                let found = judge.exceedances(asked.from, asked.to);
                found.iter().map(|found| item(found, station, *quantity, &zone)).collect::<Vec<_>>()
            };
            Ok(bases.iter().zip(&sources).flat_map(of).collect())
        }
    };
    app.engine.carry_out(judging).await
}

fn item(found: &Exceedance<'_>, station: &ObjectId, quantity: Quantity, zone: &TimeZone) -> Value {
    let Exceedance { text, limit, window, judgment } = found;
    let beyond = limit.interim.iter().filter(|step| judgment.compared > **step).count();
    json!({
        "station": station.as_str(),
        "pollutant": quantity.name(),
        "averaging": limit.averaging.name(),
        "from": local(window.from, zone),
        "to": local(window.to, zone),
        "value": judgment.compared,
        "limit": limit.value,
        "unit": limit.unit.symbol(),
        "ratio": judgment.compared / limit.value,
        "standard": text.id,
        "source": text.source,
        "percentile": limit.percentile,
        "interim_targets_missed": if limit.interim.is_empty() { Value::Null } else { json!(beyond) },
        "coverage": window.coverage,
        "flags": window.remarks.names().collect::<Vec<_>>(),
    })
}

fn exceedances_schema() -> Value {
    let item = schema::object([
        ("station", schema::text("where")),
        ("pollutant", schema::text("of what")),
        ("averaging", schema::word(&JUDGED.map(Averaging::name), "what the mean is; of `8h` the largest of its local day")),
        ("from", schema::time("start of the mean, inclusive")),
        ("to", schema::time("end of the mean, exclusive")),
        ("value", schema::number("the mean as it was compared: in `unit`, rounded where the text says so")),
        ("limit", schema::number("that held then")),
        ("unit", schema::text("of both, as the text has it")),
        ("ratio", schema::number("value / limit")),
        ("standard", schema::text("the text that held then")),
        ("source", schema::text("of the limit")),
        (
            "percentile",
            schema::or_null(schema::integer("of a year's values the one at this percentile is meant: some may lie above")),
        ),
        (
            "interim_targets_missed",
            schema::or_null(schema::integer("steps on the way to the limit that it lies above, too; null where there are none")),
        ),
        ("coverage", schema::number("of the mean")),
        ("flags", schema::array(schema::text("a remark"), "on any reading in it")),
    ]);
    let head = [
        ("standard", schema::text("as asked")),
        ("not_judged", schema::array(schema::text("an averaging"), "of the text, of which no mean is made here")),
        ("from", schema::time("start of what was asked for")),
        ("to", schema::time("end of what was asked for")),
    ];
    schema::list_with(item, head)
}

fn exceedances_example() -> Value {
    json!({"items": [{"station": "hoan-kiem-air", "pollutant": "pm25", "averaging": "24h", "from": "2026-11-23T00:00:00+07:00",
        "to": "2026-11-24T00:00:00+07:00", "value": 61.2, "limit": 45.0, "unit": "ug/m3", "ratio": 1.36, "standard": "qcvn05_2023",
        "source": "QCVN 05:2023/BTNMT, Circular 01/2023/TT-BTNMT of 13 March 2023, table 1", "percentile": null,
        "interim_targets_missed": null, "coverage": 1.0, "flags": []}],
        "next": null, "as_of": "2026-11-24T02:00:00Z", "standard": "qcvn05", "not_judged": [],
        "from": "2026-10-25T00:00:00+07:00", "to": "2026-11-24T09:00:00+07:00"})
}

#[cfg(test)]
mod tests;
