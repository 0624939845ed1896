//! Stations and their latest values over HTTP.

use domain::kind::air::Qc;
use domain::{Flags, Timestamp};
use lake::contract::AirLast;
use serde_json::json;

use super::*;
use crate::tests::fixture::{at, sensor};
use crate::tests::served::Served;

fn feature(properties: Value, geometry: Value) -> Value {
    json!({"type": "Feature", "properties": properties, "geometry": geometry})
}

fn station(id: &str, class: &str, measures: &[&str], lon: f64) -> Value {
    let properties = json!({"kind": "station", "id": id, "class": class, "measures": measures, "interval_s": 60});
    feature(properties, json!({"type": "Point", "coordinates": [lon, 21.03]}))
}

fn last(observed_at: &str, value: f64) -> AirLast {
    AirLast {
        sensor: sensor("s"),
        observed_at: at(observed_at),
        received_at: at(observed_at),
        avg_s: 0,
        value,
        qc: None,
        flags: Flags::NONE,
        version: 1,
    }
}

/// Three stations in a row from west to east; the first two in the ward.
async fn city() -> Served {
    let served = Served::new().await;
    let ring = json!([[[105.84, 21.02], [105.87, 21.02], [105.87, 21.05], [105.84, 21.05], [105.84, 21.02]]]);
    let ward = json!({"kind": "area", "id": "hoan-kiem", "name": "Hoàn Kiếm", "level": "ward"});
    let features = [
        feature(ward, json!({"type": "Polygon", "coordinates": ring})),
        station("a", "reference", &["pm25", "no2"], 105.85),
        station("b", "indicative", &[], 105.86),
        station("c", "indicative", &["o3"], 105.90),
    ];
    served.live.register(&json!({"type": "FeatureCollection", "features": features}), at("2026-11-24T00:00:00Z"));
    served.live.show_air("a", Quantity::Pm25, last("2026-11-24T11:59:00Z", 41.5));
    served.live.show_air("a", Quantity::No2, last("2026-11-24T11:59:00Z", 18.8));
    served.live.show_air("b", Quantity::Pm25, last("2026-11-24T11:00:00Z", 55.0));
    served
}

