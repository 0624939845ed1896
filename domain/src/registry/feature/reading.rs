//! From a feature to the version that it states.

use std::sync::Arc;

use geo::{Geometry, Point};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::fields::{Fault, Fields, Remark, kind_of};
use super::geometry;
use super::spelling::{every_property, properties};
use crate::id::{ObjectId, SensorId};
use crate::quantity::Quantity;
use crate::registry::CityOptions;
use crate::registry::object::{
    Area, Bay, Binding, Closure, Device, DeviceStatus, Feature, Object, ObjectKind, Price, Site, SiteKind, Station, StationClass,
    Vehicle,
};
use crate::time::Timestamp;

/// Unless a site or station says otherwise.
const HEARTBEAT_S: u32 = 3_600;
const INTERVAL_S: u32 = 60;

/// The properties of a device's binding.
const BINDING: [&str; 5] = ["target", "channel", "quantity", "from", "to"];

type Read<T> = Result<T, Fault>;

/// What a feature says of itself, however wrong the rest is: names its row in the verdict.
#[derive(Default)]
pub(in crate::registry) struct Head {
    pub kind: Option<String>,
    pub id: Option<String>,
}

pub(in crate::registry) fn head(feature: &Value) -> Head {
    let text = |name: &str| feature["properties"][name].as_str().map(str::to_owned);
    Head { kind: text("kind"), id: text("id").or_else(|| feature["id"].as_str().map(str::to_owned)) }
}

/// A version as a feature states it.
pub(in crate::registry) struct Statement {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub object: Object,
    /// What is odd and was taken all the same.
    pub remarks: Vec<Remark>,
}

pub(in crate::registry) fn read(feature: Value, city: &CityOptions, zone: &TimeZone) -> Read<Statement> {
    let Value::Object(mut feature) = feature else {
        return Err(Fault::new("feature", format!("is {}, not an object", kind_of(&feature))));
    };
    if feature.get("type").and_then(Value::as_str) != Some("Feature") {
        return Err(Fault::new("type", "is not \"Feature\""));
    }
    let properties = match feature.shift_remove("properties") {
        Some(Value::Object(map)) => map,
        _ => return Err(Fault::new("properties", "is not an object")),
    };
    let place = feature.get("geometry").filter(|value| !value.is_null());
    let mut fields = Fields::new(properties, zone);
    let kind =
        fields.word("kind", &ObjectKind::ALL, ObjectKind::name)?.ok_or_else(|| fields.missing("kind", &every_property()))?;
    let id = id_of(&mut fields, kind, &feature)?;
    let (from, to) = fields.span("valid_from", "valid_to")?;
    let object = match kind {
        ObjectKind::Area => Object::Area(Arc::new(area(&mut fields, id, place, city)?)),
        ObjectKind::Site => Object::Site(Arc::new(site(&mut fields, id, place)?)),
        ObjectKind::Bay => Object::Bay(Arc::new(bay(&mut fields, id, place)?)),
        ObjectKind::Station => Object::Station(Arc::new(station(&mut fields, id, place)?)),
        ObjectKind::Device => Object::Device(Arc::new(device(&mut fields, id, place)?)),
    };
    Ok(Statement { from, to, object, remarks: fields.remarks })
}

/// `properties.id`, else the feature's own `id`, where many tools put it.
fn id_of(fields: &mut Fields<'_>, kind: ObjectKind, feature: &Map<String, Value>) -> Read<ObjectId> {
    if let Some(id) = fields.id("id")? {
        return Ok(id);
    }
    let own = feature.get("id").and_then(Value::as_str).ok_or_else(|| fields.missing("id", properties(kind)))?;
    ObjectId::new(own).map_err(|error| fields.fault("id", format!("{own:?}: {error}")))
}

fn area(fields: &mut Fields<'_>, id: ObjectId, place: Option<&Value>, city: &CityOptions) -> Read<Area> {
    let Geometry::MultiPolygon(geometry) = geometry::read(place, ObjectKind::Area, &mut fields.remarks)? else {
        return Err(Fault::new("geometry", "is no area"));
    };
    let smallest = || city.levels.first().cloned().unwrap_or_default();
    Ok(Area {
        name: fields.text("name")?.unwrap_or_else(|| id.to_string()),
        names: fields.names()?,
        level: fields.text("level")?.unwrap_or_else(smallest),
        parent: fields.id("parent")?,
        geometry,
        extra: fields.rest(properties(ObjectKind::Area)),
        id,
    })
}

fn site(fields: &mut Fields<'_>, id: ObjectId, place: Option<&Value>) -> Read<Site> {
    let geometry = geometry::read(place, ObjectKind::Site, &mut fields.remarks)?;
    let capacity = fields.whole("capacity", 0)?;
    let likely = if capacity.is_some() { SiteKind::Lot } else { SiteKind::Street };
    Ok(Site {
        name: fields.text("name")?.unwrap_or_else(|| id.to_string()),
        names: fields.names()?,
        kind: fields.word("site_kind", &SiteKind::ALL, SiteKind::name)?.unwrap_or(likely),
        place: fields.text("place")?,
        vehicle: fields.word("vehicle", &Vehicle::ALL, Vehicle::name)?.unwrap_or_default(),
        capacity,
        heartbeat_s: fields.whole("heartbeat_s", 1)?.unwrap_or(HEARTBEAT_S),
        price: price(fields)?,
        opening_hours: opening_hours(fields)?,
        closed: closed(fields)?,
        geometry,
        extra: fields.rest(properties(ObjectKind::Site)),
        id,
    })
}

