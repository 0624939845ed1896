//! What is sent is what the server reads: the city and its payloads through the vocabulary's own doors.

pub mod broker;

use std::sync::Arc;

use bytes::Bytes;
use domain::codec::{Options, decode_native};
use domain::reading::Element;
use domain::record::Content;
use domain::registry::{CityOptions as RegistryOptions, Edit, Registry, Verdict};
use domain::topic::Route;
use domain::{Kind, Timestamp};

use crate::city::{City, CityOptions};
use crate::mapping::Mapping;
use crate::recording::Recording;
use crate::run::CityRun;

fn noon() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-24T12:00:00+07:00").expect("valid")
}

fn imported(city: &City) -> Registry {
    let mut file = Vec::new();
    city.write_registry(&mut file).expect("memory");
    let empty = Registry::empty(RegistryOptions::default());
    let (edit, verdicts) = Edit::parse_geojson(&file, &empty, noon());
    assert!(
        verdicts.iter().all(|row| row.verdict == Verdict::Added),
        "{:?}",
        verdicts.iter().find(|row| row.verdict != Verdict::Added)
    );
    empty.apply(&edit.expect("nothing is refused"), noon()).0
}

fn elements(kind: Kind, payload: &Bytes) -> Vec<Element> {
    let mut elements = Vec::new();
    decode_native(kind, Content::Default, payload, &Options::default(), &mut |element| elements.push(element));
    elements
}

#[test]
fn the_registry_takes_a_city_without_a_remark() {
    let city = City::new(CityOptions::default()).expect("valid options");
    let layout = imported(&city).layout(noon());
    assert_eq!((layout.bays.len(), layout.stations.len()), (2_000, 12));
    assert_eq!(layout.sites.len(), city.sites.len() + city.counters.len());
    assert!(
        layout.sites.iter().all(|site| !site.areas.is_empty()) && layout.stations.iter().all(|station| !station.areas.is_empty())
    );
}

#[test]
fn every_price_of_a_city_can_be_reckoned() {
    let registry = imported(&City::new(CityOptions::default()).expect("valid options"));
    let zone = jiff::tz::TimeZone::get("Asia/Ho_Chi_Minh").expect("a known zone");
    let mut costs = std::collections::BTreeSet::new();
    for entry in &registry.layout(noon()).sites {
        let price = entry.site.price.as_ref().expect("every site has a price");
        costs.insert(price.cost(noon(), 90, &zone).expect("the rules are understood") as u64);
    }
    assert_eq!(costs.into_iter().collect::<Vec<_>>(), [5_000, 30_000, 40_000, 50_000, 60_000]);
}

#[test]
fn opening_hours_of_a_city_are_of_osm_syntax() {
    // The crate that reads them belongs to query; here their few forms are listed so that a new one is thought about.
    let city = City::new(CityOptions::default()).expect("valid options");
    let hours: std::collections::BTreeSet<String> =
        city.features().filter_map(|feature| feature.property("opening_hours")?.as_str().map(str::to_owned)).collect();
    assert!(hours.iter().all(|text| ["24/7", "Mo-Su 06:00-23:00", "Mo-Sa 06:00-21:00"].contains(&text.as_str())), "{hours:?}");
}

#[test]
fn every_payload_of_a_run_is_readings_without_a_refusal_or_a_flag() {
    let city = City::new(CityOptions { bays: 300, ..CityOptions::default() }).expect("valid options");
    for event in CityRun::new(Arc::new(city), noon()).take(5_000) {
        assert_eq!(Route::of(&event.topic), Route::Native { kind: event.kind, sensor: event.sensor.clone() });
        for element in elements(event.kind, &event.payload) {
            let decoded = element.outcome.expect("a reading");
            assert!(decoded.refused.is_empty() && decoded.reading.flags == domain::Flags::default(), "{:?}", event.payload);
        }
    }
}

#[test]
fn a_recorded_payload_is_a_reading_of_its_time() {
    let text = "Site,Parameter,Date (LT),Year,Month,Day,Hour,NowCast Conc.,AQI,AQI Category,Raw Conc.,Conc. Unit,Duration,QC Name\n\
        Hanoi,PM2.5 - Principal,2018-01-24 01:00 PM,2018,01,24,13,-999.0,-999,N/A,-15.0,UG/M3,1 Hr,Invalid\n";
    let mapping = Mapping::named("airnow-dos").expect("shipped");
    let recorded = Recording::of_text(text, mapping).expect("the header fits").next().expect("a row").expect("readable");
    let element = elements(recorded.kind, &recorded.payload()).pop().expect("one");
    assert_eq!(element.outcome.expect("a reading").reading.observed_at, recorded.ts);
}
