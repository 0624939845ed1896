//! Bytes to packets and back: only this file and its child name the codec crate.
//!
//! `rmqtt-codec` was taken because it shares payload and topic with the read buffer, checks UTF-8 and every property, knows AUTH and
//! the shortest DISCONNECT, and covers 3.1, 3.1.1 and 5. What it lets through and the protocol forbids is refused here: payloads of
//! packets that have none, a wrong flag nibble, DUP at QoS 0, NUL in a topic. The four bytes of a successful acknowledgement, which
//! are the same in every version and are written once a publish, are written here.

mod incoming;

use std::num::{NonZeroU16, NonZeroU32};

use bytes::{BufMut, BytesMut};
use rmqtt_codec::types::Publish as WirePublish;
use rmqtt_codec::{types::QoS, v3, v5};
use tokio_util::codec::{Decoder, Encoder};

use crate::alias::{Alias, Given};
use crate::packet::{ConnAck, Connect, Fault, Incoming, Publish, Reason, Text, Version};

/// One connection's codec, of the version that its CONNECT named.
#[derive(Debug)]
pub enum Codec {
    V3(v3::Codec),
    V5(V5),
}

/// What an MQTT 5 client said of how it wants to be spoken to.
#[derive(Debug)]
pub struct V5 {
    codec: v5::Codec,
    /// The CONNECT's clean start, which the crate is not shown (see [`Codec::for_connect`]).
    clean: bool,
    aliases: Given,
    packet_max: usize,
    wants_texts: bool,
}

