//! Stations and their newest values: concentrations as they were reported, never an index that was not computed.

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
use crate::parameter::{AREA, Arguments, BBOX, Bbox, CURSOR, FaultKind, Kind, LIMIT, Parameter};
use crate::problem::Problem;
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
const INDEX: Parameter = Parameter::query(
    "index",
    Kind::Word(&["vn_aqi", "us_epa", "eu_aqi"]),
    "The index that `aqi` is of. None is computed yet: `aqi` is null and `reason` says so.",
)
.or("vn_aqi");

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
/// Why `aqi` is null.
const NO_INDEX: &str = "not computed: an index needs valid hourly means, which this server does not make yet";

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
            "Concentrations now",
            "As the list of stations; with `pollutant` only the values of that quantity. `aqi` is null until it is computed by its \
             rules: it is never guessed from momentary values.",
        )
        .takes(LATEST)
        .formats(format::PLACES)
        .answers(latest_schema, latest_example),
];

async fn stations(app: &App, call: Call) -> Result<Answer, Problem> {
    page(app, call, "stations", Values::All, |_| {}).await
}

async fn latest(app: &App, call: Call) -> Result<Answer, Problem> {
    let index = call.arguments.text(INDEX.name).unwrap_or_default().to_owned();
    let add_index = |item: &mut Value| {
        item["index"] = json!(index);
        item["aqi"] = Value::Null;
        item["reason"] = json!(NO_INDEX);
    };
    page(app, call, "latest", Values::Asked, add_index).await
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
    finish: impl Fn(&mut Value),
) -> Result<Answer, Problem> {
    let Call { arguments, format, .. } = call;
    let read = |standing: &Standing, state: &LiveState| {
        Wish::of(&arguments, &standing.layout, operation).map(|wish| find(&standing.layout, state, &wish, values))
    };
    let ((standing, now), found) = app.board.with_state(app.now(), read).await?;
    let Found { stations, more } = found?;
    let layout = &standing.layout;
    let last = stations.last().filter(|_| more).map(|(place, _)| &layout.stations[*place].station.id);
    let next = last.map(|last| cursor::write(&arguments, operation, last));
    let mut items = Vec::new();
    for (place, lasts) in &stations {
        let mut item = station_item(layout, &layout.stations[*place], lasts, now);
        finish(&mut item);
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
        ("index", schema::word(&["vn_aqi", "us_epa", "eu_aqi"], "that `aqi` is of")),
        ("aqi", schema::or_null(schema::number("the index; null until it is computed"))),
        ("reason", schema::or_null(schema::text("why `aqi` is null"))),
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
    example["index"] = json!("vn_aqi");
    example["aqi"] = Value::Null;
    example["reason"] = json!(NO_INDEX);
    list_example(example)
}

#[cfg(test)]
mod tests;
