//! Every row of a file gets a verdict, and one refused row refuses the file.

use super::*;

fn refusal(registry: &Registry, features: &[Value]) -> (usize, String, String) {
    let (edit, verdicts) = judge(registry, features, now());
    assert!(edit.is_none(), "taken: {verdicts:?}");
    let row = verdicts.iter().find(|row| row.verdict == Verdict::Refused).unwrap_or_else(|| panic!("not refused: {verdicts:?}"));
    (row.row, row.field.clone().expect("a refusal names the field"), row.detail.clone().expect("and the reason"))
}

fn kinds(verdicts: &[RowVerdict]) -> Vec<Verdict> {
    verdicts.iter().map(|row| row.verdict).collect()
}

fn site(id: &str) -> Value {
    here(json!({ "kind": "site", "id": id }))
}

#[test]
fn required_is_little_and_the_rest_has_defaults() {
    let rows = [
        site("s"),
        here(json!({"kind": "bay", "id": "b", "site": "s"})),
        here(json!({"kind": "station", "id": "a", "class": "reference"})),
    ];
    let registry = import(&city(), &rows, now());
    let site = &registry.sites.at("s", now()).expect("imported").object;
    assert_eq!((site.name.as_str(), site.vehicle, site.heartbeat_s, site.kind), ("s", Vehicle::Car, 3600, SiteKind::Street));
    let bay = &registry.bays.at("b", now()).expect("imported").object;
    assert_eq!((bay.heartbeat_s, bay.min_dwell_s, bay.features.len()), (None, 0, 0));
    assert_eq!(registry.stations.at("a", now()).expect("imported").object.interval_s, 60);
}

#[test]
fn one_refused_row_refuses_the_file_and_the_others_still_have_their_verdict() {
    let rows = [site("s"), here(json!({"kind": "bay", "id": "b"})), here(json!({"kind": "bay", "id": "c", "site": "s"}))];
    let (edit, verdicts) = judge(&city(), &rows, now());
    assert!(edit.is_none());
    assert_eq!(kinds(&verdicts), [Verdict::Added, Verdict::Refused, Verdict::Added]);
    assert_eq!((verdicts[1].id.as_deref(), verdicts[1].field.as_deref()), (Some("b"), Some("site")));
}

#[test]
fn the_same_file_again_is_unchanged_and_no_edit() {
    let rows = [here(json!({"kind": "site", "id": "s", "owner": "city"})), here(json!({"kind": "bay", "id": "b", "site": "s"}))];
    let (_, verdicts) = judge(&city(), &rows, now());
    assert_eq!(kinds(&verdicts), [Verdict::Warned, Verdict::Added]);
    let registry = import(&city(), &rows, now());
    let (edit, verdicts) = judge(&registry, &rows, at("2027-01-01T00:00:00Z"));
    assert!(edit.is_none());
    assert_eq!(kinds(&verdicts), [Verdict::Unchanged, Verdict::Unchanged]);
    let changed = [here(json!({"kind": "bay", "id": "b", "site": "s", "max_stay_min": 60}))];
    assert_eq!(kinds(&judge(&registry, &changed, now()).1), [Verdict::Changed]);
}

#[test]
fn an_unknown_property_is_kept_and_told() {
    let registry = import(&city(), &[here(json!({"kind": "site", "id": "s", "owner": {"name": "Sở GTVT"}}))], now());
    let site = &registry.sites.at("s", now()).expect("imported").object;
    assert_eq!(site.extra.get("owner"), Some(&json!({"name": "Sở GTVT"})));
    let text = String::from_utf8(registry.export(None)).expect("JSON is UTF-8");
    assert!(text.contains("Sở GTVT"), "{text}");
}