impl Codec {
    /// Looks at the head of a CONNECT. `None` until enough of it has come.
    ///
    /// MQTT 5 allows an empty client identifier without clean start and the crate does not, so that it is always shown clean
    /// start and the true bit is kept here.
    pub fn for_connect(bytes: &mut [u8], packet_max: u32) -> Result<Option<Self>, Fault> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        if first != 0x10 {
            return Err(Fault::Protocol);
        }
        let length = bytes[1..].iter().take(4).position(|byte| byte & 0x80 == 0);
        let Some(length) = length else {
            return if bytes.len() > 4 { Err(Fault::Malformed) } else { Ok(None) };
        };
        let body = &mut bytes[length + 2..];
        if body.len() < 2 {
            return Ok(None);
        }
        let name_length = usize::from(u16::from_be_bytes([body[0], body[1]]));
        if name_length != 4 && name_length != 6 {
            return Err(Fault::Malformed);
        }
        if body.len() < name_length + 4 {
            return Ok(None);
        }
        let level = body[2 + name_length];
        let flags = body[3 + name_length];
        let will_bits_without_will = flags & 0x04 == 0 && flags & 0x38 != 0;
        match (&body[2..2 + name_length], level) {
            (b"MQTT", 4 | 5) | (b"MQIsdp", 3) if flags & 1 != 0 || will_bits_without_will => Err(Fault::Malformed),
            (b"MQIsdp", 3) | (b"MQTT", 4) => Ok(Some(Self::V3(v3::Codec::new(packet_max)))),
            (b"MQTT", 5) => {
                body[3 + name_length] |= 0x02;
                Ok(Some(Self::v5(v5::Codec::new(packet_max, 0), flags & 0x02 != 0)))
            }
            (b"MQTT" | b"MQIsdp", level) => Err(Fault::Version(level)),
            _ => Err(Fault::Malformed),
        }
    }

    fn v5(codec: v5::Codec, clean: bool) -> Self {
        Self::V5(V5 { codec, clean, aliases: Given::default(), packet_max: usize::MAX, wants_texts: true })
    }

    pub fn version(&self) -> Version {
        match self {
            Self::V3(_) => Version::V3,
            Self::V5(_) => Version::V5,
        }
    }

    /// Keeps to what the client said in its CONNECT from now on.
    pub fn heed(&mut self, connect: &Connect) {
        if let Self::V5(v5) = self {
            v5.aliases = Given::new(connect.alias_max);
            v5.packet_max = connect.packet_max as usize;
            v5.wants_texts = connect.problem_info;
        }
    }

    /// Bytes of the largest packet taken from now on, without its fixed header.
    pub fn limit_incoming(&mut self, bytes: u32) {
        match self {
            Self::V3(codec) => codec.set_max_size(bytes),
            Self::V5(v5) => v5.codec.set_max_inbound_size(bytes),
        }
    }

    /// The next whole packet.
    pub fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Incoming>, Fault> {
        let packet = match self {
            Self::V3(codec) => {
                let packet = codec.decode(bytes).map_err(incoming::fault)?;
                packet.map(|(packet, length)| incoming::of_v3(packet, length))
            }
            Self::V5(V5 { codec, clean, .. }) => {
                let packet = codec.decode(bytes).map_err(incoming::fault)?;
                packet.map(|(packet, length)| incoming::of_v5(packet, length, *clean))
            }
        };
        packet.transpose()
    }

    pub fn connack(&mut self, ack: &ConnAck, out: &mut BytesMut) {
        match self {
            Self::V3(_) => out.put_slice(&[0x20, 2, u8::from(ack.session_present), connack_v3(ack.reason)]),
            Self::V5(v5) => {
                let wire = v5::ConnectAck {
                    session_present: ack.session_present,
                    reason_code: ack.reason.0.try_into().unwrap_or(v5::ConnectAckReason::UnspecifiedError),
                    session_expiry_interval_secs: ack.session_expiry_s,
                    receive_max: NonZeroU16::new(ack.receive_max).unwrap_or(NonZeroU16::MAX),
                    max_packet_size: (ack.packet_max > 0).then_some(ack.packet_max),
                    assigned_client_id: ack.assigned_client_id.as_deref().map(Into::into),
                    topic_alias_max: ack.topic_alias_max,
                    server_keepalive_sec: ack.server_keep_alive_s,
                    reason_string: ack.text.filter(|text| v5.may_say(text)).map(Text::from_static),
                    ..v5::ConnectAck::default()
                };
                v5.codec.encode(v5::Packet::from(wire), out).expect("a CONNACK is far below the protocol's limits");
            }
        }
    }

    pub fn puback(&mut self, id: u16, reason: Reason, out: &mut BytesMut) {
        self.ack(0x40, id, reason, out);
    }

    pub fn pubrec(&mut self, id: u16, reason: Reason, out: &mut BytesMut) {
        self.ack(0x50, id, reason, out);
    }

    pub fn pubrel(&mut self, id: u16, reason: Reason, out: &mut BytesMut) {
        self.ack(0x62, id, reason, out);
    }

    pub fn pubcomp(&mut self, id: u16, reason: Reason, out: &mut BytesMut) {
        self.ack(0x70, id, reason, out);
    }

    /// Without words: devices send much and read little, and some of their clients know no properties of an acknowledgement.
    fn ack(&self, first: u8, id: u16, reason: Reason, out: &mut BytesMut) {
        let [high, low] = id.to_be_bytes();
        match self {
            Self::V5(_) if reason != Reason::SUCCESS => out.put_slice(&[first, 3, high, low, reason.0]),
            _ => out.put_slice(&[first, 2, high, low]),
        }
    }

    /// One reason a filter: the granted QoS or a refusal.
    pub fn suback(&mut self, id: u16, reasons: &[Reason], out: &mut BytesMut) {
        let v3 = |reason: &Reason| if reason.is_refusal() { 0x80 } else { reason.0 };
        match self {
            Self::V3(_) => put_packet(0x90, &codes(id, reasons.iter().map(v3)), None, out),
            Self::V5(v5) => v5.put_codes(0x90, id, reasons, out),
        }
    }

    pub fn unsuback(&mut self, id: u16, reasons: &[Reason], out: &mut BytesMut) {
        match self {
            Self::V3(_) => put_packet(0xB0, &id.to_be_bytes(), None, out),
            Self::V5(v5) => v5.put_codes(0xB0, id, reasons, out),
        }
    }

    pub fn pingresp(&mut self, out: &mut BytesMut) {
        out.put_slice(&[0xD0, 0]);
    }

    /// MQTT 5 only: 3.1.1 has no word for it.
    pub fn disconnect(&mut self, reason: Reason, text: &'static str, out: &mut BytesMut) {
        if let Self::V5(v5) = self {
            let text = Some(text).filter(|text| v5.may_say(text)).map(|text| (Place::End, text));
            put_packet(0xE0, &[reason.0], text, out);
        }
    }

    /// `false` when the packet is larger than the client said that it takes.
    pub fn publish(&mut self, mut publish: Publish, out: &mut BytesMut) -> bool {
        match self {
            Self::V3(codec) => {
                let start = out.len();
                let fits = codec.encode(v3::Packet::Publish(wire_publish(publish, None)), out).is_ok();
                if !fits {
                    out.truncate(start);
                }
                fits
            }
            Self::V5(v5) => {
                let start = out.len();
                let topic = publish.topic.clone();
                let alias = v5.aliases.of(&topic);
                let number = match alias {
                    Alias::None => None,
                    Alias::New(alias) | Alias::Known(alias) => NonZeroU16::new(alias),
                };
                if let Alias::Known(_) = alias {
                    publish.topic = Text::new();
                }
                let properties = wire_properties(&mut publish, number);
                let encoded = v5.codec.encode(v5::Packet::Publish(wire_publish(publish, Some(properties))), out);
                let fits = encoded.is_ok() && out.len() - start <= v5.packet_max;
                match alias {
                    Alias::New(alias) if fits => v5.aliases.keep(&topic, alias),
                    _ if fits => {}
                    _ => out.truncate(start),
                }
                fits
            }
        }
    }
}

