//! Bytes to packets and back: the only file that names the codec crate.
//!
//! `rmqtt-codec` was taken because it shares payload and topic with the read buffer, checks UTF-8 and every property, knows AUTH and
//! the shortest DISCONNECT, and covers 3.1, 3.1.1 and 5. What it lets through and the protocol forbids is refused here: payloads of
//! packets that have none, a wrong flag nibble, DUP at QoS 0, NUL in a topic. The four bytes of a successful acknowledgement, which
//! are the same in every version and are written once a publish, are written here.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::{BufMut, BytesMut};
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::Publish as WirePublish;
use rmqtt_codec::{types::QoS, v3, v5};
use tokio_util::codec::{Decoder, Encoder};

use crate::packet::{ConnAck, Connect, Fault, Incoming, Publish, Reason, Subscribe, SubscribeOptions, Version, Will};
use crate::properties::Properties;

/// One connection's codec, of the version that its CONNECT named.
#[derive(Debug)]
pub enum Codec {
    V3(v3::Codec),
    /// `clean`: the CONNECT's clean start, which the crate is not shown (see [`Codec::for_connect`]).
    V5 {
        codec: v5::Codec,
        clean: bool,
    },
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
                Ok(Some(Self::V5 { codec: v5::Codec::new(packet_max, 0), clean: flags & 0x02 != 0 }))
            }
            (b"MQTT" | b"MQIsdp", level) => Err(Fault::Version(level)),
            _ => Err(Fault::Malformed),
        }
    }

    pub fn version(&self) -> Version {
        match self {
            Self::V3(_) => Version::V3,
            Self::V5 { .. } => Version::V5,
        }
    }

    /// Bytes of the largest packet taken from now on, without its fixed header.
    pub fn limit_incoming(&mut self, bytes: u32) {
        match self {
            Self::V3(codec) => codec.set_max_size(bytes),
            Self::V5 { codec, .. } => codec.set_max_inbound_size(bytes),
        }
    }

    /// The next whole packet.
    pub fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Incoming>, Fault> {
        let packet = match self {
            Self::V3(codec) => codec.decode(bytes).map_err(fault)?.map(|(packet, length)| incoming_v3(packet, length)),
            Self::V5 { codec, clean } => {
                codec.decode(bytes).map_err(fault)?.map(|(packet, length)| incoming_v5(packet, length, *clean))
            }
        };
        packet.transpose()
    }

    pub fn connack(&mut self, ack: &ConnAck, out: &mut BytesMut) {
        match self {
            Self::V3(_) => out.put_slice(&[0x20, 2, u8::from(ack.session_present), connack_v3(ack.reason)]),
            Self::V5 { codec, .. } => {
                let wire = v5::ConnectAck {
                    session_present: ack.session_present,
                    reason_code: ack.reason.0.try_into().unwrap_or(v5::ConnectAckReason::UnspecifiedError),
                    session_expiry_interval_secs: ack.session_expiry_s,
                    receive_max: NonZeroU16::new(ack.receive_max).unwrap_or(NonZeroU16::MAX),
                    max_packet_size: Some(domain::limits::PACKET_BYTES_MAX as u32),
                    assigned_client_id: ack.assigned_client_id.as_deref().map(Into::into),
                    topic_alias_max: ack.topic_alias_max,
                    server_keepalive_sec: ack.server_keep_alive_s,
                    ..v5::ConnectAck::default()
                };
                codec.encode(v5::Packet::from(wire), out).expect("a CONNACK is far below the protocol's limits");
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

    fn ack(&self, first: u8, id: u16, reason: Reason, out: &mut BytesMut) {
        let [high, low] = id.to_be_bytes();
        if reason == Reason::SUCCESS || self.version() == Version::V3 {
            out.put_slice(&[first, 2, high, low]);
        } else {
            out.put_slice(&[first, 3, high, low, reason.0]);
        }
    }

    /// One reason a filter: the granted QoS or a refusal.
    pub fn suback(&mut self, id: u16, reasons: &[Reason], out: &mut BytesMut) {
        let v3 = |reason: &Reason| if reason.0 > 2 { 0x80 } else { reason.0 };
        match self {
            Self::V3(_) => put_codes(0x90, id, false, reasons.iter().map(v3), out),
            Self::V5 { .. } => put_codes(0x90, id, true, reasons.iter().map(|reason| reason.0), out),
        }
    }

    pub fn unsuback(&mut self, id: u16, reasons: &[Reason], out: &mut BytesMut) {
        match self {
            Self::V3(_) => put_codes(0xB0, id, false, std::iter::empty(), out),
            Self::V5 { .. } => put_codes(0xB0, id, true, reasons.iter().map(|reason| reason.0), out),
        }
    }

    pub fn pingresp(&mut self, out: &mut BytesMut) {
        out.put_slice(&[0xD0, 0]);
    }

    /// MQTT 5 only: 3.1.1 has no word for it.
    pub fn disconnect(&mut self, reason: Reason, out: &mut BytesMut) {
        if let Self::V5 { .. } = self {
            out.put_slice(&[0xE0, 1, reason.0]);
        }
    }

    /// `false` when the packet is larger than `packet_max`: the client said that it does not take it.
    pub fn publish(&mut self, publish: Publish, packet_max: u32, out: &mut BytesMut) -> bool {
        let start = out.len();
        let properties = publish.properties;
        let wire = Box::new(WirePublish {
            dup: publish.dup,
            retain: publish.retain,
            qos: QoS::try_from(publish.qos).unwrap_or(QoS::AtMostOnce),
            topic: publish.topic,
            packet_id: NonZeroU16::new(publish.id),
            payload: publish.payload,
            properties: matches!(self, Self::V5 { .. }).then(|| v5::PublishProperties {
                topic_alias: None,
                correlation_data: properties.correlation,
                message_expiry_interval: properties.expiry_s.and_then(NonZeroU32::new),
                content_type: properties.content_type,
                user_properties: properties.user,
                is_utf8_payload: properties.utf8,
                response_topic: properties.response_topic,
                subscription_ids: publish.subscriptions.into_iter().filter_map(NonZeroU32::new).collect(),
            }),
        });
        let encoded = match self {
            Self::V3(codec) => codec.encode(v3::Packet::Publish(wire), out),
            Self::V5 { codec, .. } => codec.encode(v5::Packet::Publish(wire), out),
        };
        let fits = encoded.is_ok() && out.len() - start <= packet_max as usize;
        if !fits {
            out.truncate(start);
        }
        fits
    }
}

/// The answer to a CONNECT of a version that nobody speaks here.
pub fn refuse_version(level: u8, out: &mut BytesMut) {
    if level >= 5 {
        out.put_slice(&[0x20, 3, 0, Reason::UNSUPPORTED_VERSION.0, 0]);
    } else {
        out.put_slice(&[0x20, 2, 0, 1]);
    }
}

fn put_codes(first: u8, id: u16, properties: bool, codes: impl Iterator<Item = u8>, out: &mut BytesMut) {
    let codes: Vec<u8> = codes.collect();
    let mut length = 2 + usize::from(properties) + codes.len();
    out.put_u8(first);
    loop {
        let more = if length > 0x7F { 0x80 } else { 0 };
        out.put_u8((length & 0x7F) as u8 | more);
        length >>= 7;
        if length == 0 {
            break;
        }
    }
    out.put_u16(id);
    if properties {
        out.put_u8(0);
    }
    out.put_slice(&codes);
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

fn fault(error: DecodeError) -> Fault {
    match error {
        DecodeError::MaxSizeExceeded { .. } => Fault::TooLarge,
        DecodeError::InvalidClientId => Fault::ClientId,
        _ => Fault::Malformed,
    }
}

fn incoming_v3(packet: v3::Packet, length: u32) -> Result<Incoming, Fault> {
    Ok(match packet {
        v3::Packet::Connect(connect) => Incoming::Connect(Box::new(connect_v3(*connect)?)),
        v3::Packet::Publish(publish) => Incoming::Publish(incoming_publish(*publish)?),
        v3::Packet::PublishAck { packet_id } => Incoming::PubAck { id: packet_id.get() },
        v3::Packet::PublishReceived { packet_id } => Incoming::PubRec { id: packet_id.get(), refused: false },
        v3::Packet::PublishRelease { packet_id } => Incoming::PubRel { id: packet_id.get() },
        v3::Packet::PublishComplete { packet_id } => Incoming::PubComp { id: packet_id.get() },
        v3::Packet::Subscribe { packet_id, topic_filters } if !topic_filters.is_empty() => {
            let options =
                |qos: QoS| SubscribeOptions { qos: qos.value(), no_local: false, retain_as_published: false, retain_handling: 0 };
            let filters = topic_filters.into_iter().map(|(filter, qos)| (filter, options(qos))).collect();
            Incoming::Subscribe(Subscribe { id: packet_id.get(), identifier: None, filters })
        }
        v3::Packet::Unsubscribe { packet_id, topic_filters } if !topic_filters.is_empty() => {
            Incoming::Unsubscribe { id: packet_id.get(), filters: topic_filters }
        }
        v3::Packet::PingRequest if length == 0 => Incoming::PingReq,
        v3::Packet::Disconnect if length == 0 => Incoming::Disconnect { reason: Reason::SUCCESS, session_expiry_s: None },
        v3::Packet::PingRequest | v3::Packet::Disconnect => return Err(Fault::Malformed),
        _ => return Err(Fault::Protocol),
    })
}

fn incoming_v5(packet: v5::Packet, length: u32, clean: bool) -> Result<Incoming, Fault> {
    Ok(match packet {
        v5::Packet::Connect(connect) => Incoming::Connect(Box::new(connect_v5(*connect, clean)?)),
        v5::Packet::Publish(publish) => Incoming::Publish(incoming_publish(*publish)?),
        v5::Packet::PublishAck(ack) => Incoming::PubAck { id: ack.packet_id.get() },
        v5::Packet::PublishReceived(ack) => {
            Incoming::PubRec { id: ack.packet_id.get(), refused: u8::from(ack.reason_code) >= 0x80 }
        }
        v5::Packet::PublishRelease(ack) => Incoming::PubRel { id: ack.packet_id.get() },
        v5::Packet::PublishComplete(ack) => Incoming::PubComp { id: ack.packet_id.get() },
        v5::Packet::Subscribe(subscribe) if !subscribe.topic_filters.is_empty() => {
            let options = |wire: v5::SubscriptionOptions| SubscribeOptions {
                qos: wire.qos.value(),
                no_local: wire.no_local,
                retain_as_published: wire.retain_as_published,
                retain_handling: wire.retain_handling.into(),
            };
            let filters = subscribe.topic_filters.into_iter().map(|(filter, wire)| (filter, options(wire))).collect();
            let identifier = subscribe.id.map(NonZeroU32::get);
            Incoming::Subscribe(Subscribe { id: subscribe.packet_id.get(), identifier, filters })
        }
        v5::Packet::Unsubscribe(unsubscribe) if !unsubscribe.topic_filters.is_empty() => {
            Incoming::Unsubscribe { id: unsubscribe.packet_id.get(), filters: unsubscribe.topic_filters }
        }
        v5::Packet::PingRequest if length == 0 => Incoming::PingReq,
        v5::Packet::PingRequest => return Err(Fault::Malformed),
        v5::Packet::Disconnect(disconnect) => Incoming::Disconnect {
            reason: Reason(disconnect.reason_code.into()),
            session_expiry_s: disconnect.session_expiry_interval_secs,
        },
        v5::Packet::Auth(_) => Incoming::Auth,
        _ => return Err(Fault::Protocol),
    })
}

fn incoming_publish(publish: WirePublish) -> Result<Publish, Fault> {
    let qos = publish.qos.value();
    if (qos == 0 && publish.dup) || publish.topic.as_bytes().contains(&0) {
        return Err(Fault::Malformed);
    }
    let mut alias = None;
    let mut properties = Properties::default();
    if let Some(wire) = publish.properties {
        if !wire.subscription_ids.is_empty() {
            return Err(Fault::Protocol);
        }
        alias = wire.topic_alias.map(NonZeroU16::get);
        properties = Properties {
            utf8: wire.is_utf8_payload,
            expiry_s: wire.message_expiry_interval.map(NonZeroU32::get),
            content_type: wire.content_type,
            response_topic: wire.response_topic,
            correlation: wire.correlation_data,
            user: wire.user_properties,
        };
    }
    let id = publish.packet_id.map_or(0, NonZeroU16::get);
    let (dup, retain, topic, payload) = (publish.dup, publish.retain, publish.topic, publish.payload);
    Ok(Publish { dup, qos, retain, topic, id, alias, payload, properties, subscriptions: Vec::new() })
}

fn connect_v3(connect: v3::Connect) -> Result<Connect, Fault> {
    if connect.password.is_some() && connect.username.is_none() {
        return Err(Fault::Malformed);
    }
    let will = connect.last_will.map(|will| Will {
        topic: will.topic,
        payload: will.message,
        qos: will.qos.value(),
        retain: will.retain,
        delay_s: 0,
        properties: Properties::default(),
    });
    Ok(Connect {
        version: Version::V3,
        clean: connect.clean_session,
        keep_alive_s: connect.keep_alive,
        client_id: connect.client_id,
        user: connect.username,
        password: connect.password,
        will,
        session_expiry_s: if connect.clean_session { 0 } else { u32::MAX },
        receive_max: u16::MAX,
        packet_max: u32::MAX,
        problem_info: false,
        extended_auth: false,
    })
}

fn connect_v5(connect: v5::Connect, clean: bool) -> Result<Connect, Fault> {
    if connect.auth_data.is_some() && connect.auth_method.is_none() {
        return Err(Fault::Protocol);
    }
    let will = connect.last_will.map(|will| Will {
        topic: will.topic,
        payload: will.message,
        qos: will.qos.value(),
        retain: will.retain,
        delay_s: will.will_delay_interval_sec.unwrap_or(0),
        properties: Properties {
            utf8: will.is_utf8_payload.unwrap_or(false),
            expiry_s: will.message_expiry_interval.map(NonZeroU32::get),
            content_type: will.content_type,
            response_topic: will.response_topic,
            correlation: will.correlation_data,
            user: will.user_properties,
        },
    });
    Ok(Connect {
        version: Version::V5,
        clean,
        keep_alive_s: connect.keep_alive,
        client_id: connect.client_id,
        user: connect.username,
        password: connect.password,
        will,
        session_expiry_s: connect.session_expiry_interval_secs,
        receive_max: connect.receive_max.map_or(u16::MAX, NonZeroU16::get),
        packet_max: connect.max_packet_size.map_or(u32::MAX, NonZeroU32::get),
        problem_info: connect.request_problem_info,
        extended_auth: connect.auth_method.is_some(),
    })
}

#[cfg(test)]
mod tests;
