//! Sites and bays as answers show them: the API's items and the announced topics are made here, so that they agree.

use domain::bay::State;
use domain::registry::{Bay, Feature, SiteEntry, SiteKind, Vehicle};
use domain::time::MICROS_PER_SECOND;
use domain::{Timestamp, live};
use serde_json::{Map, Value, json};

use crate::board::{BayNow, CLASSES, Standing, class_of};
use crate::{geometry, schema};

pub const VEHICLES: [&str; Vehicle::ALL.len()] = {
    let [a, b, c, d] = Vehicle::ALL;
    [a.name(), b.name(), c.name(), d.name()]
};
pub const FEATURES: [&str; Feature::ALL.len()] = {
    let [a, b, c, d] = Feature::ALL;
    [a.name(), b.name(), c.name(), d.name()]
};
pub const STATES: [&str; State::ALL.len()] = {
    let [a, b, c, d] = State::ALL;
    [a.name(), b.name(), c.name(), d.name()]
};
const SITE_KINDS: [&str; SiteKind::ALL.len()] = {
    let [a, b] = SiteKind::ALL;
    [a.name(), b.name()]
};

/// A site by its place in the layout, at `now`.
pub fn site_item(standing: &Standing, site: usize, now: Timestamp) -> Value {
    let (entry, tally) = (&standing.layout.sites[site], &standing.tallies[site]);
    let mut item = described(standing, entry);
    item["free"] = json!(tally.free[0]);
    item["free_by_feature"] = by_feature(&tally.free);
    item["occupied"] = json!(tally.occupied);
    item["unknown"] = json!(tally.unknown_places());
    item["closed"] = json!(tally.closed);
    item["capacity"] = json!(tally.capacity);
    show_age(&mut item, tally.observed_at, tally.stale, now);
    item["flags"] = json!(tally.flags.names().collect::<Vec<_>>());
    item["closure"] = json!(tally.closure.map(|closure| entry.site.closed[closure].reason.as_str()));
    show_terms(&mut item, entry);
    item["point"] = geometry::point(entry.point);
    item
}

/// A bay by its place in the layout; `None` where it stands nowhere now.
pub fn bay_item(standing: &Standing, bay: usize, now: Timestamp) -> Option<Value> {
    let (entry, is) = standing.bay(bay, now)?;
    let of = &standing.layout.bays[bay];
    let closure = entry.site.closure_at(now).or_else(|| of.closure_at(now));
    let mut item = json!({
        "id": of.id.as_str(),
        "name": of.id.as_str(),
        "names": {},
        "site": of.site.as_str(),
        "vehicle": entry.site.vehicle.name(),
        "features": features_of(of),
        "max_stay_min": of.max_stay_min,
        "state": is.state.name(),
    });
    show_age(&mut item, is.observed_at, is.stale, now);
    item["closure"] = json!(closure.map(|closure| closure.reason.as_str()));
    item["point"] = geometry::point(of.point);
    Some(item)
}

/// A bay as one place of its site, for drivers who look for single places: the members of a site's item, counted for it alone.
pub fn bay_as_place(standing: &Standing, bay: usize, now: Timestamp) -> Option<Value> {
    let (entry, is) = standing.bay(bay, now)?;
    let of = &standing.layout.bays[bay];
    let closure = entry.site.closure_at(now).or_else(|| of.closure_at(now));
    let mut item = described(standing, entry);
    item["id"] = json!(of.id.as_str());
    show_one(&mut item, of, is);
    show_age(&mut item, is.observed_at, is.stale, now);
    item["flags"] = json!([]);
    item["closure"] = json!(closure.map(|closure| closure.reason.as_str()));
    show_terms(&mut item, entry);
    item["site"] = json!(of.site.as_str());
    item["features"] = features_of(of);
    item["max_stay_min"] = json!(of.max_stay_min);
    item["point"] = geometry::point(of.point);
    Some(item)
}

/// An item as one row of a table: its point as two columns.
pub fn row(item: Value) -> Value {
    let Value::Object(mut cells) = item else {
        return item;
    };
    if let Some(point) = cells.shift_remove("point") {
        cells.insert("lon".to_owned(), point["coordinates"][0].clone());
        cells.insert("lat".to_owned(), point["coordinates"][1].clone());
    }
    Value::Object(cells)
}

fn described(standing: &Standing, entry: &SiteEntry) -> Value {
    let site = &entry.site;
    let areas: Vec<_> = entry.areas.iter().map(|&area| standing.layout.areas[area].id.as_str()).collect();
    json!({
        "id": site.id.as_str(),
        "name": site.name,
        "names": site.names,
        "site_kind": site.kind.name(),
        "place": site.place,
        "vehicle": site.vehicle.name(),
        "areas": areas,
    })
}

fn show_one(item: &mut Value, bay: &Bay, is: BayNow) {
    let is_in = |state: State| u32::from(is.state == state);
    let mut free = [0; CLASSES];
    free[class_of(bay)] = is_in(State::Vacant);
    item["free"] = json!(free[0]);
    item["free_by_feature"] = by_feature(&free);
    item["occupied"] = json!(is_in(State::Occupied));
    item["unknown"] = json!(is_in(State::Unknown));
    item["closed"] = json!(is_in(State::Closed));
    item["capacity"] = json!(1);
}

