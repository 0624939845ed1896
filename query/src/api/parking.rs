//! Sites and bays as they are now, whole or by what changed, and the events of one bay.

mod events;
mod near;

use std::ops::Range;
use std::sync::Arc;

use domain::access::Scope;
use domain::bay::State;
use domain::registry::Layout;
use domain::{ObjectId, Timestamp};
use serde_json::{Value, json};

use super::{Access, Endpoint, Freshness};
use crate::answer::{Answer, List};
use crate::app::App;
use crate::board::Standing;
use crate::call::Call;
use crate::format::{self, Format};
use crate::language::Text;
use crate::parameter::{AREA, BBOX, CURSOR, FROM, FaultKind, Kind, LIMIT, Parameter, TO};
use crate::parking::{STATES, bay_example, bay_item, bay_schema, row, site_example, site_item, site_schema};
use crate::problem::Problem;
use crate::{area, cursor, geometry, schema};

const TAG: &str = "parking";
const SITE_ID: Parameter = Parameter::path("id", Kind::Id, "The site.").example("trang-tien");
const BAY_ID: Parameter = Parameter::path("id", Kind::Id, "The bay.").example("trang-tien-1");
const SITE: Parameter = Parameter::query("site", Kind::Id, "Only bays of this site.").example("trang-tien");
const STATE: Parameter = Parameter::query("state", Kind::Word(&STATES), "Only bays in this state.");
const SINCE: Parameter = Parameter::query(
    "since",
    Kind::Integer { min: 0, max: i64::MAX },
    "The `version` of a snapshot, or of the changes that were asked for last. 0: everything.",
)
.required()
.example("0");

const SNAPSHOT: &str = "/v1/parking/snapshot";

pub const ENDPOINTS: &[Endpoint] = &[
    near::ENDPOINT,
    Endpoint::get("/v1/parking/sites", "sites", |app, call| Box::pin(aside(app, call, sites)))
        .says(
            TAG,
            "Sites and their places now",
            "By id. Each place counts once: free + free_by_feature + occupied + unknown + closed = capacity. A place whose sensor was \
             silent for 2.5 heartbeats is unknown, never free.",
        )
        .takes(&[BBOX, AREA, LIMIT, CURSOR])
        .formats(format::PLACES)
        .answers(|| schema::list(site_schema([])), || listed(site_example())),
    Endpoint::get("/v1/parking/sites/{id}", "site", |app, call| Box::pin(async move { site(&app, call).await }))
        .says(TAG, "One site and its places now", "As in the list, with its whole geometry.")
        .takes(&[SITE_ID])
        .formats(format::PLACE)
        .answers(one_site_schema, one_site_example),
    Endpoint::get("/v1/parking/bays", "bays", |app, call| Box::pin(aside(app, call, bays)))
        .says(
            TAG,
            "Bays and their states now",
            "By site, then id. The state is that of the last reading, at once. Bays of residents and of disabled drivers are told one by \
             one to holders of a key only: to the public they are counts of their site.",
        )
        .takes(&[SITE, STATE, BBOX, LIMIT, CURSOR])
        .formats(format::PLACES)
        .answers(|| schema::list(bay_schema([])), || listed(bay_example())),
    Endpoint::get("/v1/parking/bays/{id}", "bay", |app, call| Box::pin(async move { bay(&app, call).await }))
        .says(TAG, "One bay and its state now", "As in the list; a bay of residents or of disabled drivers needs a key.")
        .takes(&[BAY_ID])
        .formats(format::PLACE)
        .answers(|| bay_schema([("as_of", schema::time("when this is true"))]), one_bay_example),
    Endpoint::get("/v1/parking/bays/{id}/events", "bayEvents", |app, call| {
        Box::pin(async move { events::events(&app, call).await })
    })
    .says(
        TAG,
        "Arrivals and departures of a bay",
        "In order, those in [from, to): the last 24 hours unless asked otherwise, 31 days at most. An arrival is an occupied reading \
         whose previous known reading was vacant, a departure the reverse; `min_dwell_s` of the bay keeps flicker out. Repeated \
         states and unknown readings make no event.",
    )
    .access(Access::Key(Scope::Readings))
    .freshness(Freshness::Settled)
    .takes(&[BAY_ID, FROM, TO])
    .bounded()
    .formats(format::ROWS)
    .answers(events::schema, events::example),
    Endpoint::get(SNAPSHOT, "snapshot", |app, call| Box::pin(async move { snapshot(&app, call).await }))
        .says(
            TAG,
            "All sites at one version",
            "Take this once, then ask for changes since its `version`. A version stands for one state of all sites; it changes when a \
             reading comes, when a sensor falls silent, when a closure begins or ends and when the registry changes.",
        )
        .formats(format::PLACES)
        .answers(snapshot_schema, snapshot_example),
    Endpoint::get("/v1/parking/changes", "changes", |app, call| Box::pin(aside(app, call, changes)))
        .says(
            TAG,
            "Sites that changed since a version",
            "The sites as they are now whose item is another one than at `since`, and the ids of those that are no more. Ask again \
             with the answer's `version`. A version that was given up more than an hour ago, or by a server that was restarted \
             since, is answered with 410 and the snapshot's address.",
        )
        .takes(&[SINCE])
        .formats(format::PLACES)
        .answers(changes_schema, changes_example)
        .forgets(),
];

