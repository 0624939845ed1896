//! What the crate's packets of both versions say in the front's words, and what of it the protocol forbids.

use std::num::{NonZeroU16, NonZeroU32};

use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::Publish as WirePublish;
use rmqtt_codec::{types::QoS, v3, v5};

use crate::packet::{Connect, Fault, Incoming, Publish, Reason, Subscribe, SubscribeOptions, Version, Will};
use crate::properties::Properties;

pub fn fault(error: DecodeError) -> Fault {
    match error {
        DecodeError::MaxSizeExceeded { .. } => Fault::TooLarge,
        DecodeError::InvalidClientId => Fault::ClientId,
        _ => Fault::Malformed,
    }
}

pub fn of_v3(packet: v3::Packet, length: u32) -> Result<Incoming, Fault> {
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

pub fn of_v5(packet: v5::Packet, length: u32, clean: bool) -> Result<Incoming, Fault> {
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
        alias_max: 0,
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
        alias_max: connect.topic_alias_max,
        problem_info: connect.request_problem_info,
        extended_auth: connect.auth_method.is_some(),
    })
}
