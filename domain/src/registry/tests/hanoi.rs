//! The 126 wards and communes of Hanoi since 2025-07-01, where the shared recordings are at hand; skipped with a word otherwise.

use std::path::PathBuf;

use super::*;

/// `KERBSIDE_SHARED`, or `../shared` beside the workspace.
fn shared(path: &str) -> Option<Vec<u8>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("KERBSIDE_SHARED").map_or_else(beside, PathBuf::from);
    std::fs::read(folder.join(path)).ok()
}

fn skip(reason: &str) {
    let line = format!("skipped: {reason}\n");
    std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes()).expect("stderr is open");
}

#[test]
fn a_point_lies_in_the_ward_that_the_map_says() {
    let Some(bytes) = shared("data/geo/hanoi_wards_2025.geojson") else {
        return skip("no hanoi_wards_2025.geojson under KERBSIDE_SHARED or ../shared");
    };
    let wards: Value = serde_json::from_slice(&bytes).expect("the file is JSON");
    let mut rows: Vec<Value> = Vec::new();
    for ward in wards["features"].as_array().expect("a collection") {
        let properties = &ward["properties"];
        let (id, name) = (&properties["code"], &properties["name"]);
        let own = json!({"kind": "area", "id": id, "name": name, "level": "ward", "valid_from": "2025-07-01"});
        rows.push(feature(own, ward["geometry"].clone()));
    }
    assert_eq!(rows.len(), 126);
    let places = [
        ("us-embassy", 105.818806, 21.021939, "Ô Chợ Dừa"),
        ("nguyen-van-cu", 105.8831, 21.0491, "Bồ Đề"),
        ("hoan-kiem-lake", 105.8523, 21.0288, "Hoàn Kiếm"),
        ("noi-bai", 105.8072, 21.2212, "Nội Bài"),
    ];
    for (id, x, y, _) in places {
        rows.push(feature(
            json!({"kind": "station", "id": id, "class": "reference"}),
            json!({"type": "Point", "coordinates": [x, y]}),
        ));
    }
    let (edit, verdicts) = judge(&city(), &rows, now());
    assert!(verdicts.iter().all(|row| row.verdict == Verdict::Added), "{verdicts:?}");
    let registry = city().apply(&edit.expect("taken"), now()).0;
    let layout = registry.layout(now());
    assert_eq!(layout.areas.len(), 126);
    for (id, _, _, ward) in places {
        let names: Vec<_> =
            layout.stations[layout.station_by_id[id]].areas.iter().map(|&area| layout.areas[area].name.as_str()).collect();
        assert_eq!(names, [ward], "{id}");
    }
    assert!(registry.layout(at("2025-06-30T16:59:59Z")).areas.is_empty());
}
