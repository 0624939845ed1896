//! Round trips of every record, and any bytes decode without a panic.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn publish() -> Publish {
    let mut publish = Publish::new(Source::Http, "kerbside/v1/air/a", Bytes::from_static(b"{}"));
    publish.content = Content::Cbor;
    publish.qos = 2;
    publish.retain = true;
    publish.client = Bytes::from_static(b"gateway-7");
    publish.properties = Bytes::from_static(&[1, 2, 3]);
    publish
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
        Record::Reprocess(reprocess),
        Record::Session(Bytes::from_static(b"opaque")),
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

proptest! {
    #[test]
    fn any_bytes_give_a_record_or_an_error(kind in 0u8..10, body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Record::decode(kind, Bytes::from(body));
    }
}
