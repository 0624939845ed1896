//! The registry: imported while running and while stopped, judged row by row, exported as it was imported.

use serde_json::{Value, json};
use tests::publisher::parking;
use tests::{Publisher, Server};

use super::journey::settle;

#[test]
fn a_registry_comes_by_command_into_a_stopped_data_dir_and_out_again() -> anyhow::Result<()> {
    let mut server = Server::stopped("serve", &[])?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("registry.geojson");
    std::fs::write(&file, small_city().to_string())?;
    let file = file.to_string_lossy();
    let imported = server.run(&["registry", "import", &file])?;
    assert!(imported.status.success(), "{imported:?}");
    let exported: Value = serde_json::from_str(&server.run(&["registry", "export"])?.stdout)?;
    assert_eq!(exported["features"].as_array().map(Vec::len), Some(5));
    server.restart()?;
    let bays = server.api().list("/v1/parking/bays?site=hang-bac")?;
    assert_eq!(bays.len(), 2);
    assert_eq!(bays[0]["state"], "unknown");
    Ok(())
}

#[test]
fn an_import_into_a_stopped_data_dir_is_audited_and_a_dry_run_changes_and_makes_nothing() -> anyhow::Result<()> {
    let server = Server::stopped("serve", &[])?;
    let file = server.data_dir().with_file_name("city.geojson");
    std::fs::write(&file, small_city().to_string())?;
    let file = file.to_string_lossy();
    let judged = server.run(&["registry", "import", "--dry-run", &file])?;
    assert!(judged.status.success() && judged.stdout.contains("5 added"), "{judged:?}");
    assert!(!server.data_dir().exists());
    assert!(server.run(&["registry", "import", &file])?.status.success());
    assert!(server.run(&["registry", "import", "--dry-run", &file])?.stdout.contains("5 unchanged"));
    let audit = server.run(&["audit"])?.stdout;
    let acts: Vec<_> = audit.lines().filter(|line| line.contains("registry import")).collect();
    assert!(acts.len() == 1 && acts[0].contains(&*file) && acts[0].contains("5 added, 0 changed"), "{audit}");
    assert!(acts[0].contains("uid "), "{audit}");
    Ok(())
}

#[test]
fn a_dry_run_says_what_each_row_would_become_and_changes_nothing() -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut city = small_city();
    city["features"][2]["properties"]["site"] = json!("nowhere");
    let path = "/v1/registry?dry_run=true";
    let answer = server.api().post(path, "application/geo+json", city.to_string().as_bytes())?.json()?;
    let refused: Vec<_> = answer["rows"].as_array().expect("rows").iter().filter(|row| row["verdict"] == "refused").collect();
    assert_eq!(refused.len(), 1, "{answer}");
    assert_eq!((refused[0]["row"].as_u64(), refused[0]["field"].as_str()), (Some(3), Some("site")));
    assert!(server.api().list("/v1/parking/sites")?.is_empty());
    let is_act = || anyhow::Ok(server.run(&["audit"])?.stdout.contains("importRegistry"));
    assert!(!is_act()?, "a dry run is none");
    server.api().post("/v1/registry", "application/geo+json", city.to_string().as_bytes())?;
    assert!(is_act()?, "what is refused was tried");
    Ok(())
}

#[test]
fn a_registered_bay_is_live_and_all_places_of_a_site_add_up_to_its_capacity() -> anyhow::Result<()> {
    let server = Server::start()?;
    let posted = server.api().post("/v1/registry", "application/geo+json", small_city().to_string().as_bytes())?;
    assert_eq!(posted.status, 200, "{}", posted.body);
    let now_ms = jiff::Timestamp::now().as_millisecond();
    Publisher::new(server.mqtt(), "one").publish(&[parking("hb-1", now_ms, "vacant")]);
    settle(&server, 1)?;
    let site = server.api().get("/v1/parking/sites/hang-bac")?;
    let count = |name: &str| site[name].as_u64().unwrap_or_default();
    assert_eq!((count("free"), count("occupied"), count("unknown"), count("closed")), (1, 0, 1, 0), "{site}");
    assert_eq!(count("capacity"), 2);
    Ok(())
}

pub fn small_city() -> Value {
    let feature = |properties: Value, geometry: Value| json!({"type": "Feature", "properties": properties, "geometry": geometry});
    let point = |lon: f64, lat: f64| json!({"type": "Point", "coordinates": [lon, lat]});
    let ring = json!([[[105.84, 21.02], [105.87, 21.02], [105.87, 21.05], [105.84, 21.05], [105.84, 21.02]]]);
    json!({"type": "FeatureCollection", "features": [
        feature(json!({"kind": "area", "id": "hoan-kiem", "name": "Hoàn Kiếm", "level": "ward"}), json!({"type": "Polygon", "coordinates": ring})),
        feature(json!({"kind": "site", "id": "hang-bac", "name": "Hàng Bạc", "site_kind": "street"}),
                json!({"type": "LineString", "coordinates": [[105.8510, 21.0338], [105.8530, 21.0341]]})),
        feature(json!({"kind": "bay", "id": "hb-1", "site": "hang-bac"}), point(105.8512, 21.0338)),
        feature(json!({"kind": "bay", "id": "hb-2", "site": "hang-bac"}), point(105.8520, 21.0339)),
        feature(json!({"kind": "station", "id": "hoan-kiem-air", "class": "indicative"}), point(105.8525, 21.0287)),
    ]})
}
