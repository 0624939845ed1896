//! Indices over HTTP.

use domain::Quantity;
use serde_json::json;

use super::*;
use crate::tests::fixture::at;
use crate::tests::served::Served;

fn hour(first: &str, hours: i64) -> Timestamp {
    Timestamp::from_micros(at(first).as_micros() + hours * HOUR_MICROS)
}

/// A station with one value an hour, each covering its hour: the decree's own twelve of PM2.5, which end at 20:00 in Hanoi, and ozone.
async fn city() -> Served {
    let mut served = Served::new().await;
    let station = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.85, 21.03]},
        "properties": {"kind": "station", "id": "a", "class": "reference", "interval_s": 3_600}});
    served.live.register(&json!({"type": "FeatureCollection", "features": [station]}), at("2026-11-01T00:00:00Z"));
    let decree = [26.9, 24.7, 20.5, 23.5, 19.5, 16.5, 19.0, 16.5, 20.3, 22.4, 19.6, 20.6];
    let mut rows = lake::rows::AirRows::default();
    for (after, value) in (0..).zip(decree) {
        let mut air = domain::kind::air::Air { avg_s: 3_600, ..Default::default() };
        air.values.set(Quantity::Pm25, value);
        if after == 11 {
            air.values.set(Quantity::O3, 136.1);
            air.values.set(Quantity::No2, 118.7);
        }
        let observed = hour("2026-11-23T02:00:00Z", after);
        let sensor = crate::tests::fixture::sensor("a");
        rows.push(&sensor, observed, observed, &air, &Default::default(), domain::Flags::NONE, domain::Position(1));
    }
    served.fixture.hot.push((lake::table::Table::AirReadings, 1, rows.finish()));
    served.refresh();
    served
}

const LAST: &str = "/v1/air/aqi?station=a&from=2026-11-23T19:00:00%2B07:00&to=2026-11-23T20:00:00%2B07:00";

#[tokio::test]
async fn the_decrees_hour_comes_out_with_its_misprint_put_right() {
    let served = city().await;
    let item = &served.get(LAST).await.items()[0];
    assert_eq!((&item["aqi"], &item["dominant"], &item["level"]), (&json!(59), &json!("no2"), &json!(2)));
    let of = |pollutant: &str| &item["subindices"][pollutant];
    assert_eq!((&of("pm25")["aqi"], &of("o3")["aqi"], &of("no2")["aqi"]), (&json!(41), &json!(43), &json!(59)));
    assert!((of("pm25")["value"].as_f64().expect("a number") - 20.26577).abs() < 1e-5);
    assert_eq!((&of("pm25")["averaging"], &of("pm25")["coverage"]), (&json!("nowcast"), &json!(1.0)));
    assert_eq!((&item["label"], &item["reason"], &item["coverage"]), (&json!("Moderate"), &Value::Null, &json!(1.0)));
    assert_eq!(item["from"], "2026-11-23T19:00:00+07:00");
    let vietnamese = served.get_with(LAST, &[("accept-language", "vi")]).await.items();
    assert_eq!(vietnamese[0]["label"], "Trung bình");
}

#[tokio::test]
async fn where_nothing_can_be_said_the_reason_is() {
    let served = city().await;
    let reason = async |more: &str| {
        let items = served.get(&format!("/v1/air/aqi?station=a{more}")).await.items();
        let last = items.last().expect("an item").clone();
        assert!(last["aqi"].is_null() && last["dominant"].is_null(), "{last}");
        last["reason"].as_str().expect("a reason").to_owned()
    };
    assert_eq!(reason("&from=2026-11-20T00:00:00Z&to=2026-11-20T01:00:00Z").await, "no_data");
    assert_eq!(
        reason("&from=2026-11-23T15:00:00Z&to=2026-11-23T16:00:00Z").await,
        "too_few_hours",
        "two of the newest three are gone"
    );
    assert_eq!(reason("&from=2026-11-24T11:30:00Z&to=2026-11-24T12:30:00Z").await, "running");
    assert_eq!(reason("&from=2026-11-23T12:00:00Z&to=2026-11-23T13:00:00Z&layer=validated").await, "no_data");
    assert_eq!(
        reason("&kind=day&from=2026-11-22T17:00:00Z&to=2026-11-23T17:00:00Z").await,
        "required_missing",
        "12 of 24 hours of particles"
    );
}

#[tokio::test]
async fn tables_are_those_of_the_day_unless_one_is_named() {
    let served = city().await;
    let aqi = async |more: &str| {
        served.get(&format!("{LAST}&index=us_epa{more}")).await.items()[0]["subindices"]["pm25"]["aqi"].clone()
    };
    // 20.2 µg/m³: by the table of 2024 and by that of 2012.
    assert_eq!((aqi("").await, aqi("&table=2024").await, aqi("&table=2012").await), (json!(72), json!(72), json!(68)));
    let eu = &served.get(&format!("{LAST}&index=eu_aqi")).await.items()[0];
    assert_eq!((&eu["aqi"], &eu["dominant"]), (&json!(5), &json!("no2")));
    for (more, parameter) in
        [("&table=1999", "table"), ("&index=eu_aqi&kind=day", "kind"), ("&index=best", "index"), ("&kind=week", "kind")]
    {
        assert_eq!(served.get(&format!("{LAST}{more}")).await.faulty(), parameter);
    }
    served.get("/v1/air/aqi?station=b").await.problem(404);
}
