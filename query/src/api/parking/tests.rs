//! Parking over HTTP: what a driver's app, a map and a city's own systems see.

use std::collections::BTreeSet;

use domain::kind::parking::BayState;
use serde_json::{Value, json};

use crate::tests::fixture::at;
use crate::tests::served::Served;
use crate::tests::street::{bay, collection, counted, said, site};

const NOON: &str = "2026-11-24T12:00:00Z";
const HERE: &str = "/v1/parking/near?lat=21.03&lon=105.85";

/// From west to east, about 104 m apart: a street with three bays, a lot, a street for motorbikes, a street that is silent.
fn rows() -> Vec<Value> {
    let price = json!({"currency": "VND", "rules": [{"per_min": 60, "amount": 20000}], "text": "20.000 đ"});
    let ring = json!([[[105.84, 21.02], [105.8505, 21.02], [105.8505, 21.05], [105.84, 21.05], [105.84, 21.02]]]);
    vec![
        json!({"type": "Feature", "properties": {"kind": "area", "id": "ward", "level": "ward"},
            "geometry": {"type": "Polygon", "coordinates": ring}}),
        site("street", json!({"name": "Hàng Bạc", "names": {"en": "Silver Street"}, "heartbeat_s": 600, "price": price}), 105.85),
        bay("s-1", "street", json!({"max_stay_min": 60}), 105.85),
        bay("s-2", "street", json!({"features": ["ev"]}), 105.85),
        bay("s-3", "street", json!({}), 105.8502),
        site(
            "lot",
            json!({"site_kind": "lot", "capacity": 40, "opening_hours": "Mo-Su 06:00-20:00", "price": {"text": "rẻ"}}),
            105.851,
        ),
        site("bikes", json!({"vehicle": "motorbike", "capacity": 5}), 105.852),
        site("silent", json!({}), 105.853),
        bay("q-1", "silent", json!({}), 105.853),
    ]
}

/// 19:00 in Hanoi.
async fn city() -> Served {
    let served = Served::new().await;
    served.live.register(&collection(&rows()), at("2026-11-24T00:00:00Z"));
    served.live.show_parking("s-1", said("2026-11-24T11:59:00Z", BayState::Vacant));
    served.live.show_parking("s-2", said("2026-11-24T11:58:00Z", BayState::Vacant));
    served.live.show_parking("s-3", said("2026-11-24T11:57:00Z", BayState::Occupied));
    served.live.show_parking("lot", counted("2026-11-24T11:59:30Z", 12, None));
    served.live.show_parking("bikes", counted("2026-11-24T11:59:30Z", 3, None));
    served
}

