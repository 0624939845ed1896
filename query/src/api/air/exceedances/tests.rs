//! Exceedances over HTTP.

use serde_json::json;

use super::*;
use crate::tests::fixture::at;
use crate::tests::served::Served;

/// Two stations in a ward and one outside; `a` has a day of 60 µg/m³, `c` one of 40 and then one of 60.
async fn city() -> Served {
    let mut served = Served::new().await;
    let ring = json!([[[105.84, 21.02], [105.87, 21.02], [105.87, 21.05], [105.84, 21.05], [105.84, 21.02]]]);
    let feature = |properties: Value, geometry: Value| json!({"type": "Feature", "properties": properties, "geometry": geometry});
    let ward = json!({"kind": "area", "id": "ward", "level": "ward"});
    let mut features = vec![feature(ward, json!({"type": "Polygon", "coordinates": ring}))];
    for (id, lon) in [("a", 105.85), ("b", 105.86), ("c", 105.90)] {
        let properties = json!({"kind": "station", "id": id, "class": "reference", "interval_s": 3_600});
        features.push(feature(properties, json!({"type": "Point", "coordinates": [lon, 21.03]})));
    }
    served.live.register(&json!({"type": "FeatureCollection", "features": features}), at("2026-11-01T00:00:00Z"));
    let mut rows = lake::rows::AirRows::default();
    for (station, day, value) in [("a", 21, 60.0), ("c", 21, 40.0), ("c", 22, 60.0)] {
        for hour in 1..=24 {
            let midnight = at(&format!("2026-11-{:02}T17:00:00Z", day - 1));
            let observed = Timestamp::from_micros(midnight.as_micros() + hour * 3_600_000_000);
            let mut air = domain::kind::air::Air { avg_s: 3_600, ..Default::default() };
            air.values.set(Quantity::Pm25, value);
            let sensor = crate::tests::fixture::sensor(station);
            rows.push(&sensor, observed, observed, &air, &Default::default(), domain::Flags::NONE, domain::Position(1));
        }
    }
    served.fixture.hot.push((lake::table::Table::AirReadings, 1, rows.finish()));
    served.refresh();
    served
}

async fn found(served: &Served, more: &str) -> Vec<String> {
    let path = format!("/v1/air/exceedances?from=2026-11-20T00:00:00Z&to=2026-11-24T00:00:00Z{more}");
    let of = |item: &Value| {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {} {} {}", text("station"), text("averaging"), text("from"), item["value"], item["limit"])
    };
    served.get(&path).await.items().iter().map(of).collect()
}

#[tokio::test]
async fn days_above_the_limit_are_told_with_it() {
    let served = city().await;
    let both = ["a 24h 2026-11-21T00:00:00+07:00 60.0 45.0", "c 24h 2026-11-22T00:00:00+07:00 60.0 45.0"];
    assert_eq!(found(&served, "").await, both);
    assert_eq!(found(&served, "&area=ward").await, both[..1]);
    assert_eq!(found(&served, "&station=c").await, both[1..]);
    assert!(found(&served, "&pollutant=no2").await.is_empty());
    assert_eq!(found(&served, "&standard=qcvn05_2013").await.len(), 2, "50 there");
    assert_eq!(found(&served, "&standard=who_2021").await.len(), 3, "15 there");
    // What ends at the start of the span was before it, what ends at its end is in it.
    let day = |from: &str, to: &str| format!("&station=a&pollutant=pm25&from={from}&to={to}");
    let path = |span: String| format!("/v1/air/exceedances?standard=qcvn05{span}");
    let items = served.get(&path(day("2026-11-21T17:00:00Z", "2026-11-23T00:00:00Z"))).await.items();
    assert!(items.is_empty(), "{items:?}");
    let items = served.get(&path(day("2026-11-20T17:00:00Z", "2026-11-21T17:00:00Z"))).await.items();
    assert_eq!(items.len(), 1);
}

