//! The Aarhus garages, shifted so that their last row is now: live in `near`, clamped there and raw in the readings.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Read as _;

use serde_json::{Value, json};
use tests::{Server, server, shared};

use super::journey::settle;

/// Places near the centre of Aarhus, one beside the other: the file has no coordinates.
const CENTRE: (f64, f64) = (56.1567, 10.2108);

#[test]
fn the_garages_show_in_near_clamped_there_and_raw_in_their_readings() -> anyhow::Result<()> {
    let Some(file) = shared::file("parking/aarhus_parking_2014.csv.gz") else { return Ok(()) };
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(&file)?).read_to_string(&mut text)?;
    let rows: Vec<BTreeMap<String, String>> =
        csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>()?;
    let number = |row: &BTreeMap<String, String>, column: &str| -> i64 { row[column].parse().expect("a number") };
    let capacities: BTreeMap<&str, i64> =
        rows.iter().map(|row| (row["garagecode"].as_str(), number(row, "totalspaces"))).collect();
    assert_eq!(capacities.len(), 8);

    let server = Server::start()?;
    let posted = server.api().post("/v1/registry", "application/geo+json", registry(&capacities).to_string().as_bytes())?;
    assert_eq!(posted.status, 200, "{}", posted.body);
    let output = server::run(
        &["replay", &file.to_string_lossy(), "--speed", "max", "--shift-to-now", "--broker", &server.mqtt_url()],
        &[],
    )?;
    assert!(output.status.success(), "{output:?}");
    settle(&server, rows.len() as u64)?;

    let (lat, lon) = CENTRE;
    let near = server.api().get(&format!("/v1/parking/near?lat={lat}&lon={lon}&radius_m=5000&min_free=0&limit=200"))?;
    let items = near["items"].as_array().expect("a list");
    assert_eq!(items.len(), 8, "{near}");
    let last: BTreeMap<&str, &BTreeMap<String, String>> = rows.iter().map(|row| (row["garagecode"].as_str(), row)).collect();
    for item in items {
        let id = item["id"].as_str().expect("an id");
        let free = number(last[id], "totalspaces") - number(last[id], "vehiclecount");
        assert_eq!(item["free"].as_i64(), Some(free.clamp(0, capacities[id])), "{id}");
        assert_eq!(item["capacity"].as_i64(), Some(capacities[id]), "{id}");
        assert_eq!(item["stale"], json!(false), "{id}");
    }

    // Of the rows that share a garage and a moment the first counts: the file has such, some of them with another number.
    let mut firsts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let (mut duplicates, mut conflicts) = (0, 0);
    for row in &rows {
        let free = number(row, "totalspaces") - number(row, "vehiclecount");
        match firsts.entry((&row["garagecode"], &row["updatetime"])) {
            Entry::Vacant(free_place) => drop(free_place.insert(free)),
            Entry::Occupied(first) if *first.get() == free => duplicates += 1,
            Entry::Occupied(_) => conflicts += 1,
        }
    }
    let ledger = server.api().ledger()?;
    assert!(ledger.adds_up(), "{ledger:?}");
    assert_eq!((ledger.accepted, ledger.duplicate, ledger.rejected("conflict")), (firsts.len() as u64, duplicates, conflicts));
    let mut negative = 0;
    for id in capacities.keys() {
        let items = server.api().readings(id)?;
        negative += items.iter().filter(|item| item["free"].as_i64().is_some_and(|free| free < 0)).count();
    }
    assert_eq!(negative, firsts.values().filter(|free| **free < 0).count(), "more vehicles than places, as the file says");
    Ok(())
}

fn registry(capacities: &BTreeMap<&str, i64>) -> Value {
    let features: Vec<Value> = capacities
        .iter()
        .enumerate()
        .map(|(place, (id, capacity))| {
            json!({
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [CENTRE.1 + place as f64 * 0.001, CENTRE.0]},
                "properties": {"kind": "site", "id": id, "site_kind": "lot", "capacity": capacity, "heartbeat_s": 3600}
            })
        })
        .collect();
    json!({"type": "FeatureCollection", "features": features})
}
