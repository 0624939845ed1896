//! An area as it stands now: the places of all its sites, counted together.

use domain::Timestamp;
use domain::registry::{Area, Vehicle};
use serde_json::{Map, Value, json};

use crate::board::{CLASSES, Standing, Tally};
use crate::parking::{VEHICLES, by_feature, show_age};
use crate::{geometry, schema};

/// What the registry says of an area.
pub fn area_item(area: &Area) -> Value {
    json!({
        "id": area.id.as_str(),
        "name": area.name,
        "names": area.names,
        "level": area.level,
        "parent": area.parent.as_ref().map(|parent| parent.as_str()),
        "geometry": geometry::shape(&area.geometry),
    })
}

/// Places of sites, added up: a counter may say that it has two thousand million.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    sites: u64,
    free: [u64; CLASSES],
    occupied: u64,
    unknown: u64,
    closed: u64,
    capacity: u64,
}

impl Places {
    fn add(&mut self, tally: &Tally) {
        self.sites += 1;
        self.free.iter_mut().zip(tally.free).for_each(|(sum, free)| *sum += u64::from(free));
        self.occupied += u64::from(tally.occupied);
        self.unknown += u64::from(tally.unknown_places());
        self.closed += u64::from(tally.closed);
        self.capacity += u64::from(tally.capacity);
    }

    fn show(&self, item: &mut Value) {
        item["sites"] = json!(self.sites);
        item["free"] = json!(self.free[0]);
        item["free_by_feature"] = by_feature(&self.free);
        item["occupied"] = json!(self.occupied);
        item["unknown"] = json!(self.unknown);
        item["closed"] = json!(self.closed);
        item["capacity"] = json!(self.capacity);
    }
}

/// How one area stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    all: Places,
    by_vehicle: [Places; Vehicle::ALL.len()],
    stations: u32,
    observed_at: Option<Timestamp>,
    /// Any of its sites is not stale.
    fresh: bool,
}

/// Of every area, by its place in the layout. One walk over all sites, however many areas are asked for.
pub fn summaries(standing: &Standing) -> Vec<Summary> {
    let layout = &standing.layout;
    let mut summaries = vec![Summary::default(); layout.areas.len()];
    for (entry, tally) in layout.sites.iter().zip(standing.tallies.iter()) {
        for &area in &entry.areas {
            let summary = &mut summaries[area];
            summary.all.add(tally);
            summary.by_vehicle[entry.site.vehicle as usize].add(tally);
            summary.observed_at = summary.observed_at.max(tally.observed_at);
            summary.fresh |= !tally.stale;
        }
    }
    for entry in &layout.stations {
        entry.areas.iter().for_each(|&area| summaries[area].stations += 1);
    }
    summaries
}

impl Summary {
    /// Adds the summary to an area's item.
    pub fn show(&self, item: &mut Value, now: Timestamp) {
        self.all.show(item);
        let by_vehicle: Map<String, Value> = VEHICLES
            .iter()
            .zip(&self.by_vehicle)
            .filter(|(_, places)| places.sites > 0)
            .map(|(name, places)| {
                let mut counts = json!({});
                places.show(&mut counts);
                ((*name).to_owned(), counts)
            })
            .collect();
        item["by_vehicle"] = Value::Object(by_vehicle);
        item["stations"] = json!(self.stations);
        show_age(item, self.observed_at, !self.fresh, now);
    }
}

/// Of an area at another instant: live numbers are of now only.
pub fn show_no_summary(item: &mut Value) {
    for (name, _) in counts().into_iter().chain(rest()) {
        item[name] = Value::Null;
    }
}

fn counts() -> [(&'static str, Value); 7] {
    [
        ("sites", schema::integer("that lie in it")),
        ("free", schema::integer("places that any driver of their vehicle may use now")),
        ("free_by_feature", schema::map(schema::integer("places"), "free places that stand apart")),
        ("occupied", schema::integer("places")),
        ("unknown", schema::integer("places whose sensor is silent or does not know")),
        ("closed", schema::integer("places that the city has closed")),
        ("capacity", schema::integer("all places of its sites: the sum of the others")),
    ]
}

fn rest() -> [(&'static str, Value); 5] {
    let [observed_at, age_s, stale] = schema::age();
    let by_vehicle = schema::map(schema::object(counts()), "the same by vehicle, for those that have sites");
    [("by_vehicle", by_vehicle), ("stations", schema::integer("that lie in it")), observed_at, age_s, stale]
}

/// Of an area's item. The summary is null when an instant was asked for.
pub fn area_schema<const N: usize>(more: [(&str, Value); N]) -> Value {
    let item = schema::object([
        ("id", schema::text("of the area")),
        ("name", schema::text("in the city's language")),
        ("names", schema::map(schema::text("a name"), "by BCP 47 tag")),
        ("level", schema::text("one of the city's levels, such as ward")),
        ("parent", schema::or_null(schema::text("the area that it is part of"))),
        ("geometry", json!({"type": "object", "description": "GeoJSON MultiPolygon"})),
    ]);
    let nullable = |(name, schema): (&'static str, Value)| (name, schema::or_null(schema));
    let item = schema::with(schema::with(item, counts().map(nullable)), rest().map(nullable));
    schema::with(item, more)
}