pub fn show_age(item: &mut Value, observed_at: Option<Timestamp>, stale: bool, now: Timestamp) {
    item["observed_at"] = json!(observed_at.map(|at| at.to_string()));
    item["age_s"] = json!(observed_at.map(|at| live::age_micros(at, now) / MICROS_PER_SECOND));
    item["stale"] = json!(stale);
}

fn show_terms(item: &mut Value, entry: &SiteEntry) {
    item["opening_hours"] = json!(entry.site.opening_hours);
    item["price"] = json!(entry.site.price);
}

pub fn by_feature<N: Copy + Into<Value>>(free: &[N; CLASSES]) -> Value {
    let counts = FEATURES.iter().zip(&free[1..]);
    Value::Object(counts.map(|(name, count)| ((*name).to_owned(), (*count).into())).collect::<Map<_, _>>())
}

fn features_of(bay: &Bay) -> Value {
    bay.features.iter().map(|feature| feature.name()).collect()
}

/// Of [`site_item`], with further members.
pub fn site_schema<const N: usize>(more: [(&str, Value); N]) -> Value {
    let [observed_at, age_s, stale] = schema::age();
    let price = json!({"type": ["object", "null"], "description": "`currency`, `rules` and `text` as the registry has them",
        "properties": {"currency": {"type": ["string", "null"]}, "rules": {"type": "array"}, "text": {"type": ["string", "null"]}}});
    let item = schema::object([
        ("id", schema::text("of the site")),
        ("name", schema::text("in the city's language")),
        ("names", schema::map(schema::text("a name"), "by BCP 47 tag")),
        ("site_kind", schema::word(&SITE_KINDS, "a street with bays at the kerb, or a lot")),
        ("place", schema::or_null(schema::text("groups the sites of one place"))),
        ("vehicle", schema::word(&VEHICLES, "that it takes")),
        ("areas", schema::array(schema::text("an id"), "that hold its point")),
        ("free", schema::integer("places that any driver of that vehicle may use now")),
        (
            "free_by_feature",
            schema::map(schema::integer("places"), "free places that stand apart: resident, loading, accessible, ev"),
        ),
        ("occupied", schema::integer("places")),
        ("unknown", schema::integer("places whose sensor is silent or does not know: never counted as free")),
        ("closed", schema::integer("places that the city has closed")),
        ("capacity", schema::integer("all places: free + free_by_feature + occupied + unknown + closed")),
        observed_at,
        age_s,
        stale,
        ("flags", schema::array(schema::text("a remark"), "remarks on a counter's last reading, such as clamped")),
        ("closure", schema::or_null(schema::text("why the city has closed it now"))),
        ("opening_hours", schema::or_null(schema::text("in OpenStreetMap's syntax, on the city's clock"))),
        ("price", price),
        ("point", schema::point()),
    ]);
    schema::with(item, more)
}

/// Of [`bay_item`], with further members.
pub fn bay_schema<const N: usize>(more: [(&str, Value); N]) -> Value {
    let [observed_at, age_s, stale] = schema::age();
    let item = schema::object([
        ("id", schema::text("of the bay")),
        ("name", schema::text("its id: bays have no other name")),
        ("names", schema::map(schema::text("a name"), "by BCP 47 tag")),
        ("site", schema::text("the site that it belongs to")),
        ("vehicle", schema::word(&VEHICLES, "that its site takes")),
        ("features", schema::array(schema::word(&FEATURES, "a feature"), "whom or what it is kept for")),
        ("max_stay_min", schema::or_null(schema::integer("the longest stay that is allowed, minutes"))),
        ("state", schema::word(&STATES, "now, by its last reading")),
        observed_at,
        age_s,
        stale,
        ("closure", schema::or_null(schema::text("why the city has closed it now"))),
        ("point", schema::point()),
    ]);
    schema::with(item, more)
}

pub fn site_example() -> Value {
    json!({"id": "trang-tien", "name": "Tràng Tiền", "names": {"en": "Trang Tien"}, "site_kind": "street", "place": null,
        "vehicle": "car", "areas": ["hoan-kiem"], "free": 7, "free_by_feature": {"resident": 0, "loading": 0, "accessible": 1, "ev": 0},
        "occupied": 11, "unknown": 1, "closed": 0, "capacity": 20, "observed_at": "2026-11-24T00:59:40Z", "age_s": 20, "stale": false,
        "flags": [], "closure": null, "opening_hours": "Mo-Su 06:00-22:00",
        "price": {"currency": "VND", "rules": [{"per_min": 60, "amount": 25000}], "text": "25.000 đ/giờ"},
        "point": {"type": "Point", "coordinates": [105.8537, 21.0245]}})
}

pub fn bay_example() -> Value {
    json!({"id": "trang-tien-1", "name": "trang-tien-1", "names": {}, "site": "trang-tien", "vehicle": "car",
        "features": ["accessible"], "max_stay_min": 120, "state": "vacant", "observed_at": "2026-11-24T00:59:40Z", "age_s": 20,
        "stale": false, "closure": null, "point": {"type": "Point", "coordinates": [105.8502, 21.0281]}})
}
