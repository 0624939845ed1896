//! What a city promises: the same bytes for the same seed, the counts asked for, everything inside its wards.

use super::*;

fn written(options: CityOptions) -> Vec<u8> {
    let mut bytes = Vec::new();
    City::new(options).expect("valid options").write_registry(&mut bytes).expect("memory");
    bytes
}

#[test]
fn one_seed_twice_gives_the_same_bytes_and_another_seed_others() {
    let of = |seed| written(CityOptions { seed, bays: 500, ..CityOptions::default() });
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}

#[test]
fn more_stations_move_no_street() {
    let of = |stations| City::new(CityOptions { stations, ..CityOptions::default() }).expect("valid options").sites;
    assert_eq!(of(1), of(40));
}

#[test]
fn a_city_has_the_bays_counters_and_stations_asked_for() {
    let city = City::new(CityOptions::default()).expect("valid options");
    assert_eq!((city.bays.len(), city.counters.len(), city.stations.len()), (2_000, 20, 12));
    assert!(city.counters.iter().any(|counter| counter.motorbikes) && city.counters.iter().any(|counter| !counter.motorbikes));
    assert!(city.sites.iter().any(|site| matches!(site.shape, Shape::Ring(_))));
    assert_eq!(city.sites.iter().map(|site| site.bay_count as usize).sum::<usize>(), 2_000);
    for (_, name) in Features::ALL {
        assert!(city.bays.iter().any(|bay| bay.features.names().any(|has| has == name)), "{name}");
    }
}

#[test]
fn everything_stands_inside_the_city() {
    let city = City::new(CityOptions::default()).expect("valid options");
    let (low, high) = (city.wards[0].ring[0], city.wards[city.wards.len() - 1].ring[2]);
    let inside = |point: &[f64; 2]| (0..2).all(|axis| low[axis] <= point[axis] && point[axis] <= high[axis]);
    assert!(city.bays.iter().all(|bay| inside(&bay.point)));
    assert!(city.counters.iter().all(|counter| inside(&counter.point)));
    assert!(city.stations.iter().all(|station| inside(&station.point)));
}

#[test]
fn the_streamed_registry_is_the_collection() {
    let options = CityOptions { bays: 300, ..CityOptions::default() };
    let streamed: geojson::GeoJson = serde_json::from_slice(&written(options.clone())).expect("valid GeoJSON");
    let collection = City::new(options).expect("valid options").registry();
    assert_eq!(streamed, geojson::GeoJson::FeatureCollection(collection));
}

#[test]
fn ids_are_unique_within_their_kind_and_every_parent_is_there() {
    let mut ids = std::collections::HashSet::new();
    let city = City::new(CityOptions { bays: 5_000, ..CityOptions::default() }).expect("valid options");
    for feature in city.features() {
        let text = |key: &str| feature.property(key).and_then(serde_json::Value::as_str).map(str::to_owned);
        let (kind, id) = (text("kind").expect("every feature has a kind"), text("id").expect("every feature has an id"));
        let parent = text("parent")
            .map(|parent| ("area".to_owned(), parent))
            .or_else(|| text("site").map(|site| ("site".to_owned(), site)));
        assert!(parent.is_none_or(|parent| ids.contains(&parent)), "{id}");
        assert!(ids.insert((kind, id.clone())), "{id}");
    }
}
