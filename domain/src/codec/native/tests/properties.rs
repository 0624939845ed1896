//! Decoding is total, and undoes encoding.

use proptest::prelude::*;

use super::*;
use crate::codec::content_of;
use crate::flag::Flags;
use crate::kind::air::{AsSent, Qc};
use crate::kind::parking::Parking;
use crate::limits::{AVG_S_MAX, OBSERVED_MICROS_MAX, OBSERVED_MICROS_MIN};
use crate::quantity::Conversion;
use crate::reading::{Reading, Transport};
use crate::time::Timestamp;
use crate::unit::{REFERENCE_TEMPERATURE_C, Unit};

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![-1e4..1e4, prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL]
}

fn transport() -> impl Strategy<Value = Transport> {
    let numbers = (any::<Option<u32>>(), prop::option::of(0..=100_000), prop::option::of(0.0..=100.0));
    let signal = (prop::option::of(-250.0..=50.0), prop::option::of(-100.0..=100.0), prop::option::of(".{0,16}"));
    (numbers, signal).prop_map(|((seq, battery_mv, battery_pct), (rssi_dbm, snr_db, gateway))| Transport {
        seq,
        battery_mv,
        battery_pct,
        rssi_dbm,
        snr_db,
        gateway: gateway.map(Into::into),
    })
}

fn parking_part() -> impl Strategy<Value = (Measured, Flags)> {
    let bay = prop::sample::select(BayState::ALL.to_vec()).prop_map(ParkingValue::Bay);
    let counter =
        (any::<i32>(), prop::option::of(0..=i32::MAX)).prop_map(|(free, capacity)| ParkingValue::Counter { free, capacity });
    (prop_oneof![bay, counter], prop::option::of(finite())).prop_map(|(value, temp_c)| {
        let clamped = matches!(value, ParkingValue::Counter { free, capacity } if free < 0 || capacity.is_some_and(|c| free > c));
        let flags = if clamped { Flags::NONE.with(Flag::Clamped) } else { Flags::NONE };
        (Measured::Parking(Parking { value, temp_c }), flags)
    })
}

/// A value of a quantity, sent in a unit it may have.
fn sent(quantity: Quantity) -> impl Strategy<Value = (Quantity, f64, Option<Unit>, Option<Qc>)> {
    let units = match quantity.row().conversion {
        Conversion::Gas(_) => {
            vec![None, Some(Unit::PartsPerBillion), Some(Unit::PartsPerMillion), Some(Unit::MilligramPerCubicMetre)]
        }
        Conversion::Particle => vec![None, Some(Unit::MilligramPerCubicMetre)],
        Conversion::Fixed => vec![None],
    };
    let qc = prop::option::of(prop::sample::select(Qc::ALL.to_vec()));
    (Just(quantity), -1e6..1e6, prop::sample::select(units), qc)
}

fn air_part() -> impl Strategy<Value = (Measured, Flags)> {
    let quantities = prop::sample::subsequence(Quantity::all().collect::<Vec<_>>(), 1..=Quantity::COUNT);
    let values = quantities.prop_flat_map(|quantities| quantities.into_iter().map(sent).collect::<Vec<_>>());
    (values, 0..=AVG_S_MAX).prop_map(|(values, avg_s)| {
        let mut air = Air { avg_s, ..Air::default() };
        let mut flags = Flags::NONE;
        for (quantity, value, unit, qc) in values {
            let in_unit = unit.unwrap_or(quantity.unit());
            let canonical = quantity.canonical(value, in_unit, REFERENCE_TEMPERATURE_C).expect("a unit of it");
            air.values.set(quantity, canonical);
            if let Some(unit) = unit {
                air.as_sent.set(quantity, AsSent { value, unit });
                flags.insert(Flag::Converted);
            }
            if let Some(qc) = qc {
                air.qc.set(quantity, qc);
            }
        }
        (Measured::Air(Box::new(air)), flags)
    })
}