#[test]
fn a_misspelt_property_is_told_beside_the_one_that_is_missing_for_it() {
    let cases = [
        (json!({"kind": "bay", "id": "x", "site_id": "s"}), "\"site_id\" is unknown, did you mean \"site\"?"),
        (json!({"kind": "bay", "id": "x", "road": "s", "owner": "y"}), "\"road\" is unknown; property \"owner\" is unknown"),
        (json!({"kind": "station", "id": "x", "Class": "reference"}), "did you mean \"class\"?"),
        (json!({"Kind": "site", "id": "x"}), "did you mean \"kind\"?"),
        (json!({"kind": "device", "id": "x", "bindings": [{"targets": "s"}]}), "did you mean \"target\"?"),
    ];
    for (properties, told) in cases {
        let (_, _, detail) = refusal(&city(), &[here(properties.clone())]);
        assert!(detail.starts_with("is missing") && detail.contains(told), "{properties}: {detail}");
    }
}

#[test]
fn an_unknown_property_that_is_like_a_known_one_is_warned_of_with_it() {
    let (_, verdicts) = judge(&city(), &[here(json!({"kind": "site", "id": "s", "heartbeat": 60}))], now());
    assert_eq!((kinds(&verdicts), verdicts[0].field.as_deref()), (vec![Verdict::Warned], Some("heartbeat")));
    let detail = verdicts[0].detail.as_deref().unwrap_or_default();
    assert_eq!(detail, "property \"heartbeat\" is unknown and kept, did you mean \"heartbeat_s\"?");
}

#[test]
fn a_wrong_property_is_refused_by_its_name() {
    let cases = [
        (json!({"id": "x"}), "kind"),
        (json!({"kind": "tree", "id": "x"}), "kind"),
        (json!({"kind": "site"}), "id"),
        (json!({"kind": "site", "id": "a b"}), "id"),
        (json!({"kind": "site", "id": 7}), "id"),
        (json!({"kind": "bay", "id": "x"}), "site"),
        (json!({"kind": "bay", "id": "x", "site": "nowhere"}), "site"),
        (json!({"kind": "station", "id": "x"}), "class"),
        (json!({"kind": "station", "id": "x", "class": "cheap"}), "class"),
        (json!({"kind": "station", "id": "x", "class": "reference", "measures": ["pm3"]}), "measures"),
        (json!({"kind": "station", "id": "x", "class": "reference", "interval_s": 0}), "interval_s"),
        (json!({"kind": "site", "id": "x", "name": 1}), "name"),
        (json!({"kind": "site", "id": "x", "names": {"vi": 1}}), "names.vi"),
        (json!({"kind": "site", "id": "x", "names": {"Tiếng Việt": "x"}}), "names"),
        (json!({"kind": "site", "id": "x", "heartbeat_s": 0}), "heartbeat_s"),
        (json!({"kind": "site", "id": "x", "heartbeat_s": "60"}), "heartbeat_s"),
        (json!({"kind": "site", "id": "x", "capacity": -1}), "capacity"),
        (json!({"kind": "site", "id": "x", "capacity": 1.5}), "capacity"),
        (json!({"kind": "site", "id": "x", "vehicle": "boat"}), "vehicle"),
        (json!({"kind": "site", "id": "x", "site_kind": "garage"}), "site_kind"),
        (json!({"kind": "site", "id": "x", "opening_hours": 24}), "opening_hours"),
        (json!({"kind": "site", "id": "x", "price": "20000"}), "price"),
        (json!({"kind": "site", "id": "x", "price": {"currency": "dong"}}), "price.currency"),
        (json!({"kind": "site", "id": "x", "price": {"rules": [1]}}), "price.rules"),
        (json!({"kind": "site", "id": "x", "closed": [{"from": "soon"}]}), "closed[0].from"),
        (json!({"kind": "site", "id": "x", "closed": [{"from": "2026-01-02", "to": "2026-01-01"}]}), "closed[0].to"),
        (json!({"kind": "site", "id": "x", "valid_from": "01/07/2025"}), "valid_from"),
        (json!({"kind": "site", "id": "x", "valid_from": "2025-07-01", "valid_to": "2025-07-01"}), "valid_to"),
        (json!({"kind": "device", "id": "x", "status": "broken"}), "status"),
        (json!({"kind": "device", "id": "x", "bindings": [{}]}), "bindings[0].target"),
        (json!({"kind": "device", "id": "x", "bindings": [{"target": "nowhere"}]}), "bindings[0].target"),
    ];
    for (properties, field) in cases {
        let (_, named, detail) = refusal(&city(), &[here(properties.clone())]);
        assert_eq!(named, field, "{properties}: {detail}");
    }
}

