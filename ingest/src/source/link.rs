//! One connection to the broker, whichever version it speaks. The only file that names rumqttc, but for the type of
//! its TLS.
//!
//! A link is opened for one connection and dropped with it: rumqttc keeps unread events and queued acknowledgements of a lost
//! connection and would mix them into the next one. It sends one acknowledgement for some ten messages read while more are there to
//! read, so what bounds the unacknowledged is the broker's window: leave `max_inflight_messages` of Mosquitto finite (a few
//! hundred for many readings a second; its default of 20 waits for an fsync every 20 messages).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::limits::BRIDGE_PACKET_BYTES_MAX;
use domain::record::Content;
use rumqttc::tokio_rustls::rustls::ClientConfig;
use rumqttc::v5::mqttbytes::v5;
use rumqttc::{AsyncClient, EventLoop, TlsConfiguration, Transport};

use super::message::Message;
use super::options::{Broker, Version};

/// Both directions, so that one can be awaited beside the other.
pub(super) struct Link {
    pub(super) arrivals: Arrivals,
    pub(super) answers: Answers,
}

/// What came; never awaited twice at a time, and dropped unfinished only when the connection is given up.
pub(super) enum Arrivals {
    V3(Box<EventLoop>),
    V5(Box<rumqttc::v5::EventLoop>),
}

/// What is sent.
#[derive(Clone)]
pub(super) enum Answers {
    V3(AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Connected {
        session_present: bool,
    },
    /// How many filters were not granted.
    Subscribed {
        refused: usize,
    },
    Message(Message),
    Other,
}

/// The connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error(transparent)]
    V3(Box<rumqttc::ConnectionError>),
    #[error(transparent)]
    V5(Box<rumqttc::v5::ConnectionError>),
    #[error("the connection no longer takes what is to be sent")]
    Answers,
    #[error("{0} topic filters were not granted")]
    Refused(usize),
    #[error("the broker sends more unacknowledged messages than there are packet ids")]
    PacketIds,
}

const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Answers that wait for the socket; the acknowledging side waits beyond it.
const ANSWERS_MAX: usize = 1_024;
/// MQTT 5: the session never expires at the broker.
const EXPIRY_NEVER: u32 = u32::MAX;

impl Link {
    /// Connects with the first arrival.
    pub(super) fn open(broker: &Broker) -> Self {
        match broker.version {
            Version::V3 => Self::open_v3(broker),
            Version::V5 => Self::open_v5(broker),
        }
    }

    fn open_v3(broker: &Broker) -> Self {
        let mut options = rumqttc::MqttOptions::new(&broker.client_id, &broker.host, broker.port);
        options
            .set_clean_session(false)
            .set_manual_acks(true)
            .set_keep_alive(KEEP_ALIVE)
            .set_max_packet_size(BRIDGE_PACKET_BYTES_MAX as usize, BRIDGE_PACKET_BYTES_MAX as usize);
        if let Some((user, password)) = &broker.login {
            options.set_credentials(user, password);
        }
        if let Some(tls) = &broker.tls {
            options.set_transport(transport(tls));
        }
        let (client, events) = AsyncClient::new(options, ANSWERS_MAX);
        Self { arrivals: Arrivals::V3(Box::new(events)), answers: Answers::V3(client) }
    }

    fn open_v5(broker: &Broker) -> Self {
        let mut options = rumqttc::v5::MqttOptions::new(&broker.client_id, &broker.host, broker.port);
        options
            .set_clean_start(false)
            .set_manual_acks(true)
            .set_keep_alive(KEEP_ALIVE)
            .set_session_expiry_interval(Some(EXPIRY_NEVER))
            .set_receive_maximum(Some(broker.inflight))
            .set_max_packet_size(Some(BRIDGE_PACKET_BYTES_MAX));
        if let Some((user, password)) = &broker.login {
            options.set_credentials(user, password);
        }
        if let Some(tls) = &broker.tls {
            options.set_transport(transport(tls));
        }
        let (client, events) = rumqttc::v5::AsyncClient::new(options, ANSWERS_MAX);
        Self { arrivals: Arrivals::V5(Box::new(events)), answers: Answers::V5(client) }
    }
}

