//! Stations and their newest values: concentrations as they were reported, and the index of the last whole hour.

pub mod aqi;
pub mod exceedances;
mod last_hour;
pub mod measurements;

pub use last_hour::LastHours;

use std::sync::Arc;

use domain::air::Index;
use domain::registry::{Layout, StationClass, StationEntry};
use domain::{ObjectId, Quantity};
use lake::contract::{AirLast, LiveState};
use serde_json::{Value, json};

use super::Endpoint;
use crate::air::{Lasts, station_item, station_schema, value_rows};
use crate::answer::{Answer, List};
use crate::app::App;
use crate::area;
use crate::board::Standing;
use crate::call::Call;
use crate::format::{self, Format};
use crate::language::Language;
use crate::parameter::{AREA, Arguments, BBOX, Bbox, CURSOR, FaultKind, Kind, LIMIT, Parameter};
use crate::problem::Problem;
use crate::standards::{INDICES, STANDARDS};
use crate::{cursor, schema};

const TAG: &str = "air";
const ID: Parameter = Parameter::path("id", Kind::Id, "The station.").example("hoan-kiem-air");
const CLASS: Parameter = Parameter::query("class", Kind::Word(&CLASSES), "Only stations of this kind of instrument.");
const POLLUTANT: Parameter = Parameter::query(
    "pollutant",
    Kind::Word(&QUANTITIES),
    "Only stations that measure this quantity, by the registry or by what they sent.",
)
.example("pm25");
const INDEX: Parameter = Parameter::query("index", Kind::Word(INDICES), "The index that `aqi` is of.").or("vn_aqi");

const CLASSES: [&str; StationClass::ALL.len()] = [StationClass::ALL[0].name(), StationClass::ALL[1].name()];
const QUANTITIES: [&str; Quantity::COUNT] = {
    let mut names = [""; Quantity::COUNT];
    let mut at = 0;
    while at < Quantity::COUNT {
        names[at] = Quantity::ALL[at].name;
        at += 1;
    }
    names
};

const STATIONS: &[Parameter] = &[BBOX, AREA, CLASS, POLLUTANT, LIMIT, CURSOR];
const LATEST: &[Parameter] = &[INDEX, POLLUTANT, BBOX, AREA, CLASS, LIMIT, CURSOR];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/air/stations", "stations", |app, call| Box::pin(async move { stations(&app, call).await }))
        .says(
            TAG,
            "Stations with their newest values",
            "By id. A station that never sent anything is there, too, without values and stale. A value is stale 2.5 × max(interval_s, \
             avg_s) after it was observed. Values are those of the raw layer: `qc` tells what the device says of them. In CSV a row \
             is one value.",
        )
        .takes(STATIONS)
        .formats(format::PLACES)
        .answers(|| schema::list(station_schema([])), || list_example(station_example())),
    Endpoint::get("/v1/air/stations/{id}", "station", |app, call| Box::pin(async move { station(&app, call).await }))
        .says(TAG, "One station with its newest values", "As in the list.")
        .takes(&[ID])
        .formats(format::PLACE)
        .answers(|| schema::with(station_schema([]), [("as_of", schema::time("when this is true"))]), one_example),
    Endpoint::get("/v1/air/latest", "latest", |app, call| Box::pin(async move { latest(&app, call).await }))
        .says(
            TAG,
            "Concentrations now, and the index of the last hour",
            "As the list of stations; with `pollutant` only the values of that quantity. `aqi` is the index of the last whole hour, from \
             `aqi_from` to `aqi_to`, as `/v1/air/aqi` tells it: made of valid hourly means, never guessed from momentary values.",
        )
        .takes(LATEST)
        .formats(format::PLACES)
        .answers(latest_schema, latest_example),
];

async fn stations(app: &App, call: Call) -> Result<Answer, Problem> {
    page(app, call, "stations", Values::All, None).await
}