#[tokio::test]
async fn what_is_not_judged_is_named_and_what_is_wrong_refused() {
    let served = city().await;
    let list = served.get("/v1/air/exceedances?standard=who_2021&station=a").await.json();
    assert_eq!(list["not_judged"], json!(["10min", "15min", "peak_season"]));
    let item = &list["items"][0];
    assert_eq!((&item["percentile"], &item["interim_targets_missed"], &item["ratio"]), (&json!(99), &json!(3), &json!(4.0)));
    for (path, parameter) in [
        ("/v1/air/exceedances?standard=best", "standard"),
        ("/v1/air/exceedances?area=nowhere", "area"),
        ("/v1/air/exceedances?pollutant=soot", "pollutant"),
        ("/v1/air/exceedances?from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", "to"),
        ("/v1/air/exceedances?from=2000-01-01T00:00:00Z&to=2026-11-23T00:00:00Z", "to"),
        ("/v1/air/exceedances?station=a&area=nowhere", "area"),
    ] {
        assert_eq!(served.get(path).await.faulty(), parameter, "{path}");
    }
    served.get("/v1/air/exceedances?station=nowhere").await.problem(404);
    // Whatever lies ahead: two years or to the end of the calendar.
    let ahead = served.get("/v1/air/exceedances?from=2028-04-01T00:00:00Z&to=2028-05-01T00:00:00Z").await;
    assert!(ahead.items().is_empty());
    let at_the_end = served.get("/v1/air/exceedances?from=9999-12-30T19:00:00Z&to=9999-12-30T20:00:00Z").await;
    assert!(at_the_end.items().is_empty());
}

#[tokio::test]
async fn a_station_that_stands_no_more_is_told_of_for_the_time_when_it_did() {
    let served = city().await;
    let end =
        json!({"kind": "station", "id": "a", "class": "reference", "interval_s": 3_600, "valid_to": "2026-11-23T00:00:00+07:00"});
    let feature = json!({"type": "Feature", "properties": end, "geometry": {"type": "Point", "coordinates": [105.85, 21.03]}});
    served.live.register(&json!({"type": "FeatureCollection", "features": [feature]}), at("2026-11-23T00:00:00Z"));
    let before = ["a 24h 2026-11-21T00:00:00+07:00 60.0 45.0", "c 24h 2026-11-22T00:00:00+07:00 60.0 45.0"];
    assert_eq!(found(&served, "").await, before);
    assert_eq!(found(&served, "&station=a").await, before[..1]);
    assert_eq!(found(&served, "&area=ward").await, before[..1]);
    assert!(found(&served, "&station=c&area=ward").await.is_empty());
}

#[tokio::test]
async fn a_page_ends_with_a_station_and_the_next_goes_on_behind_it() {
    let mut served = Served::new().await;
    let mut features = Vec::new();
    let mut rows = lake::rows::AirRows::default();
    let count = AT_ONCE * CHUNKS + 3;
    for number in 0..count {
        let id = format!("s-{number:03}");
        let properties = json!({"kind": "station", "id": id, "class": "reference", "interval_s": 3_600});
        let point = json!({"type": "Point", "coordinates": [105.85, 21.03]});
        features.push(json!({"type": "Feature", "properties": properties, "geometry": point}));
        let mut air = domain::kind::air::Air { avg_s: 3_600, ..Default::default() };
        air.values.set(Quantity::No2, 300.0);
        let (observed, sensor) = (at("2026-11-20T03:00:00Z"), crate::tests::fixture::sensor(&id));
        rows.push(&sensor, observed, observed, &air, &Default::default(), domain::Flags::NONE, domain::Position(1));
    }
    served.live.register(&json!({"type": "FeatureCollection", "features": features}), at("2026-11-01T00:00:00Z"));
    served.fixture.hot.push((lake::table::Table::AirReadings, 1, rows.finish()));
    served.refresh();
    let first = served.get("/v1/air/exceedances").await.json();
    let stations = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("a list").iter();
        items.map(|item| item["station"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(stations(&first).len(), AT_ONCE * CHUNKS);
    let next = first["next"].as_str().expect("more");
    let second = served.get(&format!("/v1/air/exceedances?cursor={next}")).await.json();
    assert_eq!(
        (stations(&second), &second["next"]),
        (vec!["s-064".to_owned(), "s-065".to_owned(), "s-066".to_owned()], &Value::Null)
    );
}

#[tokio::test]
async fn a_station_that_was_moved_is_of_the_area_where_it_stood_last() {
    let served = city().await;
    let moved = json!({"kind": "station", "id": "a", "class": "reference", "interval_s": 3_600, "valid_from": "2026-11-23T00:00:00+07:00"});
    let feature = json!({"type": "Feature", "properties": moved, "geometry": {"type": "Point", "coordinates": [105.95, 21.03]}});
    served.live.register(&json!({"type": "FeatureCollection", "features": [feature]}), at("2026-11-23T00:00:00Z"));
    assert!(found(&served, "&area=ward").await.is_empty());
    assert_eq!(found(&served, "&station=a").await.len(), 1);
}
