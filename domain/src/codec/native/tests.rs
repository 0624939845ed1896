//! What each payload comes to, by table.

mod properties;

use super::*;
use crate::codec::decode_native;
use crate::flag::Flag;
use crate::kind::air::Air;
use crate::kind::parking::{BayState, ParkingValue};
use crate::quantity::Quantity;
use crate::reading::{Decoded, Measured};

pub(super) fn elements(kind: Kind, content: Content, payload: impl Into<Bytes>) -> Vec<Element> {
    let mut elements = Vec::new();
    decode_native(kind, content, &payload.into(), &Options::default(), &mut |element| elements.push(element));
    elements
}

fn one(kind: Kind, json: &str) -> Result<Decoded, Rejection> {
    let mut elements = elements(kind, Content::Default, json.to_owned());
    assert_eq!(elements.len(), 1, "{json}");
    elements.remove(0).outcome
}

fn parking(json: &str) -> Decoded {
    one(Kind::Parking, json).expect(json)
}

fn air(json: &str) -> (Decoded, Box<Air>) {
    let decoded = one(Kind::Air, json).expect(json);
    let Measured::Air(air) = decoded.reading.measured.clone() else { panic!("air") };
    (decoded, air)
}

fn refused(kind: Kind, json: &str, reason: Reason, detail: &str) {
    let rejection = one(kind, json).expect_err(json);
    assert_eq!(rejection.reason, reason, "{json}: {}", rejection.detail);
    assert!(rejection.detail.contains(detail), "{json}: {:?} lacks {detail:?}", rejection.detail);
}

#[test]
fn a_bay_reading_has_all_its_fields() {
    let decoded = parking(
        r#" {"ts":"2026-11-24T10:00:00.1234567+07:00","state":"occupied","seq":7,"battery_mv":3312,"battery_pct":88.5,
            "rssi_dbm":-101,"snr_db":-3.5,"gateway":"gw-1","temp_c":31.5,"firmware":{"x":[1]}} "#,
    );
    let reading = &decoded.reading;
    assert_eq!(reading.observed_at.to_string(), "2026-11-24T03:00:00.123456Z");
    assert_eq!(reading.transport.seq, Some(7));
    assert_eq!(reading.transport.battery_mv, Some(3312));
    assert_eq!(reading.transport.battery_pct, Some(88.5));
    assert_eq!(reading.transport.rssi_dbm, Some(-101.0));
    assert_eq!(reading.transport.snr_db, Some(-3.5));
    assert_eq!(reading.transport.gateway.as_deref(), Some("gw-1"));
    let Measured::Parking(parking) = &reading.measured else { panic!("parking") };
    assert_eq!((parking.value, parking.temp_c), (ParkingValue::Bay(BayState::Occupied), Some(31.5)));
    assert_eq!(reading.flags.bits(), 0);
    assert!(decoded.payload.starts_with(b"{") && decoded.payload.ends_with(b"}"));
}