#[test]
fn a_wrong_geometry_is_refused_with_its_reason() {
    let site = json!({"kind": "site", "id": "x"});
    let area = json!({"kind": "area", "id": "x"});
    let point = |x: Value, y: Value| json!({"type": "Point", "coordinates": [x, y]});
    let cases = [
        (site.clone(), Value::Null, "missing"),
        (site.clone(), json!({"type": "MultiPoint", "coordinates": []}), "MultiPoint"),
        (site.clone(), point(json!(200), json!(21)), "longitude 200"),
        (site.clone(), point(json!(21.0), json!(105.8)), "latitude 105.8"),
        (site.clone(), point(json!("105"), json!(21)), "position"),
        (site.clone(), json!({"type": "LineString", "coordinates": [[105, 21]]}), "two positions"),
        (area.clone(), point(json!(105), json!(21)), "Point"),
        (area.clone(), json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}), "three different"),
        (area, json!({"type": "MultiPolygon", "coordinates": []}), "nothing"),
        (
            json!({"kind": "station", "id": "x", "class": "reference"}),
            json!({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}),
            "Point",
        ),
    ];
    for (properties, geometry, reason) in cases {
        let (_, field, detail) = refusal(&city(), &[feature(properties, geometry.clone())]);
        assert!(field == "geometry" && detail.contains(reason), "{geometry}: {detail}");
    }
}

