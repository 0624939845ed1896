//! Sensors as an operator looks for them: one by one, by status, in groups.

use lake::contract::{Live as _, SensorHeard};

use super::*;
use crate::tests::fixture::{at, sensor};
use crate::tests::served::Served;
use crate::tests::street::{bay, collection, site};

fn heard(name: &str, kind: SensorKind, last: Option<&str>) -> SensorHeard {
    let last = last.map(|observed_at| LastHeard { kind, observed_at: at(observed_at), received_at: at(observed_at) });
    let gateway = Some("gw-1".to_owned());
    SensorHeard { sensor: sensor(name), last, battery_mv: None, battery_pct: Some(10.0), rssi_dbm: None, gateway }
}

/// A ward with a street of one bay and a station, and who spoke there.
async fn city() -> Served {
    let served = Served::new().await;
    let ring = json!([[[105.8, 21.0], [105.9, 21.0], [105.9, 21.1], [105.8, 21.1], [105.8, 21.0]]]);
    let row = |properties: Value, geometry: Value| json!({"type": "Feature", "properties": properties, "geometry": geometry});
    let here = json!({"type": "Point", "coordinates": [105.85, 21.03]});
    let device = json!({"kind": "device", "id": "d", "profile": "acme-1", "bindings": [{"target": "s-1"}]});
    let rows = [
        row(json!({"kind": "area", "id": "ward-1", "level": "ward"}), json!({"type": "Polygon", "coordinates": ring})),
        row(json!({"kind": "station", "id": "air-1", "class": "indicative"}), here),
        site("street", json!({}), 105.85),
        bay("s-1", "street", json!({}), 105.85),
        bay("s-2", "street", json!({}), 105.85),
        row(device, Value::Null),
    ];
    served.live.register(&collection(&rows), at("2026-11-24T00:00:00Z"));
    let (registry, now) = (served.live.registry(), at("2026-11-24T12:00:00Z"));
    *served.live.sensors.lock() = [
        heard("air-1", SensorKind::Air, Some("2026-11-24T11:59:30Z")),
        heard("d", SensorKind::Parking, Some("2026-11-24T08:00:00Z")),
        heard("s-2", SensorKind::Parking, None),
        heard("who", SensorKind::Parking, None),
    ]
    .map(|heard| heard.status(&registry, now))
    .into();
    served
}

#[tokio::test]
async fn a_sensor_of_which_nothing_was_accepted_is_listed_as_unheard() {
    let served = city().await;
    let items = served.get("/v1/ops/sensors").await.items();
    let told: Vec<_> =
        items.iter().map(|item| (item["sensor"].as_str().unwrap_or_default(), &item["status"], &item["observed_at"])).collect();
    assert_eq!(told[0], ("air-1", &json!("ok"), &json!("2026-11-24T11:59:30Z")));
    assert_eq!(
        told[1..],
        [
            ("d", &json!("late"), &json!("2026-11-24T08:00:00Z")),
            ("s-2", &json!("silent"), &Value::Null),
            ("who", &json!("provisional"), &Value::Null),
        ]
    );
    assert_eq!((&items[1]["target"], &items[1]["profile"], &items[2]["kind"]), (&json!("s-1"), &json!("acme-1"), &Value::Null));
}

#[tokio::test]
async fn sensors_are_counted_by_where_they_are_and_what_they_are() {
    let served = city().await;
    for (group, expected) in [
        ("area", vec![("", 2), ("ward-1", 2)]),
        ("site", vec![("", 3), ("street", 1)]),
        ("profile", vec![("", 3), ("acme-1", 1)]),
        ("gateway", vec![("gw-1", 4)]),
        ("kind", vec![("", 2), ("air", 1), ("parking", 1)]),
    ] {
        let items = served.get(&format!("/v1/ops/sensors?group_by={group}")).await.items();
        let counted: Vec<_> = items
            .iter()
            .map(|item| (item["group"].as_str().unwrap_or_default(), item["sensors"].as_u64().unwrap_or(0)))
            .collect();
        assert_eq!(counted, expected, "{group}");
    }
    assert_eq!(served.get("/v1/ops/sensors?group_by=site&completeness=true").await.faulty(), "completeness");
}

#[tokio::test]
async fn a_page_ends_where_the_next_one_begins_whatever_is_looked_for() {
    let served = city().await;
    let mut path = "/v1/ops/sensors?battery_lt=20&limit=1".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = served.get(&path).await.json();
        seen.extend(
            page["items"].as_array().expect("items").iter().map(|item| item["sensor"].as_str().unwrap_or_default().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/ops/sensors?battery_lt=20&limit=1&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["air-1", "d", "s-2", "who"]);
    let whole = served.get("/v1/ops/sensors?status=ok&completeness=true").await.items();
    assert_eq!(whole[0]["completeness"], 0.0, "nothing of the last day is in the lake");
}
