//! Areas over HTTP: shapes of any instant, sums of now.

use domain::kind::parking::BayState;
use serde_json::json;

use super::*;
use crate::tests::fixture::at;
use crate::tests::served::Served;
use crate::tests::street::{bay, collection, counted, said, site};

fn square(id: &str, more: Value, west: f64, east: f64) -> Value {
    let mut properties = json!({"kind": "area", "id": id});
    for (key, value) in more.as_object().into_iter().flatten() {
        properties[key] = value.clone();
    }
    let ring = json!([[[west, 21.0], [east, 21.0], [east, 21.1], [west, 21.1], [west, 21.0]]]);
    json!({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": ring}})
}

/// Two wards side by side in one city; a street of two bays and a lot in the first, a lot for motorbikes and a station in the second.
async fn city() -> Served {
    let served = Served::new().await;
    let station = json!({"type": "Feature", "properties": {"kind": "station", "id": "air-1", "class": "indicative"},
        "geometry": {"type": "Point", "coordinates": [105.87, 21.03]}});
    let rows = [
        square("east", json!({"level": "ward", "name": "Đông", "names": {"en": "East"}, "parent": "ha-noi"}), 105.86, 105.90),
        square("ha-noi", json!({"level": "city"}), 105.80, 105.90),
        square("west", json!({"level": "ward"}), 105.80, 105.86),
        site("street", json!({}), 105.85),
        bay("s-1", "street", json!({}), 105.85),
        bay("s-2", "street", json!({"features": ["accessible"]}), 105.85),
        site("lot", json!({"site_kind": "lot", "capacity": 10}), 105.84),
        site("bikes", json!({"site_kind": "lot", "capacity": 100, "vehicle": "motorbike"}), 105.88),
        station,
    ];
    served.live.register(&collection(&rows), at("2026-11-24T00:00:00Z"));
    served.live.show_parking("s-1", said("2026-11-24T11:59:00Z", BayState::Occupied));
    served.live.show_parking("s-2", said("2026-11-24T11:58:00Z", BayState::Vacant));
    served.live.show_parking("lot", counted("2026-11-24T11:57:00Z", 4, None));
    served
}

#[tokio::test]
async fn an_area_has_the_sums_of_its_sites_and_its_shape() {
    let served = city().await;
    let west = served.get("/v1/areas/west").await.json();
    let count = |name: &str| west[name].as_u64();
    assert_eq!((count("sites"), count("free"), count("occupied"), count("unknown")), (Some(2), Some(4), Some(7), Some(0)));
    assert_eq!((count("capacity"), &west["free_by_feature"]["accessible"]), (Some(12), &json!(1)));
    assert_eq!((&west["age_s"], &west["stale"], count("stations")), (&json!(60), &json!(false), Some(0)));
    assert_eq!(west["geometry"]["type"], "MultiPolygon");
}

#[tokio::test]
async fn an_area_adds_up_counters_that_exaggerate() {
    let served = city().await;
    let lots: Vec<_> = ["a", "b", "c"].map(|id| site(id, json!({"site_kind": "lot", "capacity": 1}), 105.85)).into();
    served.live.register(&collection(&lots), at("2026-11-24T00:00:00Z"));
    for id in ["a", "b", "c"] {
        served.live.show_parking(id, counted("2026-11-24T11:59:00Z", i32::MAX, Some(i32::MAX)));
    }
    let west = served.get("/v1/areas/west").await.json();
    assert_eq!(west["capacity"].as_u64(), Some(3 * i32::MAX as u64 + 12));
}

#[tokio::test]
async fn all_places_of_an_area_add_up_to_its_capacity_and_stand_apart_by_vehicle() {
    let served = city().await;
    for item in served.get("/v1/areas").await.items() {
        let vehicles = item["by_vehicle"].as_object().expect("a map").values();
        for places in vehicles.chain([&item]) {
            let features = places["free_by_feature"].as_object().expect("a map").values().filter_map(Value::as_u64).sum::<u64>();
            let others = ["free", "occupied", "unknown", "closed"].map(|name| places[name].as_u64().expect("a count"));
            assert_eq!(others.iter().sum::<u64>() + features, places["capacity"].as_u64().expect("a count"), "{item}");
        }
    }
    let city = served.get("/v1/areas/ha-noi").await.json();
    assert_eq!((&city["capacity"], &city["by_vehicle"]["car"]["capacity"]), (&json!(112), &json!(12)));
    assert_eq!((&city["by_vehicle"]["motorbike"]["unknown"], &city["stations"]), (&json!(100), &json!(1)));
}

#[tokio::test]
async fn an_area_is_stale_when_each_of_its_sites_is() {
    let served = city().await;
    let east = served.get("/v1/areas/east").await.json();
    assert_eq!((&east["stale"], &east["observed_at"], &east["age_s"]), (&json!(true), &Value::Null, &Value::Null));
    assert_eq!((&east["name"], &east["names"]["en"], &east["parent"]), (&json!("Đông"), &json!("East"), &json!("ha-noi")));
}

#[tokio::test]
async fn areas_are_walked_by_level() {
    let served = city().await;
    let page = served.get("/v1/areas?level=ward&limit=1").await.json();
    assert_eq!(page["items"][0]["id"], "east");
    let next = format!("/v1/areas?level=ward&limit=1&cursor={}", page["next"].as_str().expect("there is more"));
    let rest = served.get(&next).await.json();
    assert_eq!((&rest["items"][0]["id"], &rest["next"]), (&json!("west"), &Value::Null));
}

#[tokio::test]
async fn areas_of_another_instant_have_no_live_summary() {
    let served = city().await;
    let later =
        square("west", json!({"level": "ward", "name": "Tây", "valid_from": "2027-01-01T00:00:00+07:00"}), 105.80, 105.85);
    served.live.register(&collection(&[later]), at("2026-11-24T01:00:00Z"));
    let path = "/v1/areas/west?at=2027-01-01T00:00:00%2B07:00";
    let then = served.get(path).await.json();
    assert_eq!((&then["name"], &then["free"], &then["stale"]), (&json!("Tây"), &Value::Null, &Value::Null));
    assert_eq!(then["as_of"], "2026-12-31T17:00:00Z");
    assert_eq!(served.get("/v1/areas/west").await.json()["name"], "west");
}

#[tokio::test]
async fn a_feature_has_the_shape_as_its_geometry_and_a_table_has_none() {
    let served = city().await;
    let features = served.get("/v1/areas?f=geojson").await.json();
    assert_eq!(features["features"][0]["geometry"]["type"], "MultiPolygon");
    assert_eq!(features["features"][0]["properties"]["level"], "ward");
    let csv = served.get("/v1/areas?f=csv").await;
    assert!(csv.text().starts_with("id,name,names,level,parent,sites,free,"), "{}", csv.text());
}

#[tokio::test]
async fn a_level_or_area_that_does_not_exist_is_named() {
    let served = city().await;
    served.get("/v1/areas/nowhere").await.problem(404);
    assert_eq!(served.get("/v1/areas?level=continent").await.faulty(), "level");
    assert_eq!(served.get("/v1/areas?at=yesterday").await.faulty(), "at");
}