fn bay(fields: &mut Fields<'_>, id: ObjectId, place: Option<&Value>) -> Read<Bay> {
    let point = point(place, ObjectKind::Bay, fields)?;
    let mut features = fields.words("features", &Feature::ALL, Feature::name)?;
    features.sort_unstable();
    features.dedup();
    features.shrink_to_fit();
    Ok(Bay {
        site: fields.id("site")?.ok_or_else(|| fields.missing("site", properties(ObjectKind::Bay)))?,
        features,
        max_stay_min: fields.whole("max_stay_min", 1)?,
        heartbeat_s: fields.whole("heartbeat_s", 1)?,
        min_dwell_s: fields.whole("min_dwell_s", 0)?.unwrap_or(0),
        closed: closed(fields)?,
        point,
        extra: fields.rest(properties(ObjectKind::Bay)),
        id,
    })
}

fn station(fields: &mut Fields<'_>, id: ObjectId, place: Option<&Value>) -> Read<Station> {
    let point = point(place, ObjectKind::Station, fields)?;
    Ok(Station {
        name: fields.text("name")?.unwrap_or_else(|| id.to_string()),
        names: fields.names()?,
        class: fields
            .word("class", &StationClass::ALL, StationClass::name)?
            .ok_or_else(|| fields.missing("class", properties(ObjectKind::Station)))?,
        measures: fields.words("measures", &quantities(), Quantity::name)?,
        interval_s: fields.whole("interval_s", 1)?.unwrap_or(INTERVAL_S),
        point,
        extra: fields.rest(properties(ObjectKind::Station)),
        id,
    })
}

fn device(fields: &mut Fields<'_>, id: ObjectId, place: Option<&Value>) -> Read<Device> {
    if place.is_some() {
        fields.remarks.push(Remark::new("geometry", "geometry is not kept: a device stands where its target does"));
    }
    let mut bindings = Vec::new();
    for mut binding in fields.nested("bindings")? {
        let (from, to) = binding.span("from", "to")?;
        bindings.push(Binding {
            target: binding.id("target")?.ok_or_else(|| binding.missing("target", &BINDING))?,
            channel: binding.text("channel")?,
            quantity: binding.word("quantity", &quantities(), Quantity::name)?,
            from,
            to,
        });
        fields.remarks.extend(binding.dropped());
    }
    Ok(Device {
        id: SensorId::new(id.as_str()).expect("sensors and objects share one grammar"),
        profile: fields.text("profile")?,
        firmware: fields.text("firmware")?,
        status: fields.word("status", &DeviceStatus::ALL, DeviceStatus::name)?.unwrap_or_default(),
        bindings,
        extra: fields.rest(properties(ObjectKind::Device)),
    })
}

fn quantities() -> [Quantity; Quantity::COUNT] {
    Quantity::ALL.each_ref().map(|row| row.quantity)
}

fn point(place: Option<&Value>, kind: ObjectKind, fields: &mut Fields<'_>) -> Read<Point<f64>> {
    match geometry::read(place, kind, &mut fields.remarks)? {
        Geometry::Point(point) => Ok(point),
        _ => Err(Fault::new("geometry", "is no Point")),
    }
}

fn price(fields: &mut Fields<'_>) -> Read<Option<Price>> {
    let Some(mut price) = fields.object("price")? else {
        return Ok(None);
    };
    let currency = price.text("currency")?;
    if let Some(code) = currency.as_deref().filter(|code| code.len() != 3 || !code.bytes().all(|c| c.is_ascii_uppercase())) {
        return Err(price.fault("currency", format!("{code:?} is no ISO 4217 code")));
    }
    let rules = price.list("rules")?;
    if let Some(other) = rules.iter().find(|rule| !rule.is_object()) {
        return Err(price.fault("rules", format!("holds {}, not an object", kind_of(other))));
    }
    let text = price.text("text")?;
    fields.remarks.extend(price.dropped());
    let price = Price { currency, rules, text };
    fields.remarks.extend(price.oddities().map(|(rule, odd)| {
        let field = format!("price.rules[{rule}]{}{}", if odd.key.is_empty() { "" } else { "." }, odd.key);
        Remark::new(&field, format!("{field} {}: no cost is told of a stay here", odd.why))
    }));
    Ok(Some(price))
}

/// A text that nobody can read is kept for drivers, who may.
fn opening_hours(fields: &mut Fields<'_>) -> Read<Option<String>> {
    let text = fields.text("opening_hours")?;
    if let Some(Err(error)) = text.as_deref().map(opening_hours_syntax::parse) {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches([' ', '=']);
        let detail = format!("opening_hours is not OpenStreetMap's syntax ({why}): whether it is open is not known");
        fields.remarks.push(Remark::new("opening_hours", detail));
    }
    Ok(text)
}

fn closed(fields: &mut Fields<'_>) -> Read<Vec<Closure>> {
    let mut closed = Vec::new();
    for mut period in fields.nested("closed")? {
        let (from, to) = period.span("from", "to")?;
        closed.push(Closure { from, to, reason: period.text("reason")?.unwrap_or_default() });
        fields.remarks.extend(period.dropped());
    }
    Ok(closed)
}