async fn latest(app: &App, call: Call) -> Result<Answer, Problem> {
    let index = call.arguments.text(INDEX.name).and_then(|id| STANDARDS.index(id));
    page(app, call, "latest", Values::Asked, index).await
}

async fn station(app: &App, call: Call) -> Result<Answer, Problem> {
    let id = call.arguments.object(ID.name).ok_or_else(|| Problem::parameter(ID.name, FaultKind::NotId))?;
    let lasts = |_: &Standing, state: &LiveState| state.air.get(&id).cloned().unwrap_or_default();
    let ((standing, now), lasts) = app.board.with_state(app.now(), lasts).await?;
    let layout = &standing.layout;
    let place = layout.station_by_id.get(&id).ok_or_else(|| Problem::absent("station", id.as_str()))?;
    let mut item = station_item(layout, &layout.stations[*place], &lasts, now);
    item["as_of"] = json!(now.to_string());
    Ok(Answer::object(item))
}

/// Which values of a station stand in its item when a quantity was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    All,
    Asked,
}

/// Which stations were asked for.
struct Wish {
    bbox: Option<Bbox>,
    /// A place in the layout's areas.
    area: Option<usize>,
    class: Option<StationClass>,
    pollutant: Option<Quantity>,
    after: Option<ObjectId>,
    limit: usize,
}

impl Wish {
    fn of(arguments: &Arguments, layout: &Layout, operation: &'static str) -> Result<Self, Problem> {
        let class = arguments.text(CLASS.name);
        Ok(Self {
            bbox: arguments.bbox(BBOX.name),
            area: area::asked(arguments, layout)?,
            class: class.and_then(|name| StationClass::ALL.into_iter().find(|class| class.name() == name)),
            pollutant: arguments.text(POLLUTANT.name).and_then(Quantity::by_name),
            after: cursor::read(arguments, operation)?,
            limit: arguments.size(LIMIT.name),
        })
    }

    fn places(&self, entry: &StationEntry) -> bool {
        self.bbox.is_none_or(|bbox| bbox.holds(entry.station.point))
            && self.area.is_none_or(|area| entry.areas.contains(&area))
            && self.class.is_none_or(|class| class == entry.station.class)
    }

    fn measures(&self, entry: &StationEntry, lasts: &Lasts) -> bool {
        let has =
            |asked: Quantity| entry.station.measures.contains(&asked) || lasts.iter().any(|(quantity, _)| *quantity == asked);
        self.pollutant.is_none_or(has)
    }
}

async fn page(
    app: &App,
    call: Call,
    operation: &'static str,
    values: Values,
    index: Option<&'static Index>,
) -> Result<Answer, Problem> {
    let Call { arguments, format, headers, .. } = call;
    let read = |standing: &Standing, state: &LiveState| {
        Wish::of(&arguments, &standing.layout, operation).map(|wish| find(&standing.layout, state, &wish, values))
    };
    let ((standing, now), found) = app.board.with_state(app.now(), read).await?;
    let Found { stations, more } = found?;
    let layout = &standing.layout;
    let last = stations.last().filter(|_| more).map(|(place, _)| &layout.stations[*place].station.id);
    let next = last.map(|last| cursor::write(&arguments, operation, last));
    let ids: Vec<ObjectId> = stations.iter().map(|(place, _)| layout.stations[*place].station.id.clone()).collect();
    let indices = match index {
        Some(index) => app.last_hours.of(app, &ids, index, Language::of(&headers)).await,
        None => Arc::default(),
    };
    let mut items = Vec::new();
    for (number, (place, lasts)) in stations.iter().enumerate() {
        let mut item = station_item(layout, &layout.stations[*place], lasts, now);
        if let Some((index, of)) = index.zip(indices.get(number)) {
            item["index"] = json!(index.id);
            last_hour::SHOWN.iter().for_each(|(name, key)| item[*name] = of[*key].clone());
        }
        match format {
            Format::Csv => items.extend(value_rows(&item)),
            _ => items.push(item),
        }
    }
    Ok(Answer::List(List::new(items, next, now)))
}

