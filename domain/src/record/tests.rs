//! Round trips of every record, and any bytes decode without a panic.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::erasure::Erasure;
use crate::id::SensorId;

fn publish() -> Publish {
    let mut publish = Publish::new(Source::Http, "kerbside/v1/air/a", Bytes::from_static(b"{}"));
    publish.content = Content::Cbor;
    publish.qos = 2;
    publish.retain = true;
    publish.client = Bytes::from_static(b"gateway-7");
    publish.properties = Bytes::from_static(&[1, 2, 3]);
    publish
}

fn erase() -> Erase {
    let of = Erasure {
        sensor: SensorId::new("bay-1").expect("valid"),
        from: Timestamp::from_micros(-1),
        to: Timestamp::from_micros(7),
    };
    Erase { of, readings: 3, letters: 2, held: vec![(Position(9), 1), (Position(10), 0)] }
}

#[test]
fn every_record_survives_its_own_bytes() {
    let refused = Refused {
        reason: Reason::TooLarge,
        client: "c".into(),
        topic: "t/ế".into(),
        head: Bytes::from_static(b"head"),
        length: 300_000,
        hash: 7,
        count: 3,
    };
    let reprocess = Reprocess {
        of: Position(9),
        element: 3,
        was: Reason::Future,
        received_at: Timestamp::from_micros(-5),
        detail: "ahead".into(),
        publish: publish(),
    };
    let records = [
        Record::Publish(publish()),
        Record::Refused(refused),
        Record::Tick,
        Record::Registry { author: "operator".into(), features: Bytes::from_static(b"{}") },
        Record::RegistryPart(RegistryPart {
            place: Place::First { author: "Đặng".into(), parts: 3, length: 1 << 33 },
            share: Bytes::from_static(b"share"),
        }),
        Record::RegistryPart(RegistryPart { place: Place::Next { first: Position(9), number: 2 }, share: Bytes::new() }),
        Record::Reprocess(reprocess),
        Record::Session(Bytes::from_static(b"opaque")),
        Record::Erase(erase()),
        Record::Erased,
    ];
    for record in records {
        let (kind, body) = record.encode();
        assert_eq!(Record::decode(kind, body), Ok(record));
    }
}

#[test]
fn a_refusal_of_the_first_format_stands_for_one_message() {
    let mut body = vec![1, Reason::TooLarge as u8];
    body.extend_from_slice(&300_000u64.to_le_bytes());
    body.extend_from_slice(&7u64.to_le_bytes());
    body.extend_from_slice(b"\x01\0c\x01\0t");
    body.extend_from_slice(b"head");
    let record = Record::decode(kind::REFUSED, Bytes::from(body));
    assert!(matches!(record, Ok(Record::Refused(Refused { count: 1, ref head, .. })) if head == &b"head"[..]), "{record:?}");
}

/// What the first version wrote of an edit: it reads back for ever.
#[test]
fn a_registry_edit_in_one_record_stays_readable() {
    let record = Record::decode(4, Bytes::from_static(b"\x01\x04\0anna{\"type\":\"FeatureCollection\"}"));
    let features = Bytes::from_static(b"{\"type\":\"FeatureCollection\"}");
    assert_eq!(record, Ok(Record::Registry { author: "anna".into(), features }));
}

#[test]
fn the_parts_of_an_edit_have_this_format() {
    let first = b"\x01\0\0\0\0\x02\0\0\0\x10\x27\0\0\0\0\0\0\x04\0annashare";
    let place = Place::First { author: "anna".into(), parts: 2, length: 10_000 };
    let part = RegistryPart { place, share: Bytes::from_static(b"share") };
    assert_eq!(Record::decode(7, Bytes::from_static(first)), Ok(Record::RegistryPart(part)));
    let next = b"\x01\x01\0\0\0\x09\0\0\0\0\0\0\0share";
    let part = RegistryPart { place: Place::Next { first: Position(9), number: 1 }, share: Bytes::from_static(b"share") };
    assert_eq!(Record::decode(7, Bytes::from_static(next)), Ok(Record::RegistryPart(part)));
    let none = b"\x01\0\0\0\0\0\0\0\0\x10\x27\0\0\0\0\0\0\x04\0anna";
    assert_eq!(Record::decode(7, Bytes::from_static(none)), Err(RecordError::Field("number of parts")));
}

#[test]
fn an_erasure_has_this_format() {
    let body = b"\x01\x05\0bay-1\xff\xff\xff\xff\xff\xff\xff\xff\x07\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\
        \x09\0\0\0\0\0\0\0\x01\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(Record::decode(8, Bytes::from_static(body)), Ok(Record::Erase(erase())));
    assert_eq!(Record::decode(8, Bytes::from_static(&body[..body.len() - 1])), Err(RecordError::Short));
}

proptest! {
    #[test]
    fn any_bytes_give_a_record_or_an_error(kind in 0u8..12, body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Record::decode(kind, Bytes::from(body));
    }
}
