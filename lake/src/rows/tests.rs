//! Rows come back as they were pushed.

use domain::kind::air::{Air, AsSent, Qc};
use domain::kind::parking::{BayState, Parking, ParkingValue};
use domain::reading::Transport;
use domain::registry::ObjectKind;
use domain::unit::Unit;
use domain::{Flag, Flags, Position, Quantity, Reason, SensorId, Timestamp};

use super::*;

fn sensor(name: &str) -> SensorId {
    SensorId::new(name).expect("valid id")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("valid instant")
}

#[test]
fn a_parking_row_comes_back_as_it_was_pushed() {
    let mut rows = ParkingRows::default();
    let transport = Transport { seq: Some(u32::MAX), gateway: Some("gw".into()), ..Transport::default() };
    let values = [
        ParkingValue::Bay(BayState::Occupied),
        ParkingValue::Counter { free: -3, capacity: None },
        ParkingValue::Counter { free: 7, capacity: Some(40) },
    ];
    for (n, value) in values.into_iter().enumerate() {
        let flags = Flags::NONE.with(Flag::Clamped);
        let observed = at("2026-11-24T03:36:34.5Z");
        rows.push(
            &sensor("bay-1"),
            observed,
            observed,
            &Parking { value, temp_c: None },
            &transport,
            flags,
            Position(n as u64 + 1),
        );
    }
    assert_eq!(rows.len(), 3);
    let batch = rows.finish();
    assert!(rows.is_empty());
    assert_eq!(batch.schema(), Table::ParkingReadings.schema());
    let columns = ParkingColumns::of(&batch).expect("own schema");
    for (row, value) in values.into_iter().enumerate() {
        assert_eq!(columns.value(row), Some(value));
        assert_eq!(columns.sensor(row), "bay-1");
        assert_eq!(columns.observed_at(row), at("2026-11-24T03:36:34.5Z"));
        assert_eq!(columns.position(row), Some(Position(row as u64 + 1)));
    }
}

#[test]
fn an_air_row_comes_back_as_it_was_pushed() {
    let mut rows = AirRows::default();
    let mut air = Air { avg_s: 3_600, ..Air::default() };
    air.values.set(Quantity::No2, 37.6);
    air.values.set(Quantity::RainMm, 0.0);
    air.as_sent.set(Quantity::No2, AsSent { value: 20.0, unit: Unit::PartsPerBillion });
    air.qc.set(Quantity::No2, Qc::Suspect);
    let plain = Air { values: air.values, ..Air::default() };
    for air in [&air, &plain] {
        let observed = at("2026-11-24T03:36:34Z");
        rows.push(&sensor("st-1"), observed, observed, air, &Transport::default(), Flags::NONE, Position(9));
    }
    let batch = rows.finish();
    assert_eq!(batch.schema(), Table::AirReadings.schema());
    let columns = AirColumns::of(&batch).expect("own schema");
    assert_eq!(columns.values(0), air.values);
    assert_eq!((columns.avg_s(0), columns.avg_s(1)), (3_600, 0));
    let sent = batch.column_by_name("as_sent").expect("in the schema");
    assert!(sent.is_valid(0) && sent.is_null(1));
}

#[test]
fn dead_letters_and_registry_versions_fit_their_schemas() {
    let mut letters = DeadLetterRows::default();
    letters.push(&DeadLetter {
        received_at: at("2026-11-24T03:36:34Z"),
        topic: "kerbside/v1/parking/x",
        payload: &[0xff, 0x00],
        reason: Reason::NotAuthorised,
        detail: "",
        sensor: None,
        client: Some("c"),
        length: Some(u64::MAX),
        hash: Some(10),
        element: 0,
        position: Position(1),
        resolved: None,
    });
    assert_eq!(letters.finish().schema(), Table::DeadLetters.schema());
    let mut versions = RegistryRows::default();
    versions.push(&RegistryVersion {
        kind: ObjectKind::Bay,
        id: "bay-1",
        valid_from: None,
        valid_to: None,
        properties: "{}",
        geometry: None,
        position: Position(1),
    });
    assert_eq!(versions.finish().num_rows(), 1);
}