/// A page of stations, by place in the layout, with copies of their values.
struct Found {
    stations: Vec<(usize, Vec<(Quantity, AirLast)>)>,
    more: bool,
}

/// Under the lock of the state, so no more is done than the page needs.
fn find(layout: &Layout, state: &LiveState, wish: &Wish, values: Values) -> Found {
    let start = wish.after.as_ref().map_or(0, |after| layout.stations.partition_point(|entry| entry.station.id <= *after));
    let shown = |quantity: Quantity| values == Values::All || wish.pollutant.is_none_or(|asked| asked == quantity);
    let mut stations = Vec::new();
    for (place, entry) in layout.stations.iter().enumerate().skip(start).filter(|(_, entry)| wish.places(entry)) {
        let lasts = state.air.get(&entry.station.id).map(Vec::as_slice).unwrap_or_default();
        if !wish.measures(entry, lasts) {
            continue;
        }
        if stations.len() == wish.limit {
            return Found { stations, more: true };
        }
        stations.push((place, lasts.iter().filter(|(quantity, _)| shown(*quantity)).cloned().collect()));
    }
    Found { stations, more: false }
}

fn latest_schema() -> Value {
    schema::list(station_schema([
        ("index", schema::word(INDICES, "that `aqi` is of")),
        ("aqi", schema::or_null(schema::integer("the index of the last whole hour; of `eu_aqi` the band"))),
        ("level", schema::or_null(schema::integer("from 1, the best"))),
        ("label", schema::or_null(schema::text("of the level, in the language asked for"))),
        ("colour", schema::or_null(schema::text("of the level, #RRGGBB"))),
        ("dominant", schema::or_null(schema::text("the pollutant that it comes from"))),
        ("aqi_from", schema::or_null(schema::time("start of the hour, inclusive"))),
        ("aqi_to", schema::or_null(schema::time("its end, exclusive"))),
        ("reason", schema::or_null(schema::text("why `aqi` is null: as in `/v1/air/aqi`, or `unavailable`"))),
    ]))
}

fn station_example() -> Value {
    json!({"id": "hoan-kiem-air", "name": "Hoàn Kiếm", "names": {"en": "Hoan Kiem"}, "class": "indicative", "measures": ["pm25"],
        "interval_s": 60, "areas": ["hoan-kiem"], "observed_at": "2026-11-24T00:59:00Z", "age_s": 60, "stale": false,
        "values": {"pm25": {"quantity": "pm25", "value": 41.5, "unit": "ug/m3", "avg_s": 60, "method": "device_mean", "coverage": null,
            "qc": "valid", "flags": [], "observed_at": "2026-11-24T00:59:00Z", "received_at": "2026-11-24T00:59:00.2Z", "age_s": 60,
            "stale": false}},
        "point": {"type": "Point", "coordinates": [105.8525, 21.0287]}})
}

fn list_example(item: Value) -> Value {
    json!({"items": [item], "next": null, "as_of": "2026-11-24T01:00:00Z"})
}

fn one_example() -> Value {
    let mut example = station_example();
    example["as_of"] = json!("2026-11-24T01:00:00Z");
    example
}

fn latest_example() -> Value {
    let mut example = station_example();
    let of = [
        ("index", json!("vn_aqi")),
        ("aqi", json!(83)),
        ("level", json!(2)),
        ("label", json!("Moderate")),
        ("colour", json!("#FFFF00")),
        ("dominant", json!("pm25")),
        ("aqi_from", json!("2026-11-24T07:00:00+07:00")),
        ("aqi_to", json!("2026-11-24T08:00:00+07:00")),
        ("reason", Value::Null),
    ];
    of.into_iter().for_each(|(name, value)| example[name] = value);
    list_example(example)
}

#[cfg(test)]
mod tests;