async fn ids(served: &Served, path: &str) -> Vec<String> {
    served.get(path).await.items().iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn near_gives_places_by_distance_and_those_that_may_have_room_after_them() {
    let served = city().await;
    let items = served.get(HERE).await.items();
    let told: Vec<_> =
        items.iter().map(|item| (item["id"].as_str().expect("an id"), &item["free"], &item["uncertain"])).collect();
    assert_eq!(
        told,
        [("street", &json!(1), &json!(false)), ("lot", &json!(12), &json!(false)), ("silent", &json!(0), &json!(true))]
    );
    assert_eq!(
        items[0],
        json!({"id": "street", "name": "Hàng Bạc", "names": {"en": "Silver Street"}, "site_kind": "street", "place": null,
            "vehicle": "car", "areas": ["ward"], "free": 1,
            "free_by_feature": {"resident": 0, "loading": 0, "accessible": 0, "ev": 1}, "occupied": 1, "unknown": 0, "closed": 0,
            "capacity": 3, "observed_at": "2026-11-24T11:59:00Z", "age_s": 60, "stale": false, "flags": [], "closure": null,
            "opening_hours": null,
            "price": {"currency": "VND", "rules": [{"per_min": 60, "amount": 20000}], "text": "20.000 đ"},
            "point": {"type": "Point", "coordinates": [105.85, 21.03]}, "site": "street", "features": [], "max_stay_min": null,
            "distance_m": 0, "walk_min": 0, "open": true, "uncertain": false, "cost": null, "p_free": null,
            "p_free_reason": "not_forecast"})
    );
    assert_eq!((&items[1]["distance_m"], &items[1]["walk_min"]), (&json!(104), &json!(2)));
    assert_eq!(ids(&served, &format!("{HERE}&limit=1")).await, ["street"]);
    assert_eq!(ids(&served, &format!("{HERE}&radius_m=50")).await, ["street"]);
    assert_eq!(ids(&served, &format!("{HERE}&vehicle=motorbike")).await, ["bikes"]);
    assert!(ids(&served, "/v1/parking/near?lat=-21&lon=-105").await.is_empty());
}

#[tokio::test]
async fn near_asks_for_enough_room_of_the_right_kind() {
    let served = city().await;
    assert_eq!(ids(&served, &format!("{HERE}&min_free=2")).await, ["lot"]);
    assert_eq!(ids(&served, &format!("{HERE}&min_free=13")).await, [""; 0]);
    assert_eq!(ids(&served, &format!("{HERE}&feature=ev")).await, ["street"]);
    assert_eq!(ids(&served, &format!("{HERE}&feature=loading")).await, [""; 0]);
    served.live.show_parking("s-1", said(NOON, BayState::Occupied));
    assert_eq!(ids(&served, HERE).await, ["lot", "silent"]);
    assert_eq!(ids(&served, &format!("{HERE}&min_free=0")).await, ["street", "lot", "silent"]);
}

#[tokio::test]
async fn near_minds_hours_stay_and_cost_at_arrival() {
    let served = city().await;
    let late = format!("{HERE}&arrive_at=2026-11-24T21:00:00%2B07:00");
    assert_eq!(ids(&served, &late).await, ["street", "silent"]);
    let any = served.get(&format!("{late}&open=any")).await.items();
    assert_eq!((&any[1]["id"], &any[1]["open"]), (&json!("lot"), &json!(false)));
    let short = served.get(&format!("{HERE}&stay_min=60")).await.items();
    assert_eq!((&short[0]["id"], &short[0]["cost"], &short[1]["cost"]), (&json!("street"), &json!(20_000.0), &Value::Null));
    assert_eq!(ids(&served, &format!("{HERE}&stay_min=61")).await, ["lot", "silent"], "the only free bay allows an hour");
}

#[tokio::test]
async fn near_by_bay_gives_single_bays_and_lots_that_have_none() {
    let served = city().await;
    let items = served.get(&format!("{HERE}&group=bay&min_free=3")).await.items();
    let told: Vec<_> = items.iter().map(|item| (item["id"].as_str().expect("an id"), &item["site"], &item["capacity"])).collect();
    assert_eq!(
        told,
        [("s-1", &json!("street"), &json!(1)), ("lot", &json!("lot"), &json!(40)), ("q-1", &json!("silent"), &json!(1))]
    );
    assert_eq!((&items[0]["name"], &items[0]["max_stay_min"], &items[0]["free"]), (&json!("Hàng Bạc"), &json!(60), &json!(1)));
    assert_eq!(ids(&served, &format!("{HERE}&group=bay&feature=ev")).await, ["s-2"]);
}

#[tokio::test]
async fn a_second_question_costs_a_304_until_something_changes() {
    let served = city().await;
    for path in [HERE, "/v1/parking/sites", "/v1/parking/sites/street", "/v1/parking/bays", "/v1/parking/snapshot"] {
        served.clock.set(at(NOON));
        let first = served.get(path).await;
        assert_eq!((first.status, first.header("cache-control")), (200, "no-cache"), "{path}");
        let seen = [("if-none-match", first.header("etag"))];
        let again = || served.get_with(path, &seen);
        served.clock.set(at("2026-11-24T12:00:05Z"));
        assert_eq!(again().await.status, 304, "{path}");
        served.clock.set(at("2026-11-24T12:22:00.000001Z"));
        assert_eq!(again().await.status, 200, "{path}: a bay fell silent");
    }
}

#[tokio::test]
async fn each_format_of_an_answer_has_a_tag_of_its_own() {
    let served = city().await;
    let csv = served.get_with("/v1/parking/sites", &[("accept", "text/csv")]).await;
    let seen = [("if-none-match", csv.header("etag"))];
    assert_eq!(served.get_with("/v1/parking/sites", &seen).await.status, 200, "JSON was asked for, and never given");
    assert_eq!(served.get_with("/v1/parking/sites?f=csv", &seen).await.status, 304);
}

#[tokio::test]
async fn sites_are_paged_and_chosen_by_place() {
    let served = city().await;
    assert_eq!(ids(&served, "/v1/parking/sites").await, ["bikes", "lot", "silent", "street"]);
    let first = served.get("/v1/parking/sites?limit=3").await;
    let next = first.json()["next"].as_str().expect("more follow").to_owned();
    assert!(first.header("link").contains(&next));
    assert_eq!(ids(&served, &format!("/v1/parking/sites?limit=3&cursor={next}")).await, ["street"]);
    assert_eq!(ids(&served, "/v1/parking/sites?bbox=105.8505,21,105.8525,22").await, ["bikes", "lot"]);
    assert_eq!(ids(&served, "/v1/parking/sites?area=ward").await, ["street"]);
    assert_eq!(served.get("/v1/parking/sites?area=nowhere").await.faulty(), "area");
    let one = served.get("/v1/parking/sites/street").await.json();
    assert_eq!((&one["geometry"]["type"], &one["as_of"]), (&json!("Point"), &json!(NOON)));
    served.get("/v1/parking/sites/nowhere").await.problem(404);
}

#[tokio::test]
async fn bays_have_their_state_and_are_chosen_by_it() {
    let served = city().await;
    assert_eq!(ids(&served, "/v1/parking/bays").await, ["q-1", "s-1", "s-2", "s-3"]);
    assert_eq!(ids(&served, "/v1/parking/bays?site=street&state=vacant").await, ["s-1", "s-2"]);
    assert_eq!(ids(&served, "/v1/parking/bays?state=unknown").await, ["q-1"]);
    assert_eq!(ids(&served, "/v1/parking/bays?bbox=105.8501,21,105.8503,22").await, ["s-3"]);
    let next = served.get("/v1/parking/bays?limit=2").await.json()["next"].as_str().expect("more follow").to_owned();
    assert_eq!(ids(&served, &format!("/v1/parking/bays?limit=2&cursor={next}")).await, ["s-2", "s-3"]);
    assert_eq!(served.get("/v1/parking/bays?site=nowhere").await.faulty(), "site");
    let one = served.get("/v1/parking/bays/s-1").await.json();
    assert_eq!(
        one,
        json!({"id": "s-1", "name": "s-1", "names": {}, "site": "street", "vehicle": "car", "features": [], "max_stay_min": 60,
            "state": "vacant", "observed_at": "2026-11-24T11:59:00Z", "age_s": 60, "stale": false, "closure": null,
            "point": {"type": "Point", "coordinates": [105.85, 21.03]}, "as_of": NOON})
    );
    served.get("/v1/parking/bays/nowhere").await.problem(404);
}

#[tokio::test]
async fn lists_come_in_each_format() {
    let served = city().await;
    let geojson = served.get("/v1/parking/sites?f=geojson").await;
    assert_eq!(geojson.header("content-type"), "application/geo+json");
    assert_eq!(geojson.json()["features"][3]["geometry"]["coordinates"], json!([105.85, 21.03]));
    let csv = served.get("/v1/parking/bays?site=silent&f=csv").await;
    let lines: Vec<_> = csv.text().lines().collect();
    assert_eq!(lines[0], "id,name,names,site,vehicle,features,max_stay_min,state,observed_at,age_s,stale,closure,lon,lat");
    assert_eq!(lines[1], "q-1,q-1,{},silent,car,[],,unknown,,,true,,105.853,21.03");
    assert_eq!(served.get(&format!("{HERE}&f=ndjson")).await.text().lines().count(), 3);
}

#[tokio::test]
async fn a_follower_of_changes_knows_what_the_snapshot_knows() {
    let served = city().await;
    let snapshot = served.get("/v1/parking/snapshot").await.json();
    assert_eq!(snapshot["items"].as_array().map(Vec::len), Some(4));
    let since = |version: &Value| format!("/v1/parking/changes?since={version}");
    let quiet = served.get(&since(&snapshot["version"])).await.json();
    assert_eq!((&quiet["items"], &quiet["removed"], &quiet["version"]), (&json!([]), &json!([]), &snapshot["version"]));
    served.live.show_parking("lot", counted(NOON, 11, None));
    let moved = served.get(&since(&snapshot["version"])).await.json();
    assert_eq!((moved["items"].as_array().map(Vec::len), &moved["items"][0]["free"]), (Some(1), &json!(11)));
    let closing = |mut row: Value| {
        row["properties"]["valid_to"] = json!("2026-11-24T12:05:00Z");
        row
    };
    let gone = [closing(site("silent", json!({}), 105.853)), closing(bay("q-1", "silent", json!({}), 105.853))];
    served.live.register(&collection(&gone), at(NOON));
    served.clock.set(at("2026-11-24T12:05:00Z"));
    let removed = served.get(&since(&moved["version"])).await.json();
    assert_eq!((&removed["removed"], &removed["items"]), (&json!(["silent"]), &json!([])));
    let everything = served.get(&since(&json!(0))).await.json();
    let ids = |list: &Value| -> BTreeSet<String> {
        list["items"].as_array().into_iter().flatten().map(|item| item["id"].to_string()).collect()
    };
    assert_eq!(ids(&everything), ids(&served.get("/v1/parking/snapshot").await.json()));
    assert_eq!(everything["removed"], json!([]));
}

#[tokio::test]
async fn a_version_that_is_forgotten_is_gone_and_names_the_snapshot() {
    let served = city().await;
    let first = served.get("/v1/parking/snapshot").await.json()["version"].clone();
    for (when, free) in [("2026-11-24T12:30:00Z", 5), ("2026-11-24T13:45:00Z", 6)] {
        served.clock.set(at(when));
        served.live.show_parking("lot", counted(when, free, None));
        served.get("/v1/parking/snapshot").await.json();
    }
    for since in [first.to_string(), "1".to_owned(), "9000000000000000000".to_owned()] {
        let gone = served.get(&format!("/v1/parking/changes?since={since}")).await;
        assert_eq!(gone.header("link"), "</v1/parking/snapshot>; rel=\"alternate\"");
        assert_eq!(gone.problem(410)["link"], "/v1/parking/snapshot", "{since}");
    }
    assert_eq!(served.get("/v1/parking/changes?since=x").await.faulty(), "since");
    assert_eq!(served.get("/v1/parking/changes").await.faulty(), "since");
}

#[tokio::test]
async fn a_bays_events_are_those_of_the_last_day_unless_a_span_is_given() {
    let mut served = city().await;
    let readings = [
        ("2026-11-23T10:00:00Z", BayState::Vacant),
        ("2026-11-23T11:00:00Z", BayState::Occupied),
        ("2026-11-24T09:00:00Z", BayState::Occupied),
        ("2026-11-24T09:30:00.5Z", BayState::Vacant),
    ];
    for (position, (observed_at, state)) in readings.into_iter().enumerate() {
        served.fixture.parking(1 + position as u64, "s-1", at(observed_at), state);
    }
    served.fixture.commit(2).await;
    served.refresh();
    let day = served.get("/v1/parking/bays/s-1/events").await.json();
    let departure =
        json!({"at": "2026-11-24T09:30:00.5Z", "event": "departure", "arrived_at": "2026-11-23T11:00:00Z", "dwell_s": 81000.5});
    assert_eq!(day["items"], json!([departure]));
    assert_eq!((&day["from"], &day["to"], &day["bay"]), (&json!("2026-11-23T12:00:00Z"), &json!(NOON), &json!("s-1")));
    let longer = served.get("/v1/parking/bays/s-1/events?from=2026-11-23T00:00:00Z").await.items();
    assert_eq!((longer.len(), &longer[0]["event"]), (2, &json!("arrival")));
    served.get("/v1/parking/bays/nowhere/events").await.problem(404);
    for path in ["from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", "from=2026-01-01T00:00:00Z"] {
        assert_eq!(served.get(&format!("/v1/parking/bays/s-1/events?{path}")).await.faulty(), "to");
    }
}

#[tokio::test]
async fn events_that_are_known_already_are_answered_with_304_though_time_has_passed() {
    let mut served = city().await;
    served.fixture.parking(1, "s-1", at("2026-11-24T09:00:00Z"), BayState::Vacant);
    served.fixture.parking(2, "s-1", at("2026-11-24T10:00:00Z"), BayState::Occupied);
    served.refresh();
    for path in ["/v1/parking/bays/s-1/events", "/v1/parking/bays/s-1/events?from=2026-11-24T00:00:00Z"] {
        served.live.view.lock().as_of = at(NOON);
        let first = served.get(path).await;
        assert_eq!(first.items().len(), 1);
        served.live.view.lock().as_of = at("2026-11-24T12:00:07Z");
        let again = served.get_with(path, &[("if-none-match", first.header("etag"))]).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let csv = served.get_with(path, &[("if-none-match", first.header("etag")), ("accept", "text/csv")]).await;
        assert_eq!(csv.status, 200, "{path} in another format");
    }
}

#[tokio::test]
async fn wrong_questions_name_the_parameter() {
    let served = city().await;
    let cases = [
        ("/v1/parking/near", "lat"),
        ("/v1/parking/near?lat=91&lon=105", "lat"),
        ("/v1/parking/near?lat=21&lon=105&radius_m=9999", "radius_m"),
        ("/v1/parking/near?lat=21&lon=105&limit=201", "limit"),
        ("/v1/parking/near?lat=21&lon=105&colour=red", "colour"),
        ("/v1/parking/near?lat=21&lon=105&arrive_at=tomorrow", "arrive_at"),
        ("/v1/parking/bays?state=full", "state"),
        ("/v1/parking/sites?cursor=nonsense", "cursor"),
    ];
    for (path, parameter) in cases {
        assert_eq!(served.get(path).await.faulty(), parameter, "{path}");
    }
}

#[tokio::test]
async fn bays_of_residents_and_disabled_drivers_are_counts_to_the_public() {
    let served = Served::new().await;
    let rows = [
        site("street", json!({}), 105.85),
        bay("a", "street", json!({"features": ["accessible"]}), 105.85),
        bay("r", "street", json!({"features": ["ev", "resident"]}), 105.85),
        bay("s", "street", json!({"features": ["ev"]}), 105.85),
    ];
    served.live.register(&collection(&rows), at("2026-11-24T00:00:00Z"));
    for id in ["a", "r", "s"] {
        served.live.show_parking(id, said("2026-11-24T11:59:00Z", BayState::Vacant));
    }
    let public = [("x-forwarded-for", "10.0.0.1")];
    let near = "/v1/parking/near?lat=21.03&lon=105.85&group=bay&feature=";
    for (path, told) in
        [("/v1/parking/bays".to_owned(), &["s"][..]), (format!("{near}accessible"), &[]), (format!("{near}ev"), &["s"])]
    {
        let items = served.get_with(&path, &public).await.items();
        let ids: Vec<_> = items.iter().filter_map(|item| item["id"].as_str()).collect();
        assert_eq!(ids, told, "{path}");
    }
    served.get_with("/v1/parking/bays/a", &public).await.problem(401);
    assert_eq!(served.get_with("/v1/parking/bays/s", &public).await.status, 200);
    let counts = served.get_with("/v1/parking/sites", &public).await.items();
    assert_eq!(counts[0]["free_by_feature"], json!({"resident": 1, "loading": 0, "accessible": 1, "ev": 1}));
    // Whoever sits at the machine sees each.
    assert_eq!(ids(&served, "/v1/parking/bays").await, ["a", "r", "s"]);
    assert_eq!(ids(&served, &format!("{near}accessible")).await, ["a"]);
}
