//! Files in, files out: CSV becomes GeoJSON, and an export imports to the same registry again.

use proptest::prelude::*;

use super::*;

fn imported(bytes: &[u8], registry: &Registry) -> Registry {
    let (edit, verdicts) = Edit::parse_geojson(bytes, registry, now());
    registry.apply(&edit.unwrap_or_else(|| panic!("nothing to apply: {verdicts:?}")), now()).0
}

#[test]
fn a_spreadsheet_is_read_whatever_its_delimiter() {
    let comma = "kind,id,name,name:en,site,class,lon,lat,capacity,features,measures,price\n\
        site,lot,Bãi xe,Car park,,,105.85,21.03,40,,,\"20.000 đ, cả ngày\"\n\
        site,phố,,,,,105.85,21.03,,,,\n";
    let refused = Edit::parse_geojson(&geojson_from_csv(comma.as_bytes()).expect("a table"), &city(), now()).1;
    assert_eq!((refused[1].verdict, refused[1].field.as_deref()), (Verdict::Refused, Some("id")));

    let semicolon = "\u{feff}kind;id;name;name:en;site;class;lon;lat;capacity;features;measures\r\n\
        site;lot;Bãi xe;Car park;;;105.85;21.03;40;;\r\n\
        site;street;;;;;105.85;21.03;;;\r\n\
        bay;b1;;;street;;105.85;21.03;;\"ev;accessible\";\r\n\
        station;a1;;;;reference;105.85;21.03;;;\"pm25;pm10\"\r\n";
    let registry = imported(&geojson_from_csv(semicolon.as_bytes()).expect("a table"), &city());
    let lot = &registry.sites.at("lot", now()).expect("imported").object;
    assert_eq!(
        (lot.capacity, lot.names.get("en").map(String::as_str), lot.name.as_str()),
        (Some(40), Some("Car park"), "Bãi xe")
    );
    assert_eq!(registry.bays.at("b1", now()).expect("imported").object.features, [Feature::Accessible, Feature::Ev]);
    assert_eq!(registry.stations.at("a1", now()).expect("imported").object.measures.len(), 2);
    let tab = semicolon.replace("\"ev;accessible\"", "ev").replace("\"pm25;pm10\"", "pm25").replace(';', "\t");
    imported(&geojson_from_csv(tab.as_bytes()).expect("a table"), &city());
}

#[test]
fn a_wrong_cell_is_refused_by_row_and_column() {
    let cases = [
        ("kind,id,lon,lat\nsite,a,105,21\nsite,b,east,21\n", 2, "lon"),
        ("kind,id,lon,lat\nsite,a,105,\n", 1, "lat"),
        ("kind,id\nsite,a,b\n", 1, "row"),
        ("kind,id,closed\nsite,a,[{\n", 1, "closed"),
        ("kind,name\nsite,a\n", 0, "header"),
        ("kind,id,id\nsite,a,a\n", 0, "header"),
        ("", 0, "header"),
    ];
    for (text, row, field) in cases {
        let refusals = geojson_from_csv(text.as_bytes()).expect_err(text);
        assert_eq!((refusals[0].row, refusals[0].field.as_deref()), (row, Some(field)), "{text}");
    }
    let number = geojson_from_csv(b"kind,id,lon,lat,capacity\nsite,a,105,21,many\n").expect("a table");
    let (_, verdicts) = Edit::parse_geojson(&number, &city(), now());
    assert_eq!(verdicts[0].field.as_deref(), Some("capacity"));
}

#[test]
fn an_export_at_an_instant_holds_what_held_then() {
    let site = |name: &str| here(json!({"kind": "site", "id": "s", "name": name}));
    let registry = import(&import(&city(), &[site("old")], now()), &[site("new")], now());
    let text = String::from_utf8(registry.export(Some(at("2020-01-01T00:00:00Z")))).expect("JSON is UTF-8");
    assert!(
        text.contains("old") && !text.contains("new") && text.contains("\"valid_to\":\"2026-11-24T10:00:00+07:00\""),
        "{text}"
    );
}

/// Rich rows of every kind, with or without dates, in random order.
fn rows() -> impl Strategy<Value = Vec<Value>> {
    let date = || proptest::option::of((2020..2026i32).prop_map(|year| format!("{year}-07-01")));
    let row = (0..5usize, 0..4u8, any::<u8>(), date()).prop_map(|(kind, id, flavour, from)| {
        let extra = (flavour % 7 == 0).then(|| json!({"a": [1, 2.5, "ế"]}));
        let price = (flavour % 3 == 0).then(|| json!({"currency": "VND", "rules": [{"per_min": 60}], "text": "20.000 đ"}));
        let closed = json!([{"from": "2026-02-01", "to": "2026-02-05T12:00:00.000001+07:00", "reason": "Tết"}]);
        let square = json!({"type": "Polygon", "coordinates": [[[105.1, 21.0], [105.2, 21.0], [105.2, 21.123456789012345], [105.1, 21.0]]]});
        let line = json!({"type": "LineString", "coordinates": [[105.1, 21.0], [105.2, 21.00000001]]});
        let (properties, geometry) = match kind {
            0 => (json!({"kind": "area", "id": format!("a{id}"), "level": "ward", "names": {"en": "x"}}), square),
            1 => (json!({"kind": "site", "id": format!("s{id}"), "price": price, "closed": closed, "heartbeat_s": 1 + u32::from(flavour)}), line),
            2 => (json!({"kind": "bay", "id": format!("b{id}"), "site": "s", "features": ["ev"], "min_dwell_s": flavour}), json!({"type": "Point", "coordinates": [105.3, -0.1]})),
            3 => (json!({"kind": "station", "id": format!("t{id}"), "class": "reference", "measures": ["pm25"]}), json!({"type": "Point", "coordinates": [105.3, 1e-7]})),
            _ => (json!({"kind": "device", "id": format!("d{id}"), "bindings": [{"target": "s-lot", "channel": "1", "to": "2026-01-01"}]}), Value::Null),
        };
        let mut one = feature(properties, geometry);
        one["properties"]["valid_from"] = json!(from);
        one["properties"]["x"] = json!(extra);
        one
    });
    proptest::collection::vec(row, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn an_export_imports_to_the_same_registry(files in proptest::collection::vec(rows(), 1..4)) {
        let base = [here(json!({"kind": "site", "id": "s"})), here(json!({"kind": "site", "id": "s-lot", "capacity": 3}))];
        let mut registry = import(&city(), &base, at("2019-01-01T00:00:00Z"));
        for (day, rows) in files.into_iter().enumerate() {
            // A file with an object twice from one date is refused whole: then it changes nothing.
            let instant = now().plus(std::time::Duration::from_secs(86_400 * day as u64));
            if let (Some(edit), _) = judge(&registry, &rows, instant) {
                registry = registry.apply(&edit, instant).0;
            }
        }
        let exported = registry.export(None);
        prop_assert_eq!(&imported(&exported, &city()), &registry);
        let (edit, verdicts) = Edit::parse_geojson(&exported, &registry, now().plus(std::time::Duration::from_secs(10_000_000)));
        prop_assert!(edit.is_none(), "{:?}", verdicts);
        for (span, object) in registry.versions() {
            let text = encode_feature(span, &object);
            prop_assert_eq!(decode_feature(&text, registry.city()), Ok((span, object)));
        }
    }

    #[test]
    fn any_bytes_give_verdicts_and_no_panic(text in "\\PC{0,200}") {
        let _ = Edit::parse_geojson(text.as_bytes(), &city(), now());
        let _ = geojson_from_csv(text.as_bytes());
    }
}
