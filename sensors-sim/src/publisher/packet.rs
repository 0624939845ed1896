//! The few packets of MQTT 3.1.1 that a publisher needs, written out (OASIS standard, section 3).

use bytes::{Buf, Bytes, BytesMut};

use super::PublisherOptions;

pub const PINGREQ: [u8; 2] = [0xc0, 0];
pub const DISCONNECT: [u8; 2] = [0xe0, 0];
/// The DUP bit of a PUBLISH's first byte.
pub const DUP: u8 = 0x08;
/// Packets from a broker to a publisher are a few bytes; a longer one is something else.
const INBOUND_BYTES_MAX: usize = 64 * 1024;

/// What a broker sends a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    ConnAck {
        code: u8,
    },
    PubAck {
        packet_id: u16,
    },
    /// PINGRESP, and whatever else proves that the broker lives.
    Other,
}

/// CONNECT with a clean session: what is unacknowledged is kept here, not there.
pub fn connect(options: &PublisherOptions) -> Vec<u8> {
    let flags = 0x02 | if options.username.is_some() { 0x80 } else { 0 } | if options.password.is_some() { 0x40 } else { 0 };
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags];
    body.extend_from_slice(&options.keep_alive_s.to_be_bytes());
    string(&mut body, &options.client_id);
    for text in [&options.username, &options.password].into_iter().flatten() {
        string(&mut body, text);
    }
    packet(0x10, &body)
}

/// PUBLISH at QoS 1. The packet id stands right after the topic: at [`packet_id_offset`].
pub fn publish(topic: &str, packet_id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 4);
    string(&mut body, topic);
    body.extend_from_slice(&packet_id.to_be_bytes());
    body.extend_from_slice(payload);
    packet(0x32, &body)
}

/// Where a PUBLISH of [`publish`] carries its packet id; its payload follows two bytes on.
pub fn packet_id_offset(packet: &[u8]) -> usize {
    let length_bytes = packet[1..].iter().position(|byte| byte & 0x80 == 0).map_or(1, |last| last + 1);
    let topic = 1 + length_bytes;
    topic + 2 + usize::from(u16::from_be_bytes([packet[topic], packet[topic + 1]]))
}

fn string(body: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(body.len() + 5);
    packet.push(first);
    let mut rest = body.len();
    loop {
        let low = (rest % 128) as u8;
        rest /= 128;
        packet.push(if rest > 0 { low | 0x80 } else { low });
        if rest == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

/// Takes the next whole packet off `buffer`; `None` while it is incomplete.
pub fn take(buffer: &mut BytesMut) -> Result<Option<Inbound>, String> {
    let mut length = 0_usize;
    let mut at = 1;
    loop {
        let Some(&byte) = buffer.get(at) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
        if at > 4 {
            return Err("a packet length of more than four bytes".to_owned());
        }
    }
    if length > INBOUND_BYTES_MAX {
        return Err(format!("a packet of {length} bytes"));
    }
    if buffer.len() < at + length {
        return Ok(None);
    }
    let first = buffer[0];
    buffer.advance(at);
    let body: Bytes = buffer.split_to(length).freeze();
    Ok(Some(match (first >> 4, body.len()) {
        (2, 2..) => Inbound::ConnAck { code: body[1] },
        (4, 2..) => Inbound::PubAck { packet_id: u16::from_be_bytes([body[0], body[1]]) },
        _ => Inbound::Other,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_carries_topic_id_and_payload_where_the_standard_puts_them() {
        assert_eq!(publish("a/b", 10, b"hi"), b"\x32\x09\x00\x03a/b\x00\x0ahi");
        let long = publish("a/b", 10, &[0; 200]);
        assert_eq!(&long[1..3], &[0xcf, 0x01]);
        assert_eq!(packet_id_offset(&long), 8);
    }

    #[test]
    fn packets_come_off_whole_whatever_the_cuts() {
        let stream = [0x20, 2, 0, 0, 0x40, 2, 1, 2, 0xd0, 0];
        for cut in 0..stream.len() {
            let mut buffer = BytesMut::from(&stream[..cut]);
            let mut found = Vec::new();
            while let Some(packet) = take(&mut buffer).expect("well formed") {
                found.push(packet);
            }
            buffer.extend_from_slice(&stream[cut..]);
            while let Some(packet) = take(&mut buffer).expect("well formed") {
                found.push(packet);
            }
            assert_eq!(found, [Inbound::ConnAck { code: 0 }, Inbound::PubAck { packet_id: 0x102 }, Inbound::Other]);
        }
    }
}
