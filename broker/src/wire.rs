//! The packet path without a socket, for whoever throws any bytes at it: fuzzing, and the inputs that it kept.

use bytes::BytesMut;
use domain::limits::CONNECT_BYTES_MAX;

use crate::alias::Taken;
use crate::codec::Codec;
use crate::filter::{Filter, is_topic, matches};
use crate::packet::{Incoming, Publish, Text};
use crate::trie::Trie;

/// Takes bytes as a client that just connected says them, and as ones of either version say them later. Panics where the front would
/// say or do two things about one packet.
pub fn take_any(bytes: &[u8]) {
    let mut input = BytesMut::from(bytes);
    if let Ok(Some(mut codec)) = Codec::for_connect(&mut input, CONNECT_BYTES_MAX as u32)
        && let Ok(Some(Incoming::Connect(connect))) = codec.decode(&mut input)
    {
        codec.heed(&connect);
        take_packets(codec, input);
    }
    for connect in [b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0".as_slice(), b"\x10\x0d\0\x04MQTT\x05\x02\0\0\0\0\0"] {
        let mut input = BytesMut::from(connect);
        if let Ok(Some(mut codec)) = Codec::for_connect(&mut input, CONNECT_BYTES_MAX as u32) {
            let greeted = codec.decode(&mut input);
            assert!(matches!(greeted, Ok(Some(Incoming::Connect(_)))), "a valid CONNECT");
            take_packets(codec, BytesMut::from(bytes));
        }
    }
}

fn take_packets(mut codec: Codec, mut input: BytesMut) {
    let (mut aliases, mut trie, mut filters) = (Taken::default(), Trie::default(), Vec::<Text>::new());
    while let Ok(Some(packet)) = codec.decode(&mut input) {
        match packet {
            Incoming::Publish(mut publish) => {
                say_again(&mut codec, &publish);
                if aliases.resolve(&mut publish).is_ok() && is_topic(&publish.topic) {
                    let mut found = Vec::new();
                    trie.matching(&publish.topic, &mut |&number: &usize| found.push(number));
                    found.sort_unstable();
                    let does_match = |number: &usize| matches(&filters[*number], &publish.topic);
                    assert_eq!(found, (0..filters.len()).filter(does_match).collect::<Vec<_>>(), "{:?}", publish.topic);
                }
            }
            Incoming::Subscribe(subscribe) => {
                for filter in subscribe.filters.iter().filter_map(|(filter, _)| Filter::parse(filter)) {
                    trie.insert(&filter.path, filters.len());
                    filters.push(filter.path);
                }
            }
            _ => {}
        }
    }
}

/// What a publisher said is what a subscriber reads.
fn say_again(codec: &mut Codec, publish: &Publish) {
    let said = Publish { alias: None, ..publish.clone() };
    let mut bytes = BytesMut::new();
    if said.topic.is_empty() || !codec.publish(said.clone(), &mut bytes) {
        return;
    }
    let read = codec.decode(&mut bytes);
    let Ok(Some(Incoming::Publish(read))) = read else { panic!("{said:?} is read as {read:?}") };
    // The front's own alias for the topic.
    let topic = if read.topic.is_empty() { said.topic.clone() } else { read.topic.clone() };
    assert_eq!(Publish { alias: None, topic, ..read }, said);
}
