//! Readings of a station wherever they lie: files of several days, memory, sensors that took turns.

use domain::air::Layer;
use lake::contract::Live as _;
use serde_json::json;

use super::*;
use crate::tests::fixture::{Fixture, at};
use crate::tests::stand_in::StoodLive;

fn object(id: &str) -> ObjectId {
    ObjectId::new(id).expect("a valid id")
}

/// A station that `old` spoke for until noon of 3 November, and `new` since.
fn registry(fixture: &Fixture) -> std::sync::Arc<Registry> {
    let live = StoodLive::new(fixture.view());
    let binding = |from: Option<&str>, to: Option<&str>| json!([{"target": "a", "from": from, "to": to}]);
    let device = |id: &str, bindings: serde_json::Value| json!({"type": "Feature", "geometry": null, "properties": {"kind": "device", "id": id, "bindings": bindings}});
    let station = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.85, 21.03]},
        "properties": {"kind": "station", "id": "a", "class": "reference", "interval_s": 300}});
    let swap = "2026-11-03T12:00:00Z";
    let features = [station, device("old", binding(None, Some(swap))), device("new", binding(Some(swap), None))];
    live.register(&json!({"type": "FeatureCollection", "features": features}), at("2026-01-01T00:00:00Z"));
    live.registry()
}

async fn values(fixture: &Fixture, from: &str, to: &str) -> Vec<(String, f64)> {
    let (station, view, registry) = (object("a"), fixture.view(), registry(fixture));
    let wish = Wish::of(&registry, &[station], &[Quantity::Pm25], at(from), at(to)).expect("a station");
    let take = |all: &mut Vec<(String, f64)>, taken: &Taken| {
        all.push((taken.sample.at.to_string(), taken.sample.value));
        ControlFlow::Continue(())
    };
    walk(&fixture.engine, &view, wish, Vec::new(), take).await.expect("rows")
}

#[tokio::test]
async fn samples_come_in_the_order_of_their_time_from_files_and_memory_alike() {
    let mut fixture = Fixture::new().await;
    let mut position = 0;
    let mut expected = Vec::new();
    for day in 1..=5 {
        for hour in [0, 11, 13, 23] {
            position += 1;
            let observed = format!("2026-11-{day:02}T{hour:02}:00:00Z");
            let is_new = day > 3 || day == 3 && hour > 12;
            fixture.air(position, if is_new { "new" } else { "old" }, at(&observed), &[(Quantity::Pm25, position as f64)]);
            // The other one is heard as well, and does not count.
            fixture.air(position, if is_new { "old" } else { "new" }, at(&observed), &[(Quantity::Pm25, -1.0)]);
            fixture.air(position, "stranger", at(&observed), &[(Quantity::Pm25, -2.0)]);
            expected.push((observed, position as f64));
        }
    }
    let hot = values(&fixture, "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z").await;
    assert_eq!(hot, expected, "all in memory");
    for upto in [7, 13, 20] {
        fixture.commit(upto).await;
        let now = values(&fixture, "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z").await;
        assert_eq!(now, expected, "in files up to {upto}");
    }
    // A late one of the first day, in memory while its day is in files.
    fixture.air(21, "old", at("2026-11-01T12:00:00Z"), &[(Quantity::Pm25, 99.0)]);
    expected.insert(2, ("2026-11-01T12:00:00Z".to_owned(), 99.0));
    assert_eq!(values(&fixture, "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z").await, expected);
    let part = values(&fixture, "2026-11-01T11:00:00Z", "2026-11-01T13:00:00Z").await;
    assert_eq!(part, expected[1..3], "from inclusive, to exclusive");
}

