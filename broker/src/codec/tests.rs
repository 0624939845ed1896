//! A vector for each packet type, its shortest form among them, of both versions.

use bytes::{Bytes, BytesMut};

use super::*;
use crate::packet::{Subscribe, SubscribeOptions, Text};
use crate::properties::Properties;

fn v3() -> Codec {
    Codec::V3(v3::Codec::new(1 << 20))
}

fn v5() -> Codec {
    with(Given::default(), usize::MAX, false)
}

/// As a client asked to be spoken to.
fn with(aliases: Given, packet_max: usize, wants_texts: bool) -> Codec {
    Codec::V5(V5 { codec: v5::Codec::new(1 << 20, 0), clean: true, aliases, packet_max, wants_texts })
}

fn decode(mut codec: Codec, bytes: &[u8]) -> Result<Option<Incoming>, Fault> {
    codec.decode(&mut BytesMut::from(bytes))
}

/// The CONNECT of a client and what it says.
fn connect(bytes: &[u8]) -> Result<Option<Connect>, Fault> {
    let mut bytes = BytesMut::from(bytes);
    let Some(mut codec) = Codec::for_connect(&mut bytes, 1 << 20)? else { return Ok(None) };
    match codec.decode(&mut bytes)? {
        Some(Incoming::Connect(connect)) => Ok(Some(*connect)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_shortest_connects_are_understood() {
    let old = connect(b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0").expect("valid").expect("whole");
    assert_eq!((old.version, old.clean, old.keep_alive_s, old.session_expiry_s), (Version::V3, true, 60, 0));
    let new = connect(b"\x10\x0d\0\x04MQTT\x05\0\0\0\0\0\0").expect("valid").expect("whole");
    assert_eq!((new.version, new.clean, new.receive_max, new.packet_max), (Version::V5, false, u16::MAX, u32::MAX));
    let ancient = connect(b"\x10\x0f\0\x06MQIsdp\x03\0\0\0\0\x01c").expect("valid").expect("whole");
    assert_eq!((ancient.clean, ancient.session_expiry_s), (false, u32::MAX));
}

#[test]
fn a_connect_with_everything_is_understood() {
    let mut body = b"\0\x04MQTT\x05\xF6\0\x0A".to_vec();
    body.extend(b"\x10\x11\0\0\0\x3c\x21\0\x05\x27\0\0\x10\0\x22\0\x0a\x17\0");
    body[11 - 1] = (body.len() - 11) as u8;
    body.extend(b"\0\x01c");
    body.extend(b"\x0a\x18\0\0\0\x07\x02\0\0\0\x09");
    body.extend(b"\0\x01w\0\x04gone\0\x01u\0\x01p");
    let mut bytes = vec![0x10, body.len() as u8];
    bytes.extend(&body);
    let connect = connect(&bytes).expect("valid").expect("whole");
    assert_eq!((connect.session_expiry_s, connect.receive_max, connect.packet_max), (60, 5, 4096));
    assert!(!connect.problem_info && connect.clean);
    let will = connect.will.expect("a will");
    assert_eq!((&*will.topic, &will.payload[..], will.qos, will.retain, will.delay_s), ("w", &b"gone"[..], 2, true, 7));
    assert_eq!(will.properties.expiry_s, Some(9));
    assert_eq!((connect.user.as_deref(), connect.password), (Some("u"), Some(Bytes::from_static(b"p"))));
}

#[test]
fn a_connect_in_pieces_waits_and_a_wrong_one_is_refused() {
    let whole = b"\x10\x0d\0\x04MQTT\x05\x02\0\0\0\0\0";
    for end in 0..12 {
        let mut bytes = BytesMut::from(&whole[..end]);
        let is_pending = match Codec::for_connect(&mut bytes, 1 << 20) {
            Ok(None) => true,
            Ok(Some(mut codec)) => matches!(codec.decode(&mut bytes), Ok(None)),
            Err(fault) => panic!("{fault} after {end}"),
        };
        assert!(is_pending, "{end}");
    }
    let cases: [(&[u8], Fault); 8] = [
        (b"\x20\x02\0\0", Fault::Protocol),
        (b"\x10\xff\xff\xff\xff\x01", Fault::Malformed),
        (b"\x10\x0c\0\x04MQTX\x04\x02\0\0\0\0", Fault::Malformed),
        (b"\x10\x0c\0\x04MQTT\x07\x02\0\0\0\0", Fault::Version(7)),
        (b"\x10\x0c\0\x04MQTT\x04\x03\0\0\0\0", Fault::Malformed),
        (b"\x10\x0c\0\x04MQTT\x04\x22\0\0\0\0", Fault::Malformed),
        (b"\x10\x0c\0\x04MQTT\x04\0\0\0\0\0", Fault::ClientId),
        (b"\x10\x0f\0\x04MQTT\x04\x42\0\0\0\0\0\x01p", Fault::Malformed),
    ];
    for (bytes, fault) in cases {
        assert_eq!(connect(bytes), Err(fault), "{bytes:02x?}");
    }
}

#[test]
fn every_incoming_packet_of_3_1_1_is_understood() {
    let options = SubscribeOptions { qos: 1, no_local: false, retain_as_published: false, retain_handling: 0 };
    let subscribe = Subscribe { id: 1, identifier: None, filters: vec![("a".into(), options)] };
    let left = Incoming::Disconnect { reason: Reason::SUCCESS, session_expiry_s: None };
    let cases: [(&[u8], Incoming); 9] = [
        (b"\x40\x02\0\x01", Incoming::PubAck { id: 1 }),
        (b"\x50\x02\0\x01", Incoming::PubRec { id: 1, refused: false }),
        (b"\x62\x02\0\x01", Incoming::PubRel { id: 1 }),
        (b"\x70\x02\0\x01", Incoming::PubComp { id: 1 }),
        (b"\x82\x06\0\x01\0\x01a\x01", Incoming::Subscribe(subscribe)),
        (b"\xa2\x05\0\x01\0\x01a", Incoming::Unsubscribe { id: 1, filters: vec!["a".into()] }),
        (b"\xc0\0", Incoming::PingReq),
        (b"\xe0\0", left),
        (b"\x33\x06\0\x01a\0\x09x", Incoming::Publish(publish(1, true, 9))),
    ];
    for (bytes, expected) in cases {
        assert_eq!(decode(v3(), bytes), Ok(Some(expected)), "{bytes:02x?}");
    }
}

fn publish(qos: u8, retain: bool, id: u16) -> Publish {
    Publish {
        dup: false,
        qos,
        retain,
        topic: "a".into(),
        id,
        alias: None,
        payload: Bytes::from_static(b"x"),
        properties: Properties::default(),
        subscriptions: Vec::new(),
    }
}

#[test]
fn every_incoming_packet_of_5_is_understood_in_its_short_and_long_form() {
    let options = SubscribeOptions { qos: 2, no_local: true, retain_as_published: true, retain_handling: 2 };
    let subscribe = Subscribe { id: 1, identifier: Some(300), filters: vec![("a".into(), options)] };
    let left = |reason, session_expiry_s| Incoming::Disconnect { reason: Reason(reason), session_expiry_s };
    let cases: [(&[u8], Incoming); 19] = [
        (b"\x40\x02\0\x01", Incoming::PubAck { id: 1 }),
        (b"\x40\x03\0\x01\x10", Incoming::PubAck { id: 1 }),
        (b"\x40\x04\0\x01\0\0", Incoming::PubAck { id: 1 }),
        (b"\x50\x02\0\x01", Incoming::PubRec { id: 1, refused: false }),
        (b"\x50\x03\0\x01\x97", Incoming::PubRec { id: 1, refused: true }),
        (b"\x62\x02\0\x01", Incoming::PubRel { id: 1 }),
        (b"\x62\x03\0\x01\x92", Incoming::PubRel { id: 1 }),
        (b"\x70\x02\0\x01", Incoming::PubComp { id: 1 }),
        (b"\x82\x0a\0\x01\x03\x0b\xac\x02\0\x01a\x2e", Incoming::Subscribe(subscribe)),
        (b"\xa2\x06\0\x01\0\0\x01a", Incoming::Unsubscribe { id: 1, filters: vec!["a".into()] }),
        (b"\xc0\0", Incoming::PingReq),
        (b"\xe0\0", left(0, None)),
        (b"\xe0\x01\x04", left(4, None)),
        (b"\xe0\x02\0\0", left(0, None)),
        (b"\xe0\x07\0\x05\x11\0\0\0\x09", left(0, Some(9))),
        (b"\xf0\0", Incoming::Auth),
        (b"\xf0\x02\x18\0", Incoming::Auth),
        (b"\x30\x05\0\x01a\0x", Incoming::Publish(publish(0, false, 0))),
        (b"\x34\x07\0\x01a\0\x09\0x", Incoming::Publish(publish(2, false, 9))),
    ];
    for (bytes, expected) in cases {
        assert_eq!(decode(v5(), bytes), Ok(Some(expected)), "{bytes:02x?}");
    }
}

#[test]
fn what_the_protocol_forbids_is_refused_whatever_the_crate_says() {
    let both: [(&[u8], Fault); 9] = [
        (b"\x38\x03\0\x01a", Fault::Malformed),
        (b"\x36\x06\0\x01a\0\x01x", Fault::Malformed),
        (b"\x32\x05\0\x01a\0\0", Fault::Malformed),
        (b"\x30\x03\0\x01\0", Fault::Malformed),
        (b"\x30\x03\0\x01\xff", Fault::Malformed),
        (b"\x60\x02\0\x01", Fault::Malformed),
        (b"\x80\x06\0\x01\0\x01a\x01", Fault::Malformed),
        (b"\xc0\x01\0", Fault::Malformed),
        (b"\xd0\0", Fault::Protocol),
    ];
    for (bytes, fault) in both {
        assert_eq!(decode(v3(), bytes), Err(fault), "3.1.1 {bytes:02x?}");
        assert!(decode(v5(), bytes).is_err(), "5 {bytes:02x?}");
    }
    assert_eq!(decode(v3(), b"\xe0\x01\0"), Err(Fault::Malformed));
    assert_eq!(decode(v3(), b"\xf0\0"), Err(Fault::Malformed));
    assert!(decode(v3(), b"\x82\x02\0\x01").is_err());
    let with_identifier = b"\x30\x06\0\x01a\x02\x0b\x01";
    assert_eq!(decode(v5(), with_identifier), Err(Fault::Protocol));
    let twice = b"\x30\x0e\0\x01a\x0a\x02\0\0\0\x01\x02\0\0\0\x01";
    assert_eq!(decode(v5(), twice), Err(Fault::Malformed));
    let mut small = v3();
    small.limit_incoming(4);
    assert_eq!(small.decode(&mut BytesMut::from(&b"\x30\x05\0\x01axx"[..])), Err(Fault::TooLarge));
}

#[test]
fn every_outgoing_packet_is_what_the_specification_says() {
    let ack =
        ConnAck { session_present: true, receive_max: 1_000, packet_max: 1 << 20, topic_alias_max: 64, ..ConnAck::default() };
    let cases: [(&str, fn(&mut Codec, &mut BytesMut), &[u8], &[u8]); 9] = [
        ("puback", |c, o| c.puback(1, Reason::SUCCESS, o), b"\x40\x02\0\x01", b"\x40\x02\0\x01"),
        ("puback refused", |c, o| c.puback(1, Reason::NOT_AUTHORISED, o), b"\x40\x02\0\x01", b"\x40\x03\0\x01\x87"),
        ("pubrec", |c, o| c.pubrec(1, Reason::SUCCESS, o), b"\x50\x02\0\x01", b"\x50\x02\0\x01"),
        ("pubrel", |c, o| c.pubrel(1, Reason::SUCCESS, o), b"\x62\x02\0\x01", b"\x62\x02\0\x01"),
        ("pubcomp", |c, o| c.pubcomp(1, Reason::PACKET_ID_NOT_FOUND, o), b"\x70\x02\0\x01", b"\x70\x03\0\x01\x92"),
        (
            "suback",
            |c, o| c.suback(1, &[Reason(1), Reason::NOT_AUTHORISED], o),
            b"\x90\x04\0\x01\x01\x80",
            b"\x90\x05\0\x01\0\x01\x87",
        ),
        ("unsuback", |c, o| c.unsuback(1, &[Reason::NO_SUBSCRIPTION], o), b"\xb0\x02\0\x01", b"\xb0\x04\0\x01\0\x11"),
        ("pingresp", |c, o| c.pingresp(o), b"\xd0\0", b"\xd0\0"),
        ("disconnect", |c, o| c.disconnect(Reason::SERVER_SHUTTING_DOWN, "bye", o), b"", b"\xe0\x01\x8b"),
    ];
    for (name, write, old, new) in cases {
        for (mut codec, expected) in [(v3(), old), (v5(), new)] {
            let mut out = BytesMut::new();
            write(&mut codec, &mut out);
            assert_eq!(out, expected, "{name}");
        }
    }
    let mut out = BytesMut::new();
    v3().connack(&ack, &mut out);
    assert_eq!(out, &b"\x20\x02\x01\0"[..]);
    out.clear();
    v5().connack(&ack, &mut out);
    assert_eq!(out, &b"\x20\x0e\x01\0\x0b\x21\x03\xe8\x27\0\x10\0\0\x22\0\x40"[..]);
}

#[test]
fn a_publish_survives_its_bytes_and_one_that_is_too_large_for_its_reader_is_not_written() {
    let properties = Properties {
        utf8: true,
        expiry_s: Some(7),
        content_type: Some("t".into()),
        response_topic: Some("r".into()),
        correlation: Some(Bytes::from_static(b"c")),
        user: vec![(Text::from("k"), Text::from("v"))],
    };
    let sent = Publish { properties, ..publish(2, true, 300) };
    let mut out = BytesMut::new();
    assert!(v5().publish(sent.clone(), &mut out));
    assert_eq!(v5().decode(&mut out), Ok(Some(Incoming::Publish(sent.clone()))));
    assert!(v3().publish(publish(1, false, 9), &mut out));
    assert_eq!(v3().decode(&mut out), Ok(Some(Incoming::Publish(publish(1, false, 9)))));
    assert!(!with(Given::default(), 10, false).publish(sent, &mut out));
    assert!(out.is_empty());
}

#[test]
fn reasons_are_told_in_words_to_who_asks_and_has_room() {
    let cases: [(&str, fn(&mut Codec, &mut BytesMut), &[u8]); 4] = [
        ("disconnect", |c, o| c.disconnect(Reason(0x97), "why", o), b"\xe0\x08\x97\x06\x1f\0\x03why"),
        ("puback", |c, o| c.puback(1, Reason(0x87), o), b"\x40\x03\0\x01\x87"),
        ("suback", |c, o| c.suback(1, &[Reason(1), Reason(0x87)], o), b"\x90\x16\0\x01\x11\x1f\0\x0enot authorised\x01\x87"),
        ("unsuback", |c, o| c.unsuback(1, &[Reason(0x11)], o), b"\xb0\x04\0\x01\0\x11"),
    ];
    for (name, write, expected) in cases {
        let mut out = BytesMut::new();
        write(&mut with(Given::default(), 1_000, true), &mut out);
        assert_eq!(out, expected, "{name}");
        out.clear();
        write(&mut with(Given::default(), 30, true), &mut out);
        assert!(out.len() < 10, "{name} has no room for words");
    }
    let refusal = ConnAck { reason: Reason(0x86), text: Some("bad"), ..ConnAck::default() };
    let mut out = BytesMut::new();
    with(Given::default(), 1_000, true).connack(&refusal, &mut out);
    assert!(out.windows(6).any(|window| window == b"\x1f\0\x03bad"), "{out:?}");
}

#[test]
fn a_topic_is_written_once_to_who_takes_aliases() {
    let mut codec = with(Given::new(1), usize::MAX, false);
    let mut out = BytesMut::new();
    for topic in ["a/long/topic", "a/long/topic", "b"] {
        assert!(codec.publish(Publish { topic: topic.into(), ..publish(0, false, 0) }, &mut out));
    }
    let mut seen = Vec::new();
    while let Some(Incoming::Publish(publish)) = codec.decode(&mut out).expect("valid") {
        seen.push((publish.topic.to_string(), publish.alias));
    }
    assert_eq!(seen, [("a/long/topic".to_owned(), Some(1)), (String::new(), Some(1)), ("b".to_owned(), None)]);
}

#[test]
fn a_publish_that_does_not_fit_makes_no_alias() {
    let mut codec = with(Given::new(1), 20, false);
    let mut out = BytesMut::new();
    assert!(!codec.publish(Publish { topic: "t".repeat(30).into(), ..publish(0, false, 0) }, &mut out));
    assert!(codec.publish(Publish { topic: "short".into(), ..publish(0, false, 0) }, &mut out));
    assert_eq!(out, &b"\x30\x0c\0\x05short\x03\x23\0\x01x"[..]);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_a_packet_a_fault_or_not_enough(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        for mut codec in [v3(), v5()] {
            let mut input = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = codec.decode(&mut input) {}
        }
        let _ = connect_or_fault(&bytes);
    }
}

fn connect_or_fault(bytes: &[u8]) -> Result<(), Fault> {
    let mut bytes = BytesMut::from(bytes);
    if let Some(mut codec) = Codec::for_connect(&mut bytes, 1 << 20)? {
        codec.decode(&mut bytes)?;
    }
    Ok(())
}
