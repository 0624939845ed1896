//! The file gives the registry of any position back, whatever became of it later.

use std::path::PathBuf;

use domain::registry::Edit;
use domain::rng::Rng;
use serde_json::{Value, json};

use super::*;
use crate::registry::lake_rows;

fn at(second: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + second as i64 * 1_000_000)
}

/// A folder of its own for one test, empty.
fn path(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("kerbside-registry-{}-{test}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
    folder.join("registry.sqlite")
}

fn site(id: u8, name: &str, from: Option<&str>, to: Option<&str>) -> Value {
    let properties = json!({
        "kind": "site", "id": format!("s{id}"), "name": name, "valid_from": from, "valid_to": to, "owner": {"a": [1, null]},
        "closed": [{"from": "2026-02-01", "reason": "Tết"}]
    });
    json!({ "type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": [105.123456789, 21.0]} })
}

fn apply(registry: &Registry, features: &[Value], second: u64) -> Option<(Registry, Vec<Change>)> {
    let bytes = json!({ "type": "FeatureCollection", "features": features }).to_string();
    let (edit, _) = Edit::parse_geojson(bytes.as_bytes(), registry, at(second));
    edit.map(|edit| registry.apply(&edit, at(second)))
}

/// Each edit's position, the registry after it and what it changed.
fn history(edits: &[Vec<Value>]) -> Vec<(Position, Registry, Vec<Change>)> {
    let mut history: Vec<(Position, Registry, Vec<Change>)> = Vec::new();
    for (index, features) in edits.iter().enumerate() {
        let before = history.last().map_or_else(|| Registry::empty(CityOptions::default()), |(_, registry, _)| registry.clone());
        if let Some((registry, changes)) = apply(&before, features, index as u64) {
            history.push((Position(10 + 10 * index as u64), registry, changes));
        }
    }
    history
}

/// Up to seven files of one or two rows about three sites.
fn edits(rng: &mut Rng) -> Vec<Vec<Value>> {
    let mut some = |below: u64| rng.below(below);
    let date = |some: &mut dyn FnMut(u64) -> u64| (some(2) == 0).then(|| format!("{}-01-01", 2020 + some(10)));
    let row = |some: &mut dyn FnMut(u64) -> u64| {
        let (from, to) = (date(some), date(some));
        site(some(3) as u8, &format!("n{}", some(3)), from.as_deref(), to.as_deref())
    };
    (0..1 + some(7)).map(|_| (0..1 + some(2)).map(|_| row(&mut some)).collect()).collect()
}

#[test]
fn the_registry_of_every_position_comes_back_and_from_the_lake_too() {
    for seed in 0..24 {
        let history = history(&edits(&mut Rng::from_seed(seed)));
        let store = Store::create(&path("history"), Vec::new(), &CityOptions::default()).expect("created");
        for (position, _, changes) in &history {
            store.record(*position, changes).expect("recorded");
            store.record(*position, changes).expect("a second time changes nothing");
        }
        let rows = history.iter().flat_map(|(position, _, changes)| lake_rows(changes, *position)).collect();
        let restored = Store::create(&path("restored"), rows, &CityOptions::default()).expect("the lake's rows are whole");
        for (position, registry, _) in &history {
            for store in [&store, &restored] {
                for upto in [*position, Position(position.0 + 9)] {
                    let loaded = store.load(upto, registry.city()).expect("loaded");
                    assert_eq!(&loaded, registry, "seed {seed}, position {upto}");
                }
            }
        }
    }
}

#[test]
fn what_is_recorded_is_there_after_the_file_is_opened_again() {
    let path = path("reopened");
    let history = history(&[vec![site(1, "a", None, None)], vec![site(1, "b", None, None)]]);
    assert!(Store::open(&path).expect("readable").is_none(), "there is no file");
    let store = Store::create(&path, Vec::new(), &CityOptions::default()).expect("created");
    assert_eq!(store.newest().expect("readable"), Position::START);
    for (position, _, changes) in &history {
        store.record(*position, changes).expect("recorded");
    }
    drop(store);
    let store = Store::open(&path).expect("readable").expect("there");
    assert_eq!(store.newest().expect("readable"), Position(20));
    assert_eq!(store.load(Position(20), &CityOptions::default()).expect("loaded"), history[1].1);
    assert!(store.load(Position(9), &CityOptions::default()).expect("loaded").sites.is_empty());
}

#[test]
fn an_earlier_edit_that_is_not_recorded_is_refused() {
    let history = history(&[vec![site(1, "a", None, None)], vec![site(2, "b", None, None)]]);
    let store = Store::create(&path("order"), Vec::new(), &CityOptions::default()).expect("created");
    store.record(Position(20), &history[1].2).expect("recorded");
    let error = store.record(Position(10), &history[0].2).expect_err("out of order");
    assert!(matches!(error, StoreError::OutOfOrder { newest: Position(20), .. }), "{error}");
}

#[test]
fn an_edit_that_supersedes_what_is_not_there_leaves_the_file_as_it_was() {
    let history = history(&[vec![site(1, "a", None, None)], vec![site(1, "b", None, None)]]);
    let store = Store::create(&path("damaged"), Vec::new(), &CityOptions::default()).expect("created");
    let error = store.record(Position(20), &history[1].2).expect_err("the first edit is missing");
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    assert_eq!(store.newest().expect("readable"), Position::START);
}

#[test]
fn an_edit_without_changes_leaves_no_trace() {
    let history = history(&[vec![site(1, "a", None, None)], vec![site(2, "b", None, None)]]);
    let store = Store::create(&path("unchanged"), Vec::new(), &CityOptions::default()).expect("created");
    store.record(Position(30), &history[0].2).expect("recorded");
    store.record(Position(20), &[]).expect("nothing to record");
    store.record(Position(40), &[]).expect("nothing to record");
    assert_eq!(store.newest().expect("readable"), Position(30));
}

#[test]
fn any_page_that_is_overwritten_is_told_as_damage() {
    let path = path("overwritten");
    let store = Store::create(&path, Vec::new(), &CityOptions::default()).expect("created");
    let sites: Vec<Value> = (0..200).map(|id| site(id, "a long name so that some pages are needed", None, None)).collect();
    store.record(Position(10), &history(&[sites])[0].2).expect("recorded");
    drop(store);
    let whole = std::fs::read(&path).expect("written");
    const PAGE: usize = 4_096;
    assert!(whole.len() > 4 * PAGE);
    for start in (0..whole.len()).step_by(PAGE) {
        let mut bytes = whole.clone();
        bytes[start..start + 512].fill(0xa5);
        std::fs::write(&path, bytes).expect("writable");
        let opened = Store::open(&path).and_then(|store| match store {
            Some(store) => store.load(Position(10), &CityOptions::default()).map(|_| ()),
            None => Err(StoreError::Damaged("nothing is in it".to_owned())),
        });
        assert!(opened.is_err_and(|error| error.is_damage()), "page at {start}");
    }
}

#[test]
fn a_file_of_a_newer_version_is_refused_in_one_sentence() {
    let path = path("newer");
    let connection = Connection::open(&path).expect("created");
    connection.pragma_update(None, "user_version", 7).expect("writable");
    drop(connection);
    let error = Store::open(&path).expect_err("newer");
    let expected = "the registry's file has format 7, this version knows 1: use the newer Kerbside that wrote it";
    assert_eq!(error.to_string(), expected);
}
