//! Events on a real lake: of several sensors, across files and memory, and the same wherever the span begins.

use std::time::Duration;

use domain::bay::EventKind;
use domain::rng::Rng;
use serde_json::{Value, json};

use super::*;
use lake::contract::Live as _;

use crate::tests::fixture::{Fixture, at};
use crate::tests::stand_in::StoodLive;
use crate::tests::street::{bay, live, site};

const START: &str = "2026-08-01T00:00:00Z";

fn device(id: &str, binding: Value) -> Value {
    json!({"type": "Feature", "properties": {"kind": "device", "id": id, "bindings": [binding]}, "geometry": null})
}

async fn events_of(fixture: &Fixture, live: &StoodLive, id: &str, from: Timestamp, to: Timestamp) -> Vec<Event> {
    let bay = ObjectId::new(id).expect("a valid id");
    let wish = Wish { bay: &bay, from, to };
    of(&fixture.engine, &fixture.view(), &live.registry(), &wish).await.expect("an answer").expect("the bay is registered")
}

fn told(events: &[Event]) -> Vec<(EventKind, String, Option<i64>)> {
    let seconds = |event: &Event| event.dwell_micros().map(|micros| micros / MICROS_PER_SECOND);
    events.iter().map(|event| (event.kind, event.at.to_string(), seconds(event))).collect()
}

#[tokio::test]
async fn history_belongs_to_the_bay_whichever_sensor_told_it() {
    let until = json!({"target": "b", "to": "2026-11-24T06:00:00Z"});
    let since = json!({"target": "b", "from": "2026-11-24T06:00:00Z"});
    let live =
        live(&[site("s", json!({}), 105.85), bay("b", "s", json!({}), 105.85), device("old", until), device("new", since)]);
    let mut fixture = Fixture::new().await;
    let readings = [
        ("old", "2026-11-24T03:00:00Z", BayState::Vacant),
        ("old", "2026-11-24T04:00:00Z", BayState::Occupied),
        ("new", "2026-11-24T05:30:00Z", BayState::Vacant),
        ("b", "2026-11-24T05:40:00Z", BayState::Vacant),
        ("new", "2026-11-24T07:00:00Z", BayState::Vacant),
        ("old", "2026-11-24T08:00:00Z", BayState::Occupied),
    ];
    for (position, (sensor, observed_at, state)) in readings.into_iter().enumerate() {
        fixture.parking(1 + position as u64, sensor, at(observed_at), state);
    }
    let expected = vec![
        (EventKind::Arrival, "2026-11-24T04:00:00Z".to_owned(), None),
        (EventKind::Departure, "2026-11-24T07:00:00Z".to_owned(), Some(3 * 3_600)),
    ];
    for committed in [0, 3, 6] {
        fixture.commit(committed).await;
        let events = events_of(&fixture, &live, "b", at("2026-11-24T00:00:00Z"), at("2026-11-25T00:00:00Z")).await;
        assert_eq!(told(&events), expected, "{committed} committed");
        let late = events_of(&fixture, &live, "b", at("2026-11-24T05:00:00Z"), at("2026-11-25T00:00:00Z")).await;
        assert_eq!(told(&late), expected[1..], "a session that began before the span");
        let to = at("2026-11-24T07:00:00Z");
        assert!(events_of(&fixture, &live, "b", at("2026-11-24T05:00:00Z"), to).await.is_empty(), "the end is exclusive");
    }
}

#[tokio::test]
async fn a_bay_that_never_was_has_no_history() {
    let (fixture, live) = (Fixture::new().await, live(&[site("s", json!({}), 105.85)]));
    let bay = ObjectId::new("nowhere").expect("a valid id");
    let wish = Wish { bay: &bay, from: at(START), to: at("2026-11-24T00:00:00Z") };
    assert!(of(&fixture.engine, &fixture.view(), &live.registry(), &wish).await.expect("an answer").is_none());
}

#[tokio::test]
async fn a_state_that_is_new_at_the_end_of_the_span_is_judged_by_what_followed() {
    let live = live(&[site("s", json!({}), 105.85), bay("b", "s", json!({"min_dwell_s": 60}), 105.85)]);
    let mut fixture = Fixture::new().await;
    let minute = |minute: u64| at("2026-11-24T03:00:00Z").plus(Duration::from_secs(minute * 60));
    fixture.parking(1, "b", minute(0), BayState::Vacant);
    fixture.parking(2, "b", minute(10), BayState::Occupied);
    let upto = |to: Timestamp| events_of(&fixture, &live, "b", minute(0), to);
    assert_eq!(upto(minute(10).plus(Duration::from_secs(1))).await.len(), 1);
    fixture.parking(3, "b", minute(10).plus(Duration::from_secs(30)), BayState::Vacant);
    assert!(events_of(&fixture, &live, "b", minute(0), minute(10).plus(Duration::from_secs(1))).await.is_empty());
}

/// A bay through four months, with stays of minutes to weeks, and silences.
fn readings(rng: &mut Rng) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut now = at(START);
    while now < at("2026-11-24T00:00:00Z") {
        let state = BayState::ALL[[0, 0, 1, 1, 1, 2][rng.below(6) as usize]];
        seen.push(Seen { at: now, state });
        let hours = [0, 0, 1, 20, 24 * 9, 24 * 30][rng.below(6) as usize];
        now = now.plus(Duration::from_secs(1 + rng.below(90) + hours * 3_600));
    }
    seen
}

#[tokio::test]
async fn events_do_not_depend_on_where_the_span_begins() {
    for (seed, min_dwell_s) in [(1, 0), (2, 0), (3, 60), (4, 60), (5, 600)] {
        let more = json!({"min_dwell_s": min_dwell_s, "heartbeat_s": 86_400});
        let live = live(&[site("s", json!({}), 105.85), bay("b", "s", more, 105.85)]);
        let mut fixture = Fixture::new().await;
        let mut rng = Rng::from_seed(seed);
        let seen = readings(&mut rng);
        for (position, seen) in seen.iter().enumerate() {
            fixture.parking(1 + position as u64, "b", seen.at, seen.state);
        }
        fixture.commit(seen.len() as u64 / 2).await;
        let rules = Rules { heartbeat_s: 86_400, min_dwell_s, closed: &[] };
        let whole = Timeline::new(&seen, &rules, at("2026-11-24T12:00:00Z"));
        for _ in 0..12 {
            let from = at(START).plus(Duration::from_secs(rng.below(115 * 86_400)));
            let to = from.plus(Duration::from_secs(rng.below(20 * 86_400)));
            let expected: Vec<_> = whole.events().iter().filter(|event| (from..to).contains(&event.at)).copied().collect();
            assert_eq!(events_of(&fixture, &live, "b", from, to).await, expected, "seed {seed} from {from} to {to}");
        }
    }
}