#[test]
fn a_ring_that_turns_the_other_way_is_taken_and_one_that_is_open_or_crosses_itself_is_told() {
    let ring = |corners: Value| {
        feature(json!({"kind": "area", "id": "x", "level": "ward"}), json!({"type": "Polygon", "coordinates": [corners]}))
    };
    for turned in [json!([[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]), json!([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])] {
        let (edit, verdicts) = judge(&city(), &[ring(turned)], now());
        assert!(edit.is_some() && kinds(&verdicts) == [Verdict::Added], "{verdicts:?}");
    }
    for (odd, why) in [
        (json!([[0, 0], [0, 1], [1, 1], [1, 0]]), "does not end where it begins"),
        (json!([[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]), "self"),
    ] {
        let (edit, verdicts) = judge(&city(), &[ring(odd)], now());
        assert!(edit.is_some() && kinds(&verdicts) == [Verdict::Warned], "{verdicts:?}");
        assert_eq!(verdicts[0].field.as_deref(), Some("geometry"));
        assert!(verdicts[0].detail.as_ref().is_some_and(|detail| detail.contains(why)), "{verdicts:?}");
    }
}

#[test]
fn what_is_odd_is_taken_and_told_by_its_field() {
    let price = |rule: Value| json!({"kind": "site", "id": "x", "price": {"rules": [{"amount": 1}, rule]}});
    let cases = [
        (json!({"kind": "site", "id": "x", "opening_hours": "always, except sometimes"}), "opening_hours"),
        (json!({"kind": "site", "id": "x", "opening_hours": "Mo-Fr 25:99-x"}), "opening_hours"),
        (json!({"kind": "site", "id": "x", "owner": "city"}), "owner"),
        (json!({"kind": "site", "id": "x", "price": {"vat": 8}}), "price.vat"),
        (price(json!({"amount": 1, "per_hour": 1})), "price.rules[1].per_hour"),
        (price(json!({"amount": 1, "per_min": 0})), "price.rules[1].per_min"),
        (price(json!({"amount": 1, "days": "weekdays"})), "price.rules[1].days"),
        (price(json!({"amount": 1, "from": "7am"})), "price.rules[1].from"),
        (price(json!({"amount": 1, "to": 22})), "price.rules[1].to"),
        (price(json!({"amount": -1})), "price.rules[1].amount"),
        (price(json!({"per_min": 60})), "price.rules[1].amount"),
        (price(json!({"amount": 1, "max": "a lot"})), "price.rules[1].max"),
    ];
    for (properties, field) in cases {
        let (edit, verdicts) = judge(&city(), &[here(properties.clone())], now());
        assert!(edit.is_some() && kinds(&verdicts) == [Verdict::Warned], "{properties}: {verdicts:?}");
        assert_eq!(verdicts[0].field.as_deref(), Some(field), "{verdicts:?}");
        assert!(verdicts[0].detail.as_ref().is_some_and(|detail| detail.contains(field)), "{verdicts:?}");
    }
    for hours in ["24/7", "Mo-Fr 07:00-22:00; Sa,Su off", "Mo-Su 06:00-22:00"] {
        let (_, verdicts) = judge(&city(), &[here(json!({"kind": "site", "id": "x", "opening_hours": hours}))], now());
        assert_eq!(kinds(&verdicts), [Verdict::Added], "{verdicts:?}");
    }
}

#[test]
fn a_site_has_bays_or_a_counter_never_both() {
    let counter = here(json!({"kind": "site", "id": "s", "capacity": 40}));
    let bay = here(json!({"kind": "bay", "id": "b", "site": "s"}));
    assert_eq!(refusal(&city(), &[counter.clone(), bay.clone()]).1, "capacity");
    let lot = import(&city(), std::slice::from_ref(&counter), now());
    assert_eq!(refusal(&lot, std::slice::from_ref(&bay)).1, "site");
    let street = import(&city(), &[site("s"), bay], now());
    assert_eq!(refusal(&street, &[counter]).1, "capacity");
}

#[test]
fn areas_name_a_known_level_and_a_parent_above_them() {
    let area = |id: &str, level: &str, parent: Value| {
        let ring = json!({"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]});
        feature(json!({"kind": "area", "id": id, "level": level, "parent": parent}), ring)
    };
    let none = Value::Null;
    assert_eq!(refusal(&city(), &[area("a", "province", none.clone())]).1, "level");
    assert_eq!(refusal(&city(), &[area("a", "ward", json!("b"))]).1, "parent");
    assert_eq!(refusal(&city(), &[area("a", "ward", json!("b")), area("b", "ward", none.clone())]).1, "parent");
    let circle = [area("a", "ward", json!("b")), area("b", "district", json!("a"))];
    assert!(refusal(&city(), &circle).2.contains("itself"));
    import(&city(), &[area("a", "ward", json!("b")), area("b", "city", none)], now());
}

#[test]
fn an_id_stands_once_in_a_file_and_bindings_of_a_device_do_not_overlap() {
    assert_eq!(refusal(&city(), &[site("s"), site("s")]).0, 2);
    let device = |bindings: Value| feature(json!({"kind": "device", "id": "d", "bindings": bindings}), Value::Null);
    let twice = json!([{"target": "s", "to": "2026-01-02"}, {"target": "s", "from": "2026-01-01"}]);
    assert_eq!(refusal(&city(), &[site("s"), device(twice)]).1, "bindings[1].from");
    let swapped = json!([{"target": "s", "to": "2026-01-01"}, {"target": "s", "from": "2026-01-01"}]);
    import(&city(), &[site("s"), device(swapped)], now());
}

#[test]
fn what_is_no_collection_is_refused_as_a_file() {
    for text in [
        "",
        "[]",
        "{\"type\":\"Feature\"}",
        "{\"type\":\"Topology\",\"features\":[]}",
        "{\"type\":\"FeatureCollection\",\"features\":[{]}",
    ] {
        let (edit, verdicts) = Edit::parse_geojson(text.as_bytes(), &city(), now());
        assert!(
            edit.is_none() && verdicts.len() == 1 && verdicts[0].row == 0 && verdicts[0].verdict == Verdict::Refused,
            "{text}"
        );
    }
    for odd in [json!(1), json!({}), json!({"type": "Feature"}), json!({"type": "Feature", "properties": []})] {
        assert_eq!(refusal(&city(), &[odd]).0, 1);
    }
}
