//! Registry edits and what they do to flags and the live state.

use domain::{Flag, Kind, ObjectId};

use super::bench::{Bench, bay, counter, counts};

pub const ONE_BAY: &str = r#"{"type":"FeatureCollection","features":[
  {"type":"Feature","geometry":{"type":"LineString","coordinates":[[105.8,21.0],[105.81,21.0]]},
   "properties":{"kind":"site","id":"street-1","site_kind":"street"}},
  {"type":"Feature","geometry":{"type":"Point","coordinates":[105.8,21.0]},"properties":{"kind":"bay","id":"bay-1","site":"street-1"}}]}"#;

pub const A_COUNTER: &str = r#"{"type":"FeatureCollection","features":[
  {"type":"Feature","geometry":{"type":"Point","coordinates":[105.8,21.0]},
   "properties":{"kind":"site","id":"lot-1","site_kind":"lot","capacity":10}}]}"#;

const A_DEVICE: &str = r#"{"type":"FeatureCollection","features":[
  {"type":"Feature","geometry":null,
   "properties":{"kind":"device","id":"dev-1","bindings":[{"target":"bay-1"}]}}]}"#;

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).expect("a valid id")
}

#[test]
fn a_registered_sensor_is_not_provisional() {
    let mut bench = Bench::default();
    bench.edit(ONE_BAY);
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1)]);
    let last = &bench.pipeline.state().live.parking[&id("bay-1")];
    assert!(!last.flags.has(Flag::Provisional));
    assert_eq!(bench.ledger(), counts(1, 1, 0, &[]));
}

#[test]
fn a_count_beyond_the_capacity_is_flagged_and_kept_raw() {
    let mut bench = Bench::default();
    bench.edit(A_COUNTER);
    bench.message(Kind::Parking, "lot-1", vec![counter(10, 11, None)]);
    let last = &bench.pipeline.state().live.parking[&id("lot-1")];
    assert!(last.flags.has(Flag::Clamped));
    assert_eq!(last.value, domain::kind::parking::ParkingValue::Counter { free: 11, capacity: None });
    bench.message(Kind::Parking, "lot-1", vec![counter(20, -1, None), counter(30, 11, Some(12))]);
    assert!(!bench.pipeline.state().live.parking[&id("lot-1")].flags.has(Flag::Clamped));
}

#[test]
fn a_payloads_capacity_holds_until_the_next_one_in_whichever_order_they_come() {
    let told = [(10, 5, Some(20)), (20, 6, None), (30, 7, Some(30)), (40, 8, None), (50, 9, None)];
    let orders: [[usize; 5]; 4] = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 4, 0, 2, 1], [4, 2, 0, 3, 1]];
    for order in orders {
        let mut bench = Bench::default();
        bench.edit(A_COUNTER);
        for (count, index) in order.into_iter().enumerate() {
            let (seconds, free, capacity) = told[index];
            bench.message(Kind::Parking, "lot-1", vec![counter(seconds, free, capacity)]);
            if count == 2 {
                bench.restart();
                bench.edit(ONE_BAY);
            }
        }
        let last = &bench.pipeline.state().live.parking[&id("lot-1")];
        let expected = domain::kind::parking::ParkingValue::Counter { free: 9, capacity: Some(30) };
        assert_eq!(last.value, expected, "{order:?}");
    }
}

#[test]
fn a_binding_moves_what_was_accepted_to_its_target() {
    let mut bench = Bench::default();
    bench.edit(ONE_BAY);
    bench.message(Kind::Parking, "dev-1", vec![bay(10, 1)]);
    assert!(bench.pipeline.state().live.parking.contains_key(&id("dev-1")));
    bench.edit(A_DEVICE);
    let live = &bench.pipeline.state().live;
    assert!(!live.parking.contains_key(&id("dev-1")));
    assert_eq!(live.parking[&id("bay-1")].version, 3);
    bench.restart();
    bench.message(Kind::Parking, "dev-1", vec![bay(20, 0)]);
    assert_eq!(bench.pipeline.state().live.parking[&id("bay-1")].version, 4);
}

#[test]
fn a_reading_of_the_other_shape_than_its_place_is_flagged_and_leaves_the_place_as_it_stood() {
    let mut bench = Bench::default();
    bench.edit(A_COUNTER);
    bench.edit(ONE_BAY);
    bench.message(Kind::Parking, "lot-1", vec![counter(10, 4, None)]);
    bench.message(Kind::Parking, "bay-1", vec![bay(10, 1)]);
    let shown = bench.pipeline.state().live.parking.clone();
    bench.message(Kind::Parking, "lot-1", vec![bay(20, 1)]);
    bench.message(Kind::Parking, "bay-1", vec![counter(20, 4, Some(9))]);
    assert_eq!(bench.ledger(), counts(4, 4, 0, &[]));
    assert_eq!(bench.pipeline.state().live.parking, shown);
    bench.restart();
    bench.edit(A_DEVICE);
    assert_eq!(bench.pipeline.state().live.parking[&id("lot-1")], shown[&id("lot-1")]);
    bench.message(Kind::Parking, "lot-1", vec![counter(30, 5, None)]);
    assert_eq!(bench.pipeline.state().live.parking[&id("lot-1")].version, 8);
}