async fn ids(served: &Served, path: &str) -> Vec<String> {
    let items = served.get(path).await.items();
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn the_latest_value_of_a_station_names_unit_age_and_averaging() {
    let served = city().await;
    let item = &served.get("/v1/air/latest?pollutant=pm25").await.items()[0];
    let value = &item["values"]["pm25"];
    assert_eq!((&item["id"], &value["value"], &value["unit"]), (&json!("a"), &json!(41.5), &json!("ug/m3")));
    assert_eq!((&value["age_s"], &value["avg_s"], &value["stale"]), (&json!(60), &json!(0), &json!(false)));
    assert_eq!(item["values"].as_object().map(serde_json::Map::len), Some(1), "only what was asked for");
}

#[tokio::test]
async fn an_index_is_never_guessed() {
    let served = city().await;
    for (path, index) in [("/v1/air/latest", "vn_aqi"), ("/v1/air/latest?index=us_epa", "us_epa")] {
        let item = &served.get(path).await.items()[0];
        assert_eq!((&item["index"], &item["aqi"], &item["reason"]), (&json!(index), &Value::Null, &json!("no_data")));
    }
    let hour = &served.get("/v1/air/latest").await.items()[0];
    assert_eq!((&hour["aqi_from"], &hour["aqi_to"]), (&json!("2026-11-24T18:00:00+07:00"), &json!("2026-11-24T19:00:00+07:00")));
    assert_eq!(served.get("/v1/air/latest?index=best").await.faulty(), "index");
}

#[tokio::test]
async fn the_index_of_the_last_whole_hour_stands_beside_the_values() {
    let mut served = city().await;
    let mut position = 0;
    for hour in 9..12 {
        for minute in 1..=60 {
            position += 1;
            let observed = at("2026-11-24T00:00:00Z").as_micros() + (hour * 3_600 + minute * 60) * 1_000_000;
            served.fixture.air(position, "b", Timestamp::from_micros(observed), &[(Quantity::Pm25, 50.0)]);
        }
    }
    served.refresh();
    let items = served.get("/v1/air/latest").await.items();
    let told: Vec<_> = items.iter().map(|item| (item["id"].clone(), item["aqi"].clone(), item["dominant"].clone())).collect();
    let none = |id: &str| (json!(id), Value::Null, Value::Null);
    assert_eq!(told, [none("a"), (json!("b"), json!(100), json!("pm25")), none("c")]);
    assert_eq!((&items[1]["level"], &items[1]["label"]), (&json!(2), &json!("Moderate")));
    let csv = served.get("/v1/air/latest?f=csv").await;
    assert!(csv.text().contains("Moderate"), "{}", csv.text());
}

#[tokio::test]
async fn stations_are_found_by_place_class_and_what_they_measure() {
    let served = city().await;
    assert_eq!(ids(&served, "/v1/air/stations").await, ["a", "b", "c"]);
    assert_eq!(ids(&served, "/v1/air/stations?area=hoan-kiem").await, ["a", "b"]);
    assert_eq!(ids(&served, "/v1/air/stations?bbox=105.855,21,106,22").await, ["b", "c"]);
    assert_eq!(ids(&served, "/v1/air/stations?class=reference").await, ["a"]);
    assert_eq!(ids(&served, "/v1/air/stations?pollutant=pm25").await, ["a", "b"], "by the registry, or by what it sent");
    assert_eq!(ids(&served, "/v1/air/latest?pollutant=o3").await, ["c"], "though it was never heard of");
}

#[tokio::test]
async fn a_walk_has_every_station_once() {
    let served = city().await;
    for path in ["/v1/air/stations", "/v1/air/latest"] {
        let mut walked = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = served.get(&format!("{path}?limit=1{cursor}")).await.json();
            walked.push(page["items"][0]["id"].clone());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(walked, ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn a_silent_station_is_there_without_values_and_stale() {
    let served = city().await;
    let item = served.get("/v1/air/stations/c").await.json();
    assert_eq!((&item["values"], &item["stale"], &item["observed_at"]), (&json!({}), &json!(true), &Value::Null));
    assert_eq!((&item["name"], &item["names"]), (&json!("c"), &json!({})));
    let stale = served.get("/v1/air/stations/b").await.json();
    assert_eq!((&stale["values"]["pm25"]["stale"], &stale["age_s"]), (&json!(true), &json!(3_600)));
}

#[tokio::test]
async fn a_value_of_an_instrument_at_fault_is_told_as_such() {
    let served = city().await;
    served.live.show_air("c", Quantity::O3, AirLast { qc: Some(Qc::Fault), ..last("2026-11-24T11:59:00Z", -999.0) });
    let value = &served.get("/v1/air/stations/c").await.json()["values"]["o3"];
    assert_eq!((&value["value"], &value["qc"]), (&json!(-999.0), &json!("fault")));
}

#[tokio::test]
async fn each_format_has_the_same_stations() {
    let served = city().await;
    let features = served.get("/v1/air/latest?f=geojson").await.json();
    assert_eq!((&features["features"][0]["id"], &features["features"][0]["geometry"]["type"]), (&json!("a"), &json!("Point")));
    let csv = served.get("/v1/air/latest?f=csv").await;
    let lines: Vec<_> = csv.text().lines().collect();
    assert_eq!(lines.len(), 1 + 4, "two values, one value, and a silent station: {}", csv.text());
    assert!(lines[0].contains(",quantity,value,unit,avg_s,") && lines[1].contains(",pm25,41.5,ug/m3,0,"), "{}", csv.text());
    assert_eq!(served.get("/v1/air/latest?f=ndjson").await.text().lines().count(), 3);
    assert_eq!(served.get("/v1/air/stations/a?f=geojson").await.json()["properties"]["class"], "reference");
    served.get_with("/v1/air/stations", &[("accept", "image/png")]).await.problem(406);
}

#[tokio::test]
async fn time_alone_costs_a_304_and_a_new_value_does_not() {
    let served = city().await;
    let etag = served.get("/v1/air/latest").await.header("etag").to_owned();
    let again = [("if-none-match", etag.as_str())];
    served.clock.set(at("2026-11-24T12:00:10Z"));
    assert_eq!(served.get_with("/v1/air/latest", &again).await.status, 304);
    served.live.show_air("c", Quantity::O3, last("2026-11-24T12:00:05Z", 7.0));
    assert_eq!(served.get_with("/v1/air/latest", &again).await.status, 200);
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let served = city().await;
    served.get("/v1/air/stations/nowhere").await.problem(404);
    for (query, parameter) in [
        ("pollutant=radon", "pollutant"),
        ("class=best", "class"),
        ("area=nowhere", "area"),
        ("bbox=1,2,3", "bbox"),
        ("limit=0", "limit"),
        ("colour=red", "colour"),
        ("cursor=nonsense", "cursor"),
    ] {
        assert_eq!(served.get(&format!("/v1/air/stations?{query}")).await.faulty(), parameter);
    }
}
