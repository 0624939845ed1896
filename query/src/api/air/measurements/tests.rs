//! Measurements over HTTP: what is asked for is there, bucket by bucket, and what cannot be asked is refused by name.

use serde_json::json;

use super::*;
use crate::tests::fixture::at;
use crate::tests::served::Served;

fn later(when: &str, seconds: i64) -> Timestamp {
    Timestamp::from_micros(at(when).as_micros() + seconds * MICROS_PER_SECOND)
}

/// A station in Hanoi with minutes of the hours from 08:00 local on: 60, 45, 44, none, and some of the hour that runs.
pub async fn city() -> Served {
    let mut served = Served::new().await;
    let station = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.85, 21.03]},
        "properties": {"kind": "station", "id": "a", "class": "reference", "interval_s": 60}});
    served.live.register(&json!({"type": "FeatureCollection", "features": [station]}), at("2026-11-01T00:00:00Z"));
    let mut position = 0;
    for (hour, count) in [(0, 60), (1, 45), (2, 44), (4, 30)] {
        for minute in 1..=count {
            position += 1;
            let observed = later("2026-11-24T08:00:00Z", hour * 3_600 + minute * 60);
            served.fixture.air(
                position,
                "a",
                observed,
                &[(Quantity::Pm25, f64::from(10 * (hour as i32 + 1))), (Quantity::WindDeg, 90.0)],
            );
        }
        if hour == 1 {
            served.fixture.commit(position).await;
        }
    }
    served.refresh();
    served
}

const HOURS: &str =
    "/v1/air/measurements?station=a&pollutant=pm25&from=2026-11-24T15:00:00%2B07:00&to=2026-11-24T20:00:00%2B07:00";

