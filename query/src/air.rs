//! A station as it is now: its newest values, each with unit, averaging, what its device says of it, and its age.
//!
//! What is shown is the `raw` layer: a value of an instrument in calibration or at fault stands here, too, and its `qc` says so
//! (AIR-1). Only the station's own registry entry and the live state are asked, so that the API and the announced topics agree.

use domain::registry::{Layout, StationEntry};
use domain::time::MICROS_PER_SECOND;
use domain::{Quantity, Timestamp, live};
use lake::contract::AirLast;
use serde_json::{Map, Value, json};

use crate::{geometry, schema};

/// The newest values of one station, as the live state has them.
pub type Lasts = [(Quantity, AirLast)];

/// One station's item. `lasts` may be fewer than the live state has, where fewer were asked for; none for a silent station.
pub fn station_item(layout: &Layout, entry: &StationEntry, lasts: &Lasts, now: Timestamp) -> Value {
    let station = &entry.station;
    let areas: Vec<_> = entry.areas.iter().map(|&area| layout.areas[area].id.as_str()).collect();
    let measures: Vec<_> = station.measures.iter().map(|quantity| quantity.name()).collect();
    let newest = lasts.iter().map(|(_, last)| last.observed_at).max();
    let fresh = lasts.iter().any(|(_, last)| !is_stale(last, station.interval_s, now));
    let values: Map<String, Value> = lasts
        .iter()
        .map(|(quantity, last)| (quantity.name().to_owned(), value_item(*quantity, last, station.interval_s, now)))
        .collect();
    json!({
        "id": station.id.as_str(),
        "name": station.name,
        "names": station.names,
        "class": station.class.name(),
        "measures": measures,
        "interval_s": station.interval_s,
        "areas": areas,
        "observed_at": newest.map(|at| at.to_string()),
        "age_s": newest.map(|at| age_s(at, now)),
        "stale": !fresh,
        "values": values,
        "point": geometry::point(station.point),
    })
}

/// One value. A single reading does not say how much of its span was measured: `coverage` is of means over windows.
fn value_item(quantity: Quantity, last: &AirLast, interval_s: u32, now: Timestamp) -> Value {
    let flags: Vec<_> = last.flags.names().collect();
    json!({
        "quantity": quantity.name(),
        "value": last.value,
        "unit": quantity.unit().symbol(),
        "avg_s": last.avg_s,
        "method": if last.avg_s == 0 { METHODS[0] } else { METHODS[1] },
        "coverage": null,
        "qc": last.qc.map(domain::kind::air::Qc::name),
        "flags": flags,
        "observed_at": last.observed_at.to_string(),
        "received_at": last.received_at.to_string(),
        "age_s": age_s(last.observed_at, now),
        "stale": is_stale(last, interval_s, now),
    })
}

/// A station's item as flat rows, one a value: a table has no room for values in values. A silent station has one row, too.
pub fn value_rows(item: &Value) -> Vec<Value> {
    let own: Map<String, Value> = item
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| !OF_A_VALUE.contains(&key.as_str()) && !value.is_object() && !value.is_array())
        .map(|(key, value)| (key.clone(), value.clone()))
        .chain([("lon", 0), ("lat", 1)].map(|(key, at)| (key.to_owned(), item["point"]["coordinates"][at].clone())))
        .collect();
    let row = |value: &Value| {
        let cells = OF_A_VALUE.iter().map(|key| ((*key).to_owned(), cell(&value[*key])));
        Value::Object(own.clone().into_iter().chain(cells).collect())
    };
    let values: Vec<_> = item["values"].as_object().into_iter().flatten().map(|(_, value)| row(value)).collect();
    if values.is_empty() { vec![row(&json!({"stale": true}))] } else { values }
}

/// The members of a value, in their order.
const OF_A_VALUE: [&str; 12] =
    ["quantity", "value", "unit", "avg_s", "method", "coverage", "qc", "flags", "observed_at", "received_at", "age_s", "stale"];

/// A list of words as one text.
fn cell(value: &Value) -> Value {
    match value.as_array() {
        Some(words) => json!(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        None => value.clone(),
    }
}

const METHODS: &[&str] = &["moment", "device_mean"];

fn is_stale(last: &AirLast, interval_s: u32, now: Timestamp) -> bool {
    live::is_stale(last.observed_at, interval_s.max(last.avg_s), now)
}

fn age_s(observed_at: Timestamp, now: Timestamp) -> i64 {
    live::age_micros(observed_at, now) / MICROS_PER_SECOND
}

/// Of [`station_item`], with further members.
pub fn station_schema<const N: usize>(more: [(&str, Value); N]) -> Value {
    let [observed_at, age_s, stale] = schema::age();
    let item = schema::object([
        ("id", schema::text("of the station")),
        ("name", schema::text("in the city's language")),
        ("names", schema::map(schema::text("a name"), "by BCP 47 tag")),
        ("class", schema::word(&["reference", "indicative"], "the kind of instrument; never mix the two unseen")),
        ("measures", schema::array(schema::text("a quantity"), "what the registry says it measures; empty: whatever it sends")),
        ("interval_s", schema::integer("seconds between its readings")),
        ("areas", schema::array(schema::text("an id"), "that hold its point")),
        observed_at,
        age_s,
        stale,
        ("values", schema::map(value_schema(), "newest value of each quantity, by its name")),
        ("point", schema::point()),
    ]);
    schema::with(item, more)
}

fn value_schema() -> Value {
    let [observed_at, age_s, stale] = schema::age();
    schema::object([
        ("quantity", schema::text("its name")),
        ("value", schema::number("as reported, in `unit`: the raw layer")),
        ("unit", schema::text("canonical; concentrations at 101.325 kPa and the city's reference temperature")),
        ("avg_s", schema::integer("the value covers (observed_at - avg_s, observed_at]; 0 is a moment")),
        ("method", schema::word(METHODS, "how the device averaged")),
        ("coverage", schema::or_null(schema::number("share of the span that was measured; null: the device does not tell"))),
        (
            "qc",
            schema::or_null(schema::word(
                &["valid", "suspect", "below_lod", "invalid", "calibration", "maintenance", "fault"],
                "what the device says of its value; the last four are no measurement of the air and stay out of every mean",
            )),
        ),
        ("flags", schema::array(schema::text("a remark"), "remarks on the reading")),
        observed_at,
        ("received_at", schema::time("when the server took it")),
        age_s,
        stale,
    ])
}

#[cfg(test)]
mod tests;