fn id_of(call: &Call) -> Result<ObjectId, Problem> {
    call.arguments.object("id").ok_or_else(|| Problem::parameter("id", FaultKind::NotId))
}

fn in_format(items: Vec<Value>, format: Format) -> Vec<Value> {
    match format {
        Format::Csv => items.into_iter().map(row).collect(),
        _ => items,
    }
}

/// Answers that go over a whole city are made aside.
async fn aside(app: Arc<App>, call: Call, answer: Answering) -> Result<Answer, Problem> {
    let (standing, now) = app.board.at(app.now()).await?;
    app.aside(move || answer(&standing, now, &call)).await
}

type Answering = fn(&Standing, Timestamp, &Call) -> Result<Answer, Problem>;

/// The first of so many, and whether there are more.
fn page(mut found: impl Iterator<Item = usize>, limit: usize) -> (Vec<usize>, bool) {
    let items = found.by_ref().take(limit).collect();
    (items, found.next().is_some())
}

fn sites(standing: &Standing, now: Timestamp, call: &Call) -> Result<Answer, Problem> {
    let (arguments, layout) = (&call.arguments, &standing.layout);
    let after: Option<ObjectId> = cursor::read(arguments, "sites")?;
    let (bbox, area) = (arguments.bbox(BBOX.name), area::asked(arguments, layout)?);
    let start = after.map_or(0, |after| layout.sites.partition_point(|entry| entry.site.id <= after));
    let fits = |site: &usize| {
        let entry = &layout.sites[*site];
        bbox.is_none_or(|bbox| bbox.holds(entry.point)) && area.is_none_or(|area| entry.areas.contains(&area))
    };
    let (found, more) = page((start..layout.sites.len()).filter(fits), arguments.size(LIMIT.name));
    let last = found.last().filter(|_| more).map(|&site| &layout.sites[site].site.id);
    let next = last.map(|last| cursor::write(arguments, "sites", last));
    let items = found.into_iter().map(|site| site_item(standing, site, now)).collect();
    Ok(Answer::List(List::new(in_format(items, call.format), next, now)))
}

async fn site(app: &App, call: Call) -> Result<Answer, Problem> {
    let id = id_of(&call)?;
    let (standing, now) = app.board.at(app.now()).await?;
    let layout = &standing.layout;
    let &site = layout.site_by_id.get(&id).ok_or_else(|| Problem::absent("site", id.as_str()))?;
    let mut item = site_item(&standing, site, now);
    item["geometry"] = geometry::shape(&layout.sites[site].site.geometry);
    item["as_of"] = json!(now.to_string());
    Ok(Answer::object(item))
}

fn bays(standing: &Standing, now: Timestamp, call: &Call) -> Result<Answer, Problem> {
    let (arguments, layout) = (&call.arguments, &standing.layout);
    let after: Option<(ObjectId, ObjectId)> = cursor::read(arguments, "bays")?;
    let bbox = arguments.bbox(BBOX.name);
    let state = arguments.text(STATE.name).and_then(|name| State::ALL.into_iter().find(|state| state.name() == name));
    let mut sites = sites_of(layout, arguments.object(SITE.name))?;
    let mut start = 0;
    if let Some((site, bay)) = after {
        start = layout.bays.partition_point(|of| (&of.site, &of.id) <= (&site, &bay));
        sites.start = sites.start.max(layout.sites.partition_point(|entry| entry.site.id < site));
    }
    // A site that has none of the state is passed over as a whole.
    let sites = sites.filter(|&site| state.is_none_or(|state| standing.tallies[site].of_state(state) > 0));
    let bays = sites.flat_map(|site| layout.sites[site].bays.clone()).filter(|bay| *bay >= start);
    let fits = |bay: &usize| {
        bbox.is_none_or(|bbox| bbox.holds(layout.bays[*bay].point))
            && call.asker.sees(&layout.bays[*bay])
            && standing.bay(*bay, now).is_some_and(|(_, is)| state.is_none_or(|state| state == is.state))
    };
    let (found, more) = page(bays.filter(fits), arguments.size(LIMIT.name));
    let last = found.last().filter(|_| more).map(|&bay| (&layout.bays[bay].site, &layout.bays[bay].id));
    let next = last.map(|last| cursor::write(arguments, "bays", &last));
    let items = found.into_iter().filter_map(|bay| bay_item(standing, bay, now)).collect();
    Ok(Answer::List(List::new(in_format(items, call.format), next, now)))
}