fn transport(tls: &Arc<ClientConfig>) -> Transport {
    Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls)))
}

impl Arrivals {
    pub(super) async fn next(&mut self) -> Result<Arrival, Lost> {
        match self {
            Self::V3(events) => events.poll().await.map(arrival_v3).map_err(|error| Lost::V3(Box::new(error))),
            Self::V5(events) => events.poll().await.map(arrival_v5).map_err(|error| Lost::V5(Box::new(error))),
        }
    }
}

fn arrival_v3(event: rumqttc::Event) -> Arrival {
    use rumqttc::{Event, Packet, SubscribeReasonCode};
    match event {
        Event::Incoming(Packet::ConnAck(ack)) => Arrival::Connected { session_present: ack.session_present },
        Event::Incoming(Packet::SubAck(ack)) => {
            let refused = ack.return_codes.iter().filter(|code| **code == SubscribeReasonCode::Failure).count();
            Arrival::Subscribed { refused }
        }
        Event::Incoming(Packet::Publish(publish)) => Arrival::Message(Message {
            topic: Bytes::from(publish.topic),
            payload: publish.payload,
            qos: publish.qos as u8,
            retain: publish.retain,
            content: Content::Default,
            packet_id: publish.pkid,
        }),
        _ => Arrival::Other,
    }
}

fn arrival_v5(event: rumqttc::v5::Event) -> Arrival {
    use rumqttc::v5::Event;
    match event {
        Event::Incoming(v5::Packet::ConnAck(ack)) => Arrival::Connected { session_present: ack.session_present },
        Event::Incoming(v5::Packet::SubAck(ack)) => {
            let granted = |code: &&v5::SubscribeReasonCode| matches!(code, v5::SubscribeReasonCode::Success(_));
            Arrival::Subscribed { refused: ack.return_codes.len() - ack.return_codes.iter().filter(granted).count() }
        }
        Event::Incoming(v5::Packet::Publish(publish)) => {
            let media_type = publish.properties.as_ref().and_then(|properties| properties.content_type.as_deref());
            Arrival::Message(Message {
                topic: publish.topic,
                payload: publish.payload,
                qos: publish.qos as u8,
                retain: publish.retain,
                content: if media_type == Some("application/cbor") { Content::Cbor } else { Content::Default },
                packet_id: publish.pkid,
            })
        }
        _ => Arrival::Other,
    }
}

impl Answers {
    /// Asks for every filter at QoS 1. MQTT 5 brokers send retained messages for new ones only.
    pub(super) async fn subscribe(&self, filters: &[String]) -> Result<(), Lost> {
        match self {
            Self::V3(client) => {
                let filters = filters.iter().map(|path| rumqttc::SubscribeFilter::new(path.clone(), rumqttc::QoS::AtLeastOnce));
                client.subscribe_many(filters).await.map_err(|_| Lost::Answers)
            }
            Self::V5(client) => {
                let filters = filters.iter().map(|path| v5::Filter {
                    retain_forward_rule: v5::RetainForwardRule::OnNewSubscribe,
                    preserve_retain: true,
                    ..v5::Filter::new(path, rumqttc::v5::mqttbytes::QoS::AtLeastOnce)
                });
                client.subscribe_many(filters).await.map_err(|_| Lost::Answers)
            }
        }
    }

    /// Acknowledges one QoS 1 message.
    pub(super) async fn acknowledge(&self, packet_id: u16) -> Result<(), Lost> {
        match self {
            Self::V3(client) => {
                let mut publish = rumqttc::Publish::new("", rumqttc::QoS::AtLeastOnce, Vec::new());
                publish.pkid = packet_id;
                client.ack(&publish).await.map_err(|_| Lost::Answers)
            }
            Self::V5(client) => {
                let publish =
                    v5::Publish { qos: rumqttc::v5::mqttbytes::QoS::AtLeastOnce, pkid: packet_id, ..Default::default() };
                client.ack(&publish).await.map_err(|_| Lost::Answers)
            }
        }
    }

    pub(super) async fn leave(&self) -> Result<(), Lost> {
        match self {
            Self::V3(client) => client.disconnect().await.map_err(|_| Lost::Answers),
            Self::V5(client) => client.disconnect().await.map_err(|_| Lost::Answers),
        }
    }
}
