//! What stands where at one instant.

use super::*;

fn square(id: &str, level: &str, west: f64, south: f64, side: f64) -> Value {
    let (east, north) = (west + side, south + side);
    let ring = json!([[west, south], [east, south], [east, north], [west, north], [west, south]]);
    feature(json!({"kind": "area", "id": id, "level": level}), json!({"type": "Polygon", "coordinates": [ring]}))
}

fn site(id: &str, x: f64, y: f64) -> Value {
    feature(json!({"kind": "site", "id": id}), json!({"type": "Point", "coordinates": [x, y]}))
}

fn areas_of(layout: &Layout, site: &str) -> Vec<String> {
    let entry = &layout.sites[layout.site_by_id[site]];
    entry.areas.iter().map(|&area| layout.areas[area].id.to_string()).collect()
}

#[test]
fn a_site_lies_in_each_area_that_holds_its_point_and_on_a_border_in_the_lower() {
    let rows = [
        square("w1", "ward", 0.0, 0.0, 1.0),
        square("w2", "ward", 1.0, 0.0, 1.0),
        square("w0-overlaps-w2", "ward", 1.5, 0.0, 1.0),
        square("c", "city", 0.0, 0.0, 3.0),
        site("inside", 0.5, 0.5),
        site("border", 1.0, 0.5),
        site("corner", 0.0, 0.0),
        site("both", 1.7, 0.5),
        site("outside", 9.0, 9.0),
    ];
    let layout = import(&city(), &rows, now()).layout(now());
    let cases: [(&str, &[&str]); 5] = [
        ("inside", &["c", "w1"]),
        ("border", &["c", "w1"]),
        ("corner", &["c", "w1"]),
        ("both", &["c", "w0-overlaps-w2"]),
        ("outside", &[]),
    ];
    for (site, expected) in cases {
        assert_eq!(areas_of(&layout, site), expected, "{site}");
    }
}

#[test]
fn bays_of_a_site_lie_together_and_one_layout_serves_until_something_changes() {
    let bay = |id: &str, site: &str| here(json!({"kind": "bay", "id": id, "site": site}));
    let rows = [site("s2", 1.0, 1.0), site("s1", 1.0, 1.0), bay("a", "s2"), bay("b", "s1"), bay("c", "s2")];
    let registry = import(&city(), &rows, now());
    let layout = registry.layout(now());
    let second = &layout.sites[layout.site_by_id["s2"]];
    let ids: Vec<_> = layout.bays[second.bays.clone()].iter().map(|bay| bay.id.as_str()).collect();
    assert_eq!((ids, second.is_counter()), (vec!["a", "c"], false));
    assert!(Arc::ptr_eq(&layout, &registry.layout(at("1999-01-01T00:00:00Z"))));
    let next = import(&registry, &[bay("d", "s1")], now());
    assert_ne!(next.layout(now()).generation, layout.generation);
}

#[test]
fn the_span_of_a_layout_ends_where_the_next_version_begins() {
    let first = import(&city(), &[site("s", 1.0, 1.0)], now());
    let moved = import(&first, &[site("s", 2.0, 2.0)], now());
    let (before, after) = (moved.layout(at("2020-01-01T00:00:00Z")), moved.layout(now()));
    assert_eq!((before.valid_to, after.valid_from), (Some(now()), Some(now())));
    assert_eq!((before.sites[0].point.x(), after.sites[0].point.x()), (1.0, 2.0));
}

#[test]
fn a_bay_is_closed_when_it_or_its_site_is() {
    let closed = |from: &str, to: &str| json!([{"from": from, "to": to, "reason": "Tết"}]);
    let rows = [
        here(json!({"kind": "site", "id": "s", "closed": closed("2026-02-16", "2026-02-20")})),
        here(json!({"kind": "bay", "id": "b", "site": "s", "closed": closed("2026-03-01", "2026-03-02")})),
    ];
    let layout = import(&city(), &rows, now()).layout(now());
    let reason = |instant: &str| layout.closure_of_bay(0, at(instant)).map(|closure| closure.reason.as_str());
    assert_eq!(reason("2026-02-15T16:59:59Z"), None);
    assert_eq!(reason("2026-02-15T17:00:00Z"), Some("Tết"));
    assert_eq!(reason("2026-02-19T17:00:00Z"), None);
    assert_eq!(reason("2026-03-01T12:00:00+07:00"), Some("Tết"));
}

#[test]
#[ignore = "a measurement: run it with --ignored --nocapture"]
fn a_million_bays_lay_out_in_seconds() {
    let wards = (0..126).map(|i| square(&format!("w{i}"), "ward", f64::from(i % 14), f64::from(i / 14), 1.0));
    let sites = (0..20_000).map(|i| site(&format!("s{i}"), f64::from(i % 1399) / 100.0, f64::from(i % 897) / 100.0));
    let bays =
        (0..1_000_000).map(|i| here(json!({"kind": "bay", "id": format!("s{}-{i}", i / 50), "site": format!("s{}", i / 50)})));
    let bytes = file(&wards.chain(sites).chain(bays).collect::<Vec<_>>());
    use crate::time::Clock;
    let clock = crate::time::SystemClock::new(|_| Box::pin(std::future::ready(())));
    let time =
        |what: &str, since: std::time::Duration| assert!(clock.elapsed() - since < std::time::Duration::from_secs(60), "{what}");
    let mut marks = vec![("start", clock.elapsed())];
    let (edit, _) = Edit::parse_geojson(&bytes, &city(), now());
    marks.push(("judged", clock.elapsed()));
    let (registry, changes) = city().apply(&edit.expect("taken"), now());
    marks.push(("applied", clock.elapsed()));
    assert_eq!(changes.len(), 1_020_126);
    assert_eq!(registry.layout(now()).bays.len(), 1_000_000);
    marks.push(("laid out", clock.elapsed()));
    let spans: Vec<String> =
        marks.windows(2).map(|pair| format!("{} {} ms", pair[1].0, (pair[1].1 - pair[0].1).as_millis())).collect();
    time(&spans.join(", "), marks[0].1);
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(&mut out, format!("{}\n", spans.join(", ")).as_bytes()).expect("stdout is open");
}

#[test]
fn areas_of_an_instant_are_those_of_its_layout() {
    let rows = [square("w1", "ward", 0.0, 0.0, 1.0), square("c", "city", 0.0, 0.0, 3.0)];
    let registry = import(&city(), &rows, now());
    let registry = import(&registry, &[square("w2", "ward", 1.0, 0.0, 1.0)], now());
    for instant in [now(), at("1999-01-01T00:00:00Z")] {
        let ids = |areas: &[Area]| areas.iter().map(|area| area.id.to_string()).collect::<Vec<_>>();
        let found: Vec<Area> = registry.areas_at(instant).iter().map(|area| Area::clone(area)).collect();
        assert_eq!(ids(&found), ids(&registry.layout(instant).areas), "{instant}");
    }
}
