//! From a version to its feature. Absent and default properties are left out where reading them gives the same again.

use geo::Geometry;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::geometry;
use crate::registry::extra::Extra;
use crate::registry::object::{Area, Bay, Closure, Device, DeviceStatus, Feature, Names, Object, Site, Station};
use crate::registry::span::Span;
use crate::time::Timestamp;

/// The feature of a version; instants are written in `zone`.
pub(in crate::registry) fn write(span: Span, object: &Object, zone: &TimeZone) -> Value {
    let mut properties = properties(object, zone);
    properties.moment("valid_from", span.from);
    properties.moment("valid_to", span.to);
    json!({ "type": "Feature", "properties": properties.map, "geometry": geometry_of(object) })
}

/// JSON of the properties alone, without `kind`, `id` and the dates: the lake's `properties`.
pub fn properties_text(object: &Object) -> String {
    let mut map = properties(object, &TimeZone::UTC).map;
    map.shift_remove("kind");
    map.shift_remove("id");
    Value::Object(map).to_string()
}

/// GeoJSON of the geometry alone: the lake's `geometry`; `None` for a device.
pub fn geometry_text(object: &Object) -> Option<String> {
    geometry_of(object).map(|value| value.to_string())
}

fn geometry_of(object: &Object) -> Option<Value> {
    match object {
        Object::Area(area) => geometry::write(&Geometry::MultiPolygon(area.geometry.clone())),
        Object::Site(site) => geometry::write(&site.geometry),
        Object::Bay(bay) => geometry::write(&bay.point.into()),
        Object::Station(station) => geometry::write(&station.point.into()),
        Object::Device(_) => None,
    }
}

struct Properties<'a> {
    map: Map<String, Value>,
    zone: &'a TimeZone,
}

fn properties<'a>(object: &Object, zone: &'a TimeZone) -> Properties<'a> {
    let mut properties = Properties { map: Map::new(), zone };
    properties.put("kind", object.kind().name());
    properties.put("id", object.id());
    match object {
        Object::Area(area) => properties.area(area),
        Object::Site(site) => properties.site(site),
        Object::Bay(bay) => properties.bay(bay),
        Object::Station(station) => properties.station(station),
        Object::Device(device) => properties.device(device),
    }
    properties
}

impl Properties<'_> {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.map.insert(name.to_owned(), value.into());
    }

    fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn moment(&mut self, name: &str, at: Option<Timestamp>) {
        let text = at.map(|at| moment_text(at, self.zone));
        self.put_some(name, text);
    }

    fn names(&mut self, name: &str, names: &Names) {
        self.put("name", name);
        if !names.is_empty() {
            self.put("names", names.iter().map(|(tag, text)| (tag.clone(), text.clone().into())).collect::<Map<_, _>>());
        }
    }

    fn list(&mut self, name: &str, words: impl Iterator<Item = &'static str>) {
        let list: Vec<Value> = words.map(Value::from).collect();
        if !list.is_empty() {
            self.put(name, list);
        }
    }

    fn closed(&mut self, closed: &[Closure]) {
        let one = |closure: &Closure| {
            let mut period = Properties { map: Map::new(), zone: self.zone };
            period.moment("from", closure.from);
            period.moment("to", closure.to);
            period.put_some("reason", Some(closure.reason.as_str()).filter(|reason| !reason.is_empty()));
            Value::Object(period.map)
        };
        if !closed.is_empty() {
            let list: Vec<Value> = closed.iter().map(one).collect();
            self.put("closed", list);
        }
    }

    fn extra(&mut self, extra: &Extra) {
        for (name, value) in extra.iter() {
            self.map.insert(name.clone(), value.clone());
        }
    }

    fn area(&mut self, area: &Area) {
        self.names(&area.name, &area.names);
        self.put("level", area.level.as_str());
        self.put_some("parent", area.parent.as_ref().map(|parent| parent.as_str()));
        self.extra(&area.extra);
    }

    fn site(&mut self, site: &Site) {
        self.names(&site.name, &site.names);
        self.put("site_kind", site.kind.name());
        self.put_some("place", site.place.as_deref());
        self.put("vehicle", site.vehicle.name());
        self.put_some("capacity", site.capacity);
        self.put("heartbeat_s", site.heartbeat_s);
        if let Some(price) = &site.price {
            let mut map = Map::new();
            map.extend(price.currency.as_ref().map(|code| ("currency".to_owned(), code.as_str().into())));
            if !price.rules.is_empty() {
                map.insert("rules".to_owned(), price.rules.clone().into());
            }
            map.extend(price.text.as_ref().map(|text| ("text".to_owned(), text.as_str().into())));
            self.put("price", map);
        }
        self.put_some("opening_hours", site.opening_hours.as_deref());
        self.closed(&site.closed);
        self.extra(&site.extra);
    }

    fn bay(&mut self, bay: &Bay) {
        self.put("site", bay.site.as_str());
        self.list("features", bay.features.iter().copied().map(Feature::name));
        self.put_some("max_stay_min", bay.max_stay_min);
        self.put_some("heartbeat_s", bay.heartbeat_s);
        self.put_some("min_dwell_s", Some(bay.min_dwell_s).filter(|&seconds| seconds > 0));
        self.closed(&bay.closed);
        self.extra(&bay.extra);
    }

    fn station(&mut self, station: &Station) {
        self.names(&station.name, &station.names);
        self.put("class", station.class.name());
        self.list("measures", station.measures.iter().map(|quantity| quantity.name()));
        self.put("interval_s", station.interval_s);
        self.extra(&station.extra);
    }

    fn device(&mut self, device: &Device) {
        self.put_some("profile", device.profile.as_deref());
        self.put_some("firmware", device.firmware.as_deref());
        self.put_some("status", (device.status != DeviceStatus::Active).then(|| device.status.name()));
        let mut bindings = Vec::new();
        for binding in &device.bindings {
            let mut one = Properties { map: Map::new(), zone: self.zone };
            one.put("target", binding.target.as_str());
            one.put_some("channel", binding.channel.as_deref());
            one.put_some("quantity", binding.quantity.map(|quantity| quantity.name()));
            one.moment("from", binding.from);
            one.moment("to", binding.to);
            bindings.push(Value::Object(one.map));
        }
        if !bindings.is_empty() {
            self.put("bindings", bindings);
        }
        self.extra(&device.extra);
    }
}

/// RFC 3339 with the zone's offset at that instant, exact to the microsecond.
fn moment_text(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_microsecond(at.as_micros()) {
        // Local mean times of the 19th century have offsets of seconds, which RFC 3339 cannot say.
        Ok(instant) if zone.to_offset(instant).seconds() % 60 == 0 && *zone != TimeZone::UTC => {
            instant.display_with_offset(zone.to_offset(instant)).to_string()
        }
        _ => at.to_string(),
    }
}