/// All, or one; a site that does not exist is a fault, as an empty list would hide a misspelt id.
fn sites_of(layout: &Layout, site: Option<ObjectId>) -> Result<Range<usize>, Problem> {
    const UNKNOWN: Text = Text { en: "there is no such site now", vi: "hiện không có điểm đỗ này" };
    match site {
        None => Ok(0..layout.sites.len()),
        Some(id) => match layout.site_by_id.get(&id) {
            Some(&site) => Ok(site..site + 1),
            None => Err(Problem::parameter(SITE.name, FaultKind::Other(UNKNOWN))),
        },
    }
}

async fn bay(app: &App, call: Call) -> Result<Answer, Problem> {
    let id = id_of(&call)?;
    let (standing, now) = app.board.at(app.now()).await?;
    let bay = standing.layout.bay_by_id.get(&id).copied();
    if bay.is_some_and(|bay| !call.asker.sees(&standing.layout.bays[bay])) {
        return Err(Problem::Key);
    }
    let bay = bay.and_then(|bay| bay_item(&standing, bay, now));
    let mut item = bay.ok_or_else(|| Problem::absent("bay", id.as_str()))?;
    item["as_of"] = json!(now.to_string());
    Ok(Answer::object(item))
}

async fn snapshot(app: &App, call: Call) -> Result<Answer, Problem> {
    let (standing, now) = app.board.at(app.now()).await?;
    let (format, version) = (call.format, standing.versions.current());
    let turn = app.snapshots.turn(format).await;
    if let Some(written) = turn.kept(version, now, format, &call.headers) {
        return Ok(Answer::Written(written));
    }
    let written = app.aside(move || Ok(snapshot_of(&standing, now, format).write(format))).await?;
    turn.keep(version, now, written.clone());
    Ok(Answer::Written(written))
}

fn snapshot_of(standing: &Standing, now: Timestamp, format: Format) -> Answer {
    let items = (0..standing.layout.sites.len()).map(|site| site_item(standing, site, now)).collect();
    let mut list = List::new(in_format(items, format), None, now);
    list.head.insert("version".to_owned(), json!(standing.versions.current()));
    Answer::List(list)
}

fn changes(standing: &Standing, now: Timestamp, call: &Call) -> Result<Answer, Problem> {
    let since = call.arguments.integer(SINCE.name).and_then(|since| u64::try_from(since).ok());
    let since = since.ok_or_else(|| Problem::parameter(SINCE.name, FaultKind::Missing))?;
    let versions = &standing.versions;
    if since != 0 && !(versions.oldest()..=versions.current()).contains(&since) {
        let detail = format!("changes since {since} are no longer kept: take a snapshot and go on from its version");
        return Err(Problem::Gone { detail, link: SNAPSHOT.to_owned() });
    }
    let changed = standing.changed_at.iter().enumerate().filter(|(_, version)| **version > since);
    let items = changed.map(|(site, _)| site_item(standing, site, now)).collect();
    let removed = standing.removed.iter().filter(|(version, _)| since != 0 && *version > since);
    let removed: Vec<_> = removed.map(|(_, id)| id.as_str()).collect();
    let mut list = List::new(in_format(items, call.format), None, now);
    list.head.insert("version".to_owned(), json!(versions.current()));
    list.head.insert("since".to_owned(), json!(since));
    list.head.insert("removed".to_owned(), json!(removed));
    Ok(Answer::List(list))
}

fn listed(item: Value) -> Value {
    json!({"items": [item], "next": null, "as_of": "2026-11-24T01:00:00Z"})
}

fn one_site_schema() -> Value {
    site_schema([
        ("geometry", json!({"type": "object", "description": "GeoJSON: Point, LineString or Polygon"})),
        ("as_of", schema::time("when this is true")),
    ])
}

fn one_site_example() -> Value {
    let mut example = site_example();
    example["geometry"] = json!({"type": "LineString", "coordinates": [[105.8500, 21.0280], [105.8510, 21.0285]]});
    example["as_of"] = json!("2026-11-24T01:00:00Z");
    example
}

fn one_bay_example() -> Value {
    let mut example = bay_example();
    example["as_of"] = json!("2026-11-24T01:00:00Z");
    example
}

fn version_schema() -> Value {
    schema::integer("what `since` of the changes takes")
}

fn snapshot_schema() -> Value {
    schema::list_with(site_schema([]), [("version", version_schema())])
}

fn snapshot_example() -> Value {
    let mut example = listed(site_example());
    example["version"] = json!(1_795_482_000_000_000_u64);
    example
}

fn changes_schema() -> Value {
    let removed = schema::array(schema::text("an id"), "sites that stood at `since` and are no more");
    schema::list_with(
        site_schema([]),
        [("version", version_schema()), ("since", schema::integer("as asked")), ("removed", removed)],
    )
}

fn changes_example() -> Value {
    let mut example = snapshot_example();
    example["since"] = json!(1_795_481_990_000_000_u64);
    example["removed"] = json!([]);
    example
}

#[cfg(test)]
mod tests;
