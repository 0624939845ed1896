//! Wards, districts and cities as shapes, with how their sites stand now.

use domain::ObjectId;
use domain::registry::{Area, Layout};
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
    Endpoint::get("/v1/areas", "areas", |app, call| Box::pin(async move { areas(&app, &call) }))
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
    Endpoint::get("/v1/areas/{id}", "area", |app, call| Box::pin(async move { area(&app, &call) }))
        .says(TAG, "One area with a live summary", "As in the list.")
        .takes(&[ID, AT])
        .formats(format::PLACE)
        .answers(|| area_schema([("as_of", schema::time("when this is true"))]), one_example),
];

fn areas(app: &App, call: &Call) -> Result<Answer, Problem> {
    let arguments = &call.arguments;
    let level = arguments.text(LEVEL.name);
    if level.is_some_and(|level| app.city.options.rank(level).is_none()) {
        return Err(Problem::parameter(LEVEL.name, FaultKind::Other(NO_LEVEL)));
    }
    let after: Option<ObjectId> = cursor::read(arguments, "areas")?;
    let limit = arguments.size(LIMIT.name);
    let pick = |layout: &Layout| {
        let start = after.as_ref().map_or(0, |after| layout.areas.partition_point(|area| area.id <= *after));
        let fits = |place: &usize| level.is_none_or(|level| layout.areas[*place].level == level);
        let mut found: Vec<usize> = (start..layout.areas.len()).filter(fits).take(limit + 1).collect();
        let more = found.len() > limit;
        found.truncate(limit);
        (found, more)
    };
    let (items, more, as_of) = shown(app, call, pick);
    let last = items.last().filter(|_| more).and_then(|item| item["id"].as_str());
    let next = last.map(|last| cursor::write(arguments, "areas", &last));
    Ok(Answer::List(List::new(items, next, as_of)))
}

fn area(app: &App, call: &Call) -> Result<Answer, Problem> {
    let id = call.arguments.object(ID.name).ok_or_else(|| Problem::parameter(ID.name, FaultKind::NotId))?;
    let pick = |layout: &Layout| (layout.area_by_id.get(&id).copied().into_iter().collect(), false);
    let (mut items, _, as_of) = shown(app, call, pick);
    let mut item = items.pop().ok_or_else(|| Problem::absent("area", id.as_str()))?;
    item["as_of"] = json!(as_of.to_string());
    Ok(Answer::object(item))
}

/// The items of the areas that `pick` finds in the layout of the instant in question, whether there are more, and that instant.
fn shown(app: &App, call: &Call, pick: impl Fn(&Layout) -> (Vec<usize>, bool)) -> (Vec<Value>, bool, domain::Timestamp) {
    let in_format = |area: &Area| {
        let mut item = area_item(area);
        if let (Format::Csv, Some(members)) = (call.format, item.as_object_mut()) {
            members.shift_remove("geometry");
        }
        item
    };
    let Some(at) = call.arguments.time(AT.name) else {
        return app.board.at(&*app.live, app.now(), |standing, now| {
            let (found, more) = pick(&standing.layout);
            let summaries = summaries(standing);
            let items = found.into_iter().map(|place| {
                let mut item = in_format(&standing.layout.areas[place]);
                summaries[place].show(&mut item, now);
                item
            });
            (items.collect(), more, now)
        });
    };
    let layout = app.live.layout(at);
    let (found, more) = pick(&layout);
    let items = found.into_iter().map(|place| {
        let mut item = in_format(&layout.areas[place]);
        show_no_summary(&mut item);
        item
    });
    (items.collect(), more, at)
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