fn reading(kind: Kind) -> impl Strategy<Value = Reading> {
    let part = match kind {
        Kind::Parking => parking_part().boxed(),
        Kind::Air => air_part().boxed(),
    };
    let at = prop_oneof![
        OBSERVED_MICROS_MIN..=OBSERVED_MICROS_MAX,
        (OBSERVED_MICROS_MIN / 1_000..=OBSERVED_MICROS_MAX / 1_000).prop_map(|millis| millis * 1_000),
    ];
    (at, part, transport()).prop_map(|(at, (measured, flags), transport)| Reading {
        observed_at: Timestamp::from_micros(at),
        measured,
        transport,
        flags,
    })
}

fn any_reading() -> impl Strategy<Value = (Kind, Vec<Reading>)> {
    prop::sample::select(Kind::ALL.to_vec()).prop_flat_map(|kind| (Just(kind), prop::collection::vec(reading(kind), 1..5)))
}

fn content() -> impl Strategy<Value = Content> {
    prop::sample::select(vec![Content::Default, Content::Cbor])
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

/// Elements that are right, wrong, and nearly right.
fn element_json() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "ts", "state", "free", "capacity", "pm25", "no2", "units", "qc", "avg_s", "seq", "gateway", "x",
    ]);
    let value = prop::sample::select(vec![
        "1700000000000",
        "\"2026-01-01T00:00:00Z\"",
        "\"vacant\"",
        "\"ppb\"",
        "12.5",
        "-1",
        "1e999",
        "null",
        "true",
        "[1,{}]",
        "{\"no2\":\"ppb\",\"pm25\":\"ppb\"}",
        "{\"no2\":\"fault\"}",
        "\"suspect\"",
    ]);
    prop_oneof![
        prop::collection::vec((key, value), 0..6).prop_map(|entries| {
            let entries: Vec<_> = entries.into_iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
            format!("{{{}}}", entries.join(" ,"))
        }),
        Just("7".to_owned()),
        Just("[[]]".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_bytes_give_readings_or_rejections(kind in kind(), content in content(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!elements(kind, content, bytes).is_empty());
    }

    #[test]
    fn a_damaged_payload_gives_readings_or_rejections(
        (kind, readings) in any_reading(), content in content(), at: prop::sample::Index, byte: u8, cut: bool,
    ) {
        let mut bytes = encode_array(&readings, content);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        prop_assert!(!elements(kind, content, bytes).is_empty());
    }

    #[test]
    fn decoding_undoes_encoding((kind, readings) in any_reading(), content in content()) {
        let decoded = elements(kind, content, encode_array(&readings, content));
        prop_assert_eq!(decoded.len(), readings.len());
        for (element, reading) in decoded.into_iter().zip(&readings) {
            let decoded = element.outcome.expect("a reading of ours");
            prop_assert_eq!(&decoded.reading, reading);
            prop_assert_eq!(content_of(&decoded.payload), content);
            let alone = elements(kind, content, encode(reading, content));
            prop_assert_eq!(alone[0].outcome.as_ref().map(|alone| &alone.reading), Ok(reading));
        }
    }

    #[test]
    fn an_array_is_the_same_as_its_elements_one_by_one(kind in kind(), parts in prop::collection::vec(element_json(), 1..6)) {
        let whole = elements(kind, Content::Default, format!("[ {} ]", parts.join(" , ")));
        prop_assert_eq!(whole.len(), parts.len());
        for (element, part) in whole.into_iter().zip(parts) {
            let alone = elements(kind, Content::Default, if part.starts_with('[') { format!("[{part}]") } else { part.clone() });
            prop_assert_eq!(&element.outcome, &alone[0].outcome);
            let bytes = element.outcome.map_or_else(|rejection| rejection.payload, |decoded| decoded.payload);
            prop_assert_eq!(&bytes[..], part.as_bytes());
        }
    }
}
