//! Wards, districts and cities as shapes, with how their sites stand now.

use domain::registry::Area;
use domain::{ObjectId, Timestamp};
use serde_json::{Value, json};

use super::Endpoint;
use crate::answer::{Answer, List};
use crate::app::App;
use crate::areas::{area_item, area_schema, show_no_summary, summaries};
use crate::call::Call;
use crate::format::{self, Format};
use crate::language::Text;
use crate::parameter::{CURSOR, FaultKind, Kind, LIMIT, Parameter};
use crate::problem::Problem;
use crate::{cursor, schema};

const TAG: &str = "areas";
const ID: Parameter = Parameter::path("id", Kind::Id, "The area.").example("hoan-kiem");
const AT: Parameter = Parameter::query(
    "at",
    Kind::Time,
    "The areas as they were or will be at this instant; without a live summary, which is of now only.",
)
.example("2025-06-30T00:00:00+07:00");
const LEVEL: Parameter = Parameter::query("level", Kind::Text { bytes_max: 64 }, "Only areas of this level.").example("ward");
const NO_LEVEL: Text = Text { en: "this city has no such level", vi: "thành phố không có cấp này" };

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/areas", "areas", |app, call| Box::pin(async move { areas(&app, call).await }))
        .says(
            TAG,
            "Areas with a live summary",
            "By id, each with its shape. The numbers are sums over the sites whose point lies in the area, and free + free_by_feature + \
             occupied + unknown + closed = capacity; `by_vehicle` has them apart, since a motorbike's place is none for a car. In CSV \
             the shape is left out.",
        )
        .takes(&[AT, LEVEL, LIMIT, CURSOR])
        .formats(format::PLACES)
        .answers(|| schema::list(area_schema([])), list_example),
    Endpoint::get("/v1/areas/{id}", "area", |app, call| Box::pin(async move { area(&app, call).await }))
        .says(TAG, "One area with a live summary", "As in the list.")
        .takes(&[ID, AT])
        .formats(format::PLACE)
        .answers(|| area_schema([("as_of", schema::time("when this is true"))]), one_example),
];

async fn areas(app: &App, call: Call) -> Result<Answer, Problem> {
    let arguments = &call.arguments;
    let level = arguments.text(LEVEL.name).map(str::to_owned);
    if level.as_ref().is_some_and(|level| app.city.options.rank(level).is_none()) {
        return Err(Problem::parameter(LEVEL.name, FaultKind::Other(NO_LEVEL)));
    }
    let after: Option<ObjectId> = cursor::read(arguments, "areas")?;
    let limit = arguments.size(LIMIT.name);
    let fits = move |area: &Area| {
        after.as_ref().is_none_or(|after| area.id > *after) && level.as_ref().is_none_or(|level| area.level == *level)
    };
    let (mut items, as_of) = shown(app, call.format, arguments.time(AT.name), Pick { most: limit + 1, fits }).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more).and_then(|item| item["id"].as_str());
    let next = last.map(|last| cursor::write(arguments, "areas", &last));
    Ok(Answer::List(List::new(items, next, as_of)))
}

async fn area(app: &App, call: Call) -> Result<Answer, Problem> {
    let id = call.arguments.object(ID.name).ok_or_else(|| Problem::parameter(ID.name, FaultKind::NotId))?;
    let asked = id.clone();
    let (mut items, as_of) =
        shown(app, call.format, call.arguments.time(AT.name), Pick { most: 1, fits: move |area: &Area| area.id == asked })
            .await?;
    let mut item = items.pop().ok_or_else(|| Problem::absent("area", id.as_str()))?;
    item["as_of"] = json!(as_of.to_string());
    Ok(Answer::object(item))
}

/// The first areas that fit, by id.
struct Pick<F> {
    most: usize,
    fits: F,
}

/// The items of the areas that are picked at the instant in question, and that instant. Made aside: shapes are long.
async fn shown<F: Fn(&Area) -> bool + Send + 'static>(
    app: &App,
    format: Format,
    at: Option<Timestamp>,
    Pick { most, fits }: Pick<F>,
) -> Result<(Vec<Value>, Timestamp), Problem> {
    if let Some(at) = at {
        let registry = app.live.registry();
        let past = move || {
            let areas = registry.areas_at(at);
            Ok(areas.iter().filter(|area| fits(area)).take(most).map(|area| without_summary(area, format)).collect())
        };
        return Ok((app.aside(past).await?, at));
    }
    let (standing, now) = app.board.at(app.now()).await?;
    let live = move || {
        let summaries = summaries(&standing);
        let areas = standing.layout.areas.iter().zip(&summaries).filter(|(area, _)| fits(area)).take(most);
        let with_summary = areas.map(|(area, summary)| {
            let mut item = in_format(area, format);
            summary.show(&mut item, now);
            item
        });
        Ok(with_summary.collect())
    };
    Ok((app.aside(live).await?, now))
}

fn without_summary(area: &Area, format: Format) -> Value {
    let mut item = in_format(area, format);
    show_no_summary(&mut item);
    item
}

fn in_format(area: &Area, format: Format) -> Value {
    let mut item = area_item(area);
    if let (Format::Csv, Some(members)) = (format, item.as_object_mut()) {
        members.shift_remove("geometry");
    }
    item
}

fn example() -> Value {
    let places = json!({"sites": 2, "free": 7, "free_by_feature": {"resident": 0, "loading": 0, "accessible": 1, "ev": 0}, "occupied": 11,
        "unknown": 1, "closed": 0, "capacity": 20});
    let mut example = json!({"id": "hoan-kiem", "name": "Hoàn Kiếm", "names": {"en": "Hoan Kiem"}, "level": "ward", "parent": "ha-noi",
        "geometry": {"type": "MultiPolygon", "coordinates": [[[[105.84, 21.02], [105.87, 21.02], [105.87, 21.05], [105.84, 21.02]]]]}});
    for (key, value) in places.as_object().into_iter().flatten() {
        example[key] = value.clone();
    }
    example["by_vehicle"] = json!({"car": places});
    example["stations"] = json!(1);
    example["observed_at"] = json!("2026-11-24T00:59:40Z");
    example["age_s"] = json!(20);
    example["stale"] = json!(false);
    example
}

fn list_example() -> Value {
    json!({"items": [example()], "next": null, "as_of": "2026-11-24T01:00:00Z"})
}

fn one_example() -> Value {
    let mut example = example();
    example["as_of"] = json!("2026-11-24T01:00:00Z");
    example
}

#[cfg(test)]
mod tests;