#[tokio::test]
async fn every_hour_is_there_with_its_coverage_and_a_value_where_it_is_valid() {
    let served = city().await;
    let list = served.get(HOURS).await.json();
    let told: Vec<_> = list["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["value"].as_f64(), item["valid"].as_bool(), item["n"].as_u64(), item["coverage"].as_f64()))
        .collect();
    let hour = |value, valid, n, coverage| (value, Some(valid), Some(n), Some(coverage));
    // It is noon in UTC, 19:00 in Hanoi: the last hour has only begun.
    assert_eq!(
        told,
        [
            hour(Some(10.0), true, 60, 1.0),
            hour(Some(20.0), true, 45, 0.75),
            hour(None, false, 44, 44.0 / 60.0),
            hour(None, false, 0, 0.0),
            // Its readings are ahead of now.
            hour(None, false, 0, 0.0),
        ]
    );
    let first = &list["items"][0];
    assert_eq!((&first["from"], &first["to"]), (&json!("2026-11-24T15:00:00+07:00"), &json!("2026-11-24T16:00:00+07:00")));
    assert_eq!((&list["unit"], &list["layer"], &list["tz"]), (&json!("ug/m3"), &json!("checked"), &json!("Asia/Ho_Chi_Minh")));
}

#[tokio::test]
async fn readings_themselves_are_told_as_they_were() {
    let served = city().await;
    let items = served.get(&format!("{HOURS}&bucket=raw")).await.items();
    assert_eq!(items.len(), 60 + 45 + 44);
    assert_eq!((&items[0]["from"], &items[0]["to"]), (&json!("2026-11-24T15:00:00+07:00"), &json!("2026-11-24T15:01:00+07:00")));
    assert_eq!((&items[0]["value"], &items[0]["valid"], &items[0]["coverage"]), (&json!(10.0), &json!(true), &Value::Null));
}

#[tokio::test]
async fn other_buckets_are_made_of_hours() {
    let served = city().await;
    let minutes = served.get(&format!("{HOURS}&bucket=1m")).await.items();
    assert_eq!((minutes.len(), &minutes[0]["value"], &minutes[0]["valid"]), (300, &json!(10.0), &json!(true)));
    let running = served.get(&format!("{HOURS}&bucket=8h")).await.items();
    assert_eq!((running.len(), &running[0]["from"]), (5, &json!("2026-11-24T08:00:00+07:00")));
    let day = served.get(&format!("{HOURS}&bucket=24h")).await.items();
    assert_eq!((day.len(), &day[0]["n"], &day[0]["value"], &day[0]["valid"]), (1, &json!(2), &json!(15.0), &json!(false)));
    let lenient = served.get(&format!("{HOURS}&bucket=1y&basis=1h&min_coverage=0")).await.items();
    assert_eq!((&lenient[0]["from"], &lenient[0]["n"]), (&json!("2026-01-01T00:00:00+07:00"), &json!(3)));
    let validated = served.get(&format!("{HOURS}&layer=validated")).await.items();
    assert!(validated.iter().all(|item| item["value"].is_null() && item["n"] == 0), "nobody decided anything");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let served = city().await;
    let asked = |more: &str| format!("/v1/air/measurements?station=a&pollutant=pm25{more}");
    for (path, parameter) in [
        ("/v1/air/measurements?pollutant=pm25".to_owned(), "station"),
        ("/v1/air/measurements?station=a".to_owned(), "pollutant"),
        ("/v1/air/measurements?station=a&pollutant=soot".to_owned(), "pollutant"),
        ("/v1/air/measurements?station=a&pollutant=wind_deg".to_owned(), "pollutant"),
        (asked("&bucket=2h"), "bucket"),
        (asked("&basis=8h"), "basis"),
        (asked("&min_coverage=1.1"), "min_coverage"),
        (asked("&layer=best"), "layer"),
        (asked("&tz=Asia/Hanoi"), "tz"),
        (asked("&tz=Asia/Kathmandu"), "tz"),
        (asked("&from=2026-11-24"), "from"),
        (asked("&from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z"), "to"),
        (asked("&from=2000-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"), "to"),
    ] {
        assert_eq!(served.get(&path).await.faulty(), parameter, "{path}");
    }
    served.get("/v1/air/measurements?station=b&pollutant=pm25").await.problem(404);
    assert_eq!(served.get(&asked("&tz=Europe/Tallinn&bucket=24h")).await.status, 200);
    assert_eq!(served.get("/v1/air/measurements?station=a&pollutant=wind_deg&bucket=raw").await.status, 200);
}

#[tokio::test]
async fn a_reading_that_comes_late_revises_its_window() {
    let mut served = city().await;
    let mut rows = lake::rows::AirRows::default();
    let mut air = domain::kind::air::Air { avg_s: 60, ..Default::default() };
    air.values.set(Quantity::Pm25, 40.0);
    let (observed, received) = (later("2026-11-24T10:45:00Z", 0), at("2026-11-24T12:00:00.5Z"));
    let sensor = crate::tests::fixture::sensor("a");
    rows.push(&sensor, observed, received, &air, &Default::default(), domain::Flags::NONE, domain::Position(1_000));
    served.fixture.hot.push((lake::table::Table::AirReadings, 1_000, rows.finish()));
    served.refresh();
    let items = served.get(HOURS).await.items();
    // 44 minutes were too few, 45 are enough.
    assert_eq!((&items[2]["valid"], &items[2]["n"], &items[2]["max"]), (&json!(true), &json!(45), &json!(40.0)));
    assert_eq!(items[2]["value"], json!((44.0 * 30.0 + 40.0) / 45.0));
    assert!(items[0]["revised_at"].is_null());
    assert_eq!(items[2]["revised_at"], json!("2026-11-24T19:00:00.5+07:00"));
}

#[tokio::test]
async fn an_answer_about_what_is_over_keeps_its_tag() {
    let served = city().await;
    let path = "/v1/air/measurements?station=a&pollutant=pm25&from=2026-11-24T08:00:00Z&to=2026-11-24T10:00:00Z";
    let first = served.get(path).await;
    served.clock.set(at("2026-11-24T12:30:00Z"));
    assert_eq!(served.get_with(path, &[("if-none-match", first.header("etag"))]).await.status, 304);
    let csv = served.get(&format!("{path}&f=csv")).await;
    assert!(csv.text().starts_with("from,to,value,unit,n,min,max,coverage,valid,flags,revised_at\r\n"), "{}", csv.text());
}
