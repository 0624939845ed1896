//! The city as the registry reads it: one GeoJSON feature an object, parents before children.

use std::io::{self, Write};

use geojson::{Feature, FeatureCollection, Geometry, JsonObject};
use serde_json::{Value, json};

use super::{Bay, City, Counter, Name, Shape, Site, Station, Ward, bay_id, counter_id, numbered, site_id, station_id, tariff};

/// The id of the one area of level `city`.
const CITY_AREA: &str = "city";

impl City {
    /// Everything at once: for cities of the size of the demo. Large ones are written by [`City::write_registry`].
    pub fn registry(&self) -> FeatureCollection {
        FeatureCollection::new(self.features())
    }

    /// The same collection, written feature by feature.
    pub fn write_registry(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
        for (n, feature) in self.features().enumerate() {
            out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *out, &feature)?;
        }
        out.write_all(b"\n]}\n")
    }

    pub fn features(&self) -> impl Iterator<Item = Feature> + '_ {
        let wards = self.wards.iter().enumerate().map(|(n, ward)| ward_feature(n, ward));
        let sites = self.sites.iter().enumerate().map(|(n, site)| site_feature(&self.sites, n, site));
        let counters = self.counters.iter().enumerate().map(|(n, counter)| counter_feature(n, counter));
        let bays = self.bays.iter().enumerate().map(|(n, bay)| bay_feature(&self.sites, n, bay));
        let stations = self.stations.iter().enumerate().map(|(n, station)| station_feature(n, station));
        std::iter::once(self.city_feature()).chain(wards).chain(sites).chain(counters).chain(bays).chain(stations)
    }

    /// The square around all wards.
    fn city_feature(&self) -> Feature {
        let first = self.wards.first().map(|ward| ward.ring[0]).unwrap_or_default();
        let last = self.wards.last().map(|ward| ward.ring[2]).unwrap_or_default();
        let ring = [first, [last[0], first[1]], last, [first[0], last[1]], first];
        let name = Name { vi: "Thành phố mô phỏng".to_owned(), en: "Simulated City".to_owned() };
        let properties = json!({ "kind": "area", "id": CITY_AREA, "name": name.vi, "names": names(&name), "level": "city" });
        feature(properties, Geometry::new_polygon([ring]))
    }
}

fn ward_feature(n: usize, ward: &Ward) -> Feature {
    let properties = json!({
        "kind": "area", "id": numbered("ward", 3, n), "name": ward.name.vi, "names": names(&ward.name),
        "level": "ward", "parent": CITY_AREA,
    });
    feature(properties, Geometry::new_polygon([ward.ring]))
}

fn site_feature(sites: &[Site], n: usize, site: &Site) -> Feature {
    let (site_kind, geometry) = match site.shape {
        Shape::Line(line) => ("street", Geometry::new_line_string(line)),
        Shape::Ring(ring) => ("lot", Geometry::new_polygon([ring])),
    };
    let properties = json!({
        "kind": "site", "id": site_id(sites, n).as_str(), "name": site.name.vi, "names": names(&site.name), "site_kind": site_kind,
        "vehicle": "car", "heartbeat_s": site.heartbeat_s, "price": tariff::site_price(site), "opening_hours": tariff::site_hours(site),
    });
    feature(properties, geometry)
}

fn counter_feature(n: usize, counter: &Counter) -> Feature {
    let properties = json!({
        "kind": "site", "id": counter_id(n).as_str(), "name": counter.name.vi, "names": names(&counter.name), "site_kind": "lot",
        "place": numbered("place", 4, counter.place as usize - 1),
        "vehicle": if counter.motorbikes { "motorbike" } else { "car" },
        "capacity": counter.capacity, "heartbeat_s": counter.heartbeat_s,
        "price": tariff::counter_price(counter), "opening_hours": tariff::counter_hours(counter),
    });
    feature(properties, Geometry::new_point(counter.point))
}

fn bay_feature(sites: &[Site], n: usize, bay: &Bay) -> Feature {
    let mut properties = json!({ "kind": "bay", "id": bay_id(n).as_str(), "site": site_id(sites, bay.site as usize).as_str() });
    let features: Vec<&str> = bay.features.names().collect();
    if !features.is_empty() {
        properties["features"] = json!(features);
    }
    if bay.max_stay_min > 0 {
        properties["max_stay_min"] = json!(bay.max_stay_min);
    }
    feature(properties, Geometry::new_point(bay.point))
}

fn station_feature(n: usize, station: &Station) -> Feature {
    let measures: Vec<&str> = station.class.measures().iter().map(|quantity| quantity.name()).collect();
    let properties = json!({
        "kind": "station", "id": station_id(n).as_str(), "name": station.name.vi, "names": names(&station.name),
        "class": station.class.name(), "measures": measures, "interval_s": station.interval_s,
    });
    feature(properties, Geometry::new_point(station.point))
}

fn names(name: &Name) -> Value {
    json!({ "vi": name.vi, "en": name.en })
}

fn feature(properties: Value, geometry: Geometry) -> Feature {
    let properties: Option<JsonObject> = match properties {
        Value::Object(map) => Some(map),
        _ => None,
    };
    Feature { bbox: None, geometry: Some(geometry), id: None, properties, foreign_members: None }
}