#[test]
fn a_counter_may_be_negative_or_over_full_and_says_so() {
    for (json, value, clamped) in [
        (r#"{"ts":1700000000000,"free":12,"capacity":40}"#, (12, Some(40)), false),
        (r#"{"ts":1700000000000,"free":-3}"#, (-3, None), true),
        (r#"{"ts":1700000000000,"free":41.0,"capacity":40,"state":null}"#, (41, Some(40)), true),
    ] {
        let Measured::Parking(counter) = parking(json).reading.measured else { panic!("parking") };
        assert_eq!(counter.value, ParkingValue::Counter { free: value.0, capacity: value.1 });
        assert_eq!(parking(json).reading.flags.has(Flag::Clamped), clamped, "{json}");
    }
}

#[test]
fn gases_are_converted_and_keep_what_was_sent() {
    let (decoded, values) = air(r#"{"units":{"o3":"ppb","co":"ppm","pm25":"mg/m3","no2":null},"ts":1700000000000,
        "o3":10,"co":0.5,"pm25":0.012,"no2":40,"avg_s":3600}"#);
    let ozone = values.values.get(Quantity::O3).expect("o3");
    assert!((ozone - 19.6187).abs() < 1e-3, "{ozone}");
    assert!((values.values.get(Quantity::Co).expect("co") - 572.44).abs() < 1e-2);
    assert_eq!(values.values.get(Quantity::Pm25), Some(12.0));
    assert_eq!(values.values.get(Quantity::No2), Some(40.0));
    assert_eq!(values.as_sent.get(Quantity::O3).map(|sent| (sent.value, sent.unit.symbol())), Some((10.0, "ppb")));
    assert_eq!(values.as_sent.len(), 3);
    assert_eq!(values.avg_s, 3600);
    assert!(decoded.reading.flags.has(Flag::Converted));
}

#[test]
fn a_refused_quantity_costs_no_other() {
    let (decoded, values) = air(r#"{"ts":1700000000000,"pm25":12.5,"no2":1e400,"pm10":3,"units":{"pm10":"ppb"}}"#);
    assert_eq!(values.values.iter().collect::<Vec<_>>(), [(Quantity::Pm25, 12.5)]);
    let refused: Vec<_> = decoded.refused.iter().map(|refusal| (refusal.quantity, refusal.reason)).collect();
    assert_eq!(refused, [(Quantity::Pm10, Reason::BadUnit), (Quantity::No2, Reason::OutOfRange)]);
    assert!(decoded.reading.flags.has(Flag::Partial));
}

#[test]
fn qc_is_one_word_for_all_or_one_a_quantity() {
    let (_, values) = air(r#"{"ts":1700000000000,"pm25":1,"no2":2,"qc":"suspect"}"#);
    assert_eq!(values.qc.iter().map(|(_, qc)| qc.name()).collect::<Vec<_>>(), ["suspect", "suspect"]);
    let (_, values) = air(r#"{"ts":1700000000000,"pm25":1,"no2":2,"qc":{"no2":"below_lod","o3":"fault","x":1,"pm25":null}}"#);
    assert_eq!(values.qc.iter().map(|(q, qc)| (q, qc.name())).collect::<Vec<_>>(), [(Quantity::No2, "below_lod")]);
}

#[test]
fn a_transport_field_out_of_range_costs_itself_only() {
    for field in [
        r#""seq":-1"#,
        r#""seq":4294967296"#,
        r#""seq":1.5"#,
        r#""battery_mv":100001"#,
        r#""battery_pct":100.5"#,
        r#""rssi_dbm":-251"#,
        r#""snr_db":1e400"#,
        r#""temp_c":-1e400"#,
        &format!(r#""gateway":"{}""#, "g".repeat(65)),
    ] {
        let decoded = parking(&format!(r#"{{"ts":1700000000000,"state":"vacant",{field}}}"#));
        assert!(decoded.reading.flags.has(Flag::TransportDropped), "{field}");
        assert_eq!(decoded.reading.transport, Default::default(), "{field}");
    }
}

#[test]
fn what_is_malformed_names_its_field() {
    let cases = [
        (Kind::Parking, r#"{"ts":1700000000000}"#, "neither"),
        (Kind::Parking, r#"{}"#, "neither"),
        (Kind::Parking, r#"{"ts":1700000000000,"state":null,"free":null}"#, "neither"),
        (Kind::Parking, r#"{"ts":1700000000000,"state":"vacant","free":1}"#, "both"),
        (Kind::Parking, r#"{"ts":1700000000000,"state":"parked"}"#, "state"),
        (Kind::Parking, r#"{"ts":1700000000000,"state":1}"#, "state"),
        (Kind::Parking, r#"{"ts":1700000000000,"free":"1"}"#, "free"),
        (Kind::Parking, r#"{"ts":1700000000000,"free":1,"capacity":[]}"#, "capacity"),
        (Kind::Parking, r#"{"ts":1700000000000,"free":1,"seq":"7"}"#, "seq"),
        (Kind::Parking, r#"{"ts":1700000000000,"free":1,"gateway":7}"#, "gateway"),
        (Kind::Parking, r#"{"ts":true,"free":1}"#, "ts"),
        (Kind::Parking, r#"{"ts":1700000000000,"free":1,"free":1}"#, "free: given twice"),
        (Kind::Parking, r#"{"ts":1700000000000,"state":"\ud800"}"#, "state"),
        (Kind::Parking, "7", "expected an object"),
        (Kind::Air, r#"{"ts":1700000000000,"smell":3}"#, "no known quantity"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":null}"#, "no known quantity"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":"12"}"#, "pm25"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":{"v":1}}"#, "pm25"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":1,"units":"ppb"}"#, "units"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":1,"units":{"no2":1}}"#, "units.no2"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":1,"qc":"good"}"#, "qc"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":1,"qc":{"pm25":"good"}}"#, "qc.pm25"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":1,"qc":{"pm25":"fault","pm25":"valid"}}"#, "qc.pm25: given twice"),
        (Kind::Air, r#"{"ts":1700000000000,"pm25":1,"avg_s":"60"}"#, "avg_s"),
    ];
    for (kind, json, detail) in cases {
        refused(kind, json, Reason::Malformed, detail);
    }
}

#[test]
fn a_payload_that_is_no_json_is_one_rejection_of_all_its_bytes() {
    let good = r#"{"ts":1700000000000,"state":"vacant"}"#;
    let cases = [
        "",
        " ",
        "[]",
        "[ ]",
        "[]x",
        "{",
        "[",
        "nul",
        "\u{feff}{}",
        &format!("{good}x"),
        &format!("[{good},]"),
        &format!("[{good}"),
        &format!("[{good},{{bad]"),
        &good[..20],
        &format!(r#"[{good},{{"x":{}}}]"#, "[".repeat(100)),
    ]
    .map(str::to_owned);
    for json in cases {
        let rejection = one(Kind::Parking, &json).expect_err(&json);
        assert_eq!((rejection.reason, &rejection.payload[..]), (Reason::Malformed, json.as_bytes()));
    }
    let invalid = elements(Kind::Parking, Content::Default, &b"{\"state\":\"\xff\"}"[..]);
    assert!(matches!(&invalid[0].outcome, Err(rejection) if rejection.reason == Reason::Malformed));
}

#[test]
fn a_time_that_is_none_is_told_apart_from_a_wrong_type() {
    for ts in [
        "1.5",
        "1e400",
        "946684799999",
        "-1",
        "0",
        "1700000000",
        "99999999999999999999",
        "9223372036854775807",
        "253402300800000",
        r#""yesterday""#,
        r#""2026-11-24T10:00:00""#,
        r#""1999-12-31T23:59:59Z""#,
        r#""1700000000000""#,
        "null",
    ] {
        refused(Kind::Parking, &format!(r#"{{"ts":{ts},"state":"vacant"}}"#), Reason::BadTimestamp, "ts");
    }
    refused(Kind::Air, r#"{"pm25":1}"#, Reason::BadTimestamp, "ts: missing");
    for ts in ["1700000000000", "1.7e12", "1700000000000.0", r#""2023-11-14T22:13:20Z""#] {
        let decoded = parking(&format!(r#"{{"ts":{ts},"state":"vacant"}}"#));
        assert_eq!(decoded.reading.observed_at.as_micros(), 1_700_000_000_000_000, "{ts}");
    }
}

#[test]
fn a_value_outside_its_type_is_out_of_range() {
    for (kind, fields, detail) in [
        (Kind::Parking, r#""free":2147483648"#, "free"),
        (Kind::Parking, r#""free":1.5"#, "free"),
        (Kind::Parking, r#""free":1e400"#, "free"),
        (Kind::Parking, r#""free":1,"capacity":-1"#, "capacity"),
        (Kind::Air, r#""pm25":1e400"#, "pm25"),
        (Kind::Air, r#""pm25":1e308,"units":{"pm25":"mg/m3"}"#, "pm25"),
        (Kind::Air, r#""pm25":1,"avg_s":-1"#, "avg_s"),
        (Kind::Air, r#""pm25":1,"avg_s":31622401"#, "avg_s"),
        (Kind::Air, r#""pm25":1,"avg_s":0.5"#, "avg_s"),
    ] {
        refused(kind, &format!(r#"{{"ts":1700000000000,{fields}}}"#), Reason::OutOfRange, detail);
    }
    refused(Kind::Air, r#"{"ts":1700000000000,"no2":1e400,"pm1":1,"units":{"pm1":"ppm"}}"#, Reason::BadUnit, "units.pm1");
}

#[test]
fn an_array_is_judged_element_by_element() {
    let json = r#" [ {"ts":1700000000000,"free":1} , 7, {"ts":1,"free":1}, [{}], {"free":2,"ts":1700000001000} ] "#;
    let elements = elements(Kind::Parking, Content::Default, json);
    let words: Vec<_> = elements.iter().map(|e| e.outcome.as_ref().map_or_else(|r| r.reason.name(), |_| "ok")).collect();
    assert_eq!(words, ["ok", "malformed", "bad_timestamp", "malformed", "ok"]);
    assert_eq!(elements.iter().map(|element| element.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(matches!(&elements[4].outcome, Ok(decoded) if decoded.payload == r#"{"free":2,"ts":1700000001000}"#));
    assert!(matches!(&elements[1].outcome, Err(rejection) if rejection.payload == "7"));
}

#[test]
fn a_thousand_elements_are_taken_and_one_more_is_too_large() {
    let array = |n: usize| format!("[{}]", vec![r#"{"ts":1700000000000,"free":1}"#; n].join(","));
    assert_eq!(elements(Kind::Parking, Content::Default, array(ELEMENTS_MAX)).len(), ELEMENTS_MAX);
    refused(Kind::Parking, &array(ELEMENTS_MAX + 1), Reason::TooLarge, "1000");
    refused(Kind::Parking, &" ".repeat(PAYLOAD_BYTES_MAX + 1), Reason::TooLarge, "262145");
    let padded = format!(r#"{{"ts":1700000000000,"free":1}}{}"#, " ".repeat(PAYLOAD_BYTES_MAX - 29));
    assert_eq!(padded.len(), PAYLOAD_BYTES_MAX);
    parking(&padded);
}

#[test]
fn cbor_says_the_same_with_its_own_means() {
    let mut bytes =
        b"\xd9\xd9\xf7\xbf\x62ts\xc1\x1a\x65\x53\xf1\x00\x7f\x62pm\x6225\xff\xf9\x7e\x00\x64pm10\xf9\x3c\x00".to_vec();
    bytes.extend_from_slice(b"\x01\x81\x02\xff");
    let elements = elements(Kind::Air, Content::Cbor, bytes);
    let decoded = elements[0].outcome.as_ref().expect("one value is good");
    assert_eq!(decoded.reading.observed_at.as_micros(), 1_700_000_000_000_000);
    assert_eq!(decoded.refused.len(), 1);
    assert_eq!((decoded.refused[0].quantity, decoded.refused[0].reason), (Quantity::Pm25, Reason::OutOfRange));
}