impl V5 {
    /// Reason strings are for clients that ask for them, and never make a packet larger than one takes.
    fn may_say(&self, text: &str) -> bool {
        self.wants_texts && text.len() + TEXT_PACKET_BYTES <= self.packet_max
    }

    fn put_codes(&self, first: u8, id: u16, reasons: &[Reason], out: &mut BytesMut) {
        let refused = reasons.iter().find(|reason| reason.is_refusal()).map(|reason| reason.text());
        let text = refused.filter(|text| self.may_say(text) && text.len() + reasons.len() + TEXT_PACKET_BYTES <= self.packet_max);
        put_packet(first, &codes(id, reasons.iter().map(|reason| reason.0)), Some((Place::After(2), text.unwrap_or(""))), out);
    }
}

/// What a packet with a reason string holds beside it, codes of a SUBACK not counted.
const TEXT_PACKET_BYTES: usize = 32;
const REASON_STRING: u8 = 0x1F;

/// Where a packet's properties stand in its body.
enum Place {
    After(usize),
    End,
}

fn codes(id: u16, codes: impl Iterator<Item = u8>) -> Vec<u8> {
    id.to_be_bytes().into_iter().chain(codes).collect()
}

/// A packet with a reason string as its only property; an empty text is no property.
fn put_packet(first: u8, body: &[u8], text: Option<(Place, &str)>, out: &mut BytesMut) {
    let (before, after, properties) = match text {
        None => (body, &[][..], None),
        Some((Place::After(at), text)) => (&body[..at], &body[at..], Some(text)),
        Some((Place::End, text)) => (body, &[][..], Some(text)),
    };
    let property_bytes = properties.map_or(0, |text| if text.is_empty() { 0 } else { text.len() + 3 });
    out.put_u8(first);
    put_length(body.len() + properties.map_or(0, |_| 1 + property_bytes), out);
    out.put_slice(before);
    if let Some(text) = properties {
        debug_assert!(property_bytes < 0x80, "reason strings are short enough for one byte of length");
        out.put_u8(property_bytes as u8);
        if !text.is_empty() {
            out.put_u8(REASON_STRING);
            out.put_u16(text.len() as u16);
            out.put_slice(text.as_bytes());
        }
    }
    out.put_slice(after);
}

fn put_length(mut length: usize, out: &mut BytesMut) {
    loop {
        let more = if length > 0x7F { 0x80 } else { 0 };
        out.put_u8((length & 0x7F) as u8 | more);
        length >>= 7;
        if length == 0 {
            return;
        }
    }
}

fn wire_properties(publish: &mut Publish, alias: Option<NonZeroU16>) -> v5::PublishProperties {
    let properties = std::mem::take(&mut publish.properties);
    v5::PublishProperties {
        topic_alias: alias,
        correlation_data: properties.correlation,
        message_expiry_interval: properties.expiry_s.and_then(NonZeroU32::new),
        content_type: properties.content_type,
        user_properties: properties.user,
        is_utf8_payload: properties.utf8,
        response_topic: properties.response_topic,
        subscription_ids: std::mem::take(&mut publish.subscriptions).into_iter().filter_map(NonZeroU32::new).collect(),
    }
}

fn wire_publish(publish: Publish, properties: Option<v5::PublishProperties>) -> Box<WirePublish> {
    Box::new(WirePublish {
        dup: publish.dup,
        retain: publish.retain,
        qos: QoS::try_from(publish.qos).unwrap_or(QoS::AtMostOnce),
        topic: publish.topic,
        packet_id: NonZeroU16::new(publish.id),
        payload: publish.payload,
        properties,
    })
}

/// The answer to a CONNECT of a version that nobody speaks here.
pub fn refuse_version(level: u8, out: &mut BytesMut) {
    if level >= 5 {
        out.put_slice(&[0x20, 3, 0, Reason::UNSUPPORTED_VERSION.0, 0]);
    } else {
        out.put_slice(&[0x20, 2, 0, 1]);
    }
}

fn connack_v3(reason: Reason) -> u8 {
    match reason {
        Reason::SUCCESS => 0,
        Reason::UNSUPPORTED_VERSION => 1,
        Reason::CLIENT_ID_NOT_VALID => 2,
        Reason::BAD_CREDENTIALS => 4,
        Reason::NOT_AUTHORISED => 5,
        _ => 3,
    }
}

#[cfg(test)]
mod tests;