#[tokio::test]
async fn a_sample_knows_its_quantity_what_it_weighs_and_what_was_remarked() {
    let mut fixture = Fixture::new().await;
    let observed = at("2026-11-02T08:00:00Z");
    fixture.air(1, "old", observed, &[(Quantity::Pm25, 2_001.0), (Quantity::No2, 20.0), (Quantity::O3, 30.0)]);
    let (station, view, registry) = (object("a"), fixture.view(), registry(&fixture));
    let quantities = [Quantity::No2, Quantity::Pm25];
    let wish = Wish::of(&registry, &[station], &quantities, observed, at("2026-11-02T09:00:00Z")).expect("a station");
    let take = |all: &mut Vec<Taken>, taken: &Taken| {
        all.push(*taken);
        ControlFlow::Continue(())
    };
    let taken = walk(&fixture.engine, &view, wish, Vec::new(), take).await.expect("rows");
    let told: Vec<_> = taken.iter().map(|taken| (taken.source, taken.sample.value, taken.sample.interval_s)).collect();
    assert_eq!(told, [(0, 20.0, 300), (1, 2_001.0, 300)]);
    assert!(Layer::Checked.takes(taken[0].sample.remarks) && !Layer::Checked.takes(taken[1].sample.remarks));
}

#[tokio::test]
async fn a_station_that_never_was_is_told_apart_from_a_silent_one() {
    let fixture = Fixture::new().await;
    let (view, registry) = (fixture.view(), registry(&fixture));
    let wish =
        |id: &str| Wish::of(&registry, &[object(id)], &[Quantity::Pm25], at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
    assert!(wish("b").is_none());
    let count = |count: &mut u32, _: &Taken| {
        *count += 1;
        ControlFlow::Continue(())
    };
    assert_eq!(walk(&fixture.engine, &view, wish("a").expect("a station"), 0, count).await.expect("rows"), 0);
}

#[tokio::test]
async fn what_is_simulated_or_of_a_device_in_commissioning_is_no_sample() {
    let mut fixture = Fixture::new().await;
    let mut rows = lake::rows::AirRows::default();
    for (minute, flags) in [(1, Flags::NONE.with(Flag::Simulated)), (2, Flags::NONE), (3, Flags::NONE.with(Flag::Converted))] {
        let mut air = domain::kind::air::Air::default();
        air.values.set(Quantity::Pm25, f64::from(minute));
        let observed = at(&format!("2026-11-02T08:{minute:02}:00Z"));
        let sensor = crate::tests::fixture::sensor("old");
        rows.push(&sensor, observed, observed, &air, &Default::default(), flags, domain::Position(1));
    }
    fixture.hot.push((Table::AirReadings, 1, rows.finish()));
    let told = values(&fixture, "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z").await;
    assert_eq!(told.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [2.0, 3.0]);
    let live = StoodLive::new(fixture.view());
    let properties = json!({"kind": "device", "id": "old", "status": "commissioning", "bindings": [{"target": "a"}]});
    let station = json!({"kind": "station", "id": "a", "class": "reference"});
    let features = [
        json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.85, 21.03]}, "properties": station}),
        json!({"type": "Feature", "geometry": null, "properties": properties}),
    ];
    live.register(&json!({"type": "FeatureCollection", "features": features}), at("2026-01-01T00:00:00Z"));
    let (from, to) = (at("2026-11-02T00:00:00Z"), at("2026-11-03T00:00:00Z"));
    let wish = Wish::of(&live.registry(), &[object("a")], &[Quantity::Pm25], from, to).expect("a station");
    let speakers = &wish.sources[0].history.sensors;
    assert!(speakers.iter().all(|(sensor, _)| sensor.as_str() != "old"), "{speakers:?}");
}

#[tokio::test]
async fn what_is_ahead_of_the_view_is_not_yet_and_who_has_enough_ends_the_walk() {
    let mut fixture = Fixture::new().await;
    // The view is of noon.
    for (position, observed) in [(1, "2026-11-24T11:59:00Z"), (2, "2026-11-24T12:00:00Z"), (3, "2026-11-24T12:00:00.000001Z")] {
        fixture.air(position, "new", at(observed), &[(Quantity::Pm25, position as f64)]);
    }
    let told = values(&fixture, "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z").await;
    assert_eq!(told.len(), 2);
    let (view, registry) = (fixture.view(), registry(&fixture));
    let (from, to) = (at("2026-11-24T00:00:00Z"), at("2026-11-25T00:00:00Z"));
    let wish = Wish::of(&registry, &[object("a")], &[Quantity::Pm25], from, to).expect("a station");
    let first = |count: &mut u32, _: &Taken| {
        *count += 1;
        ControlFlow::Break(())
    };
    assert_eq!(walk(&fixture.engine, &view, wish, 0, first).await.expect("rows"), 1);
}
