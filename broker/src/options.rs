//! What an operator may set of the front. Limits that need no operator stand in `domain::limits`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use domain::access::{Anonymous, Peer, TopicPattern};
use domain::limits;
use serde::{Deserialize, Serialize};

/// The front's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// MQTT over TCP; port 0 takes a free one. Addresses and directory are the process's, which the binary sets.
    #[serde(skip)]
    pub listen: SocketAddr,
    /// MQTT over WebSocket (subprotocol `mqtt`); absent: no such listener.
    #[serde(skip)]
    pub websocket: Option<SocketAddr>,
    /// MQTT over TLS, and over a WebSocket over TLS; absent: no such listener.
    #[serde(skip)]
    pub secure: Option<SocketAddr>,
    #[serde(skip)]
    pub secure_websocket: Option<SocketAddr>,
    /// Where clients without credentials may come from.
    pub anonymous: Anonymous,
    /// Topics that clients without credentials do not read, as filters: a subscription within one of them is refused, and a wider one
    /// brings everything but them.
    pub private_topics: Vec<TopicPattern>,
    /// Listens without TLS on an address that other machines reach. Without it such a listener is refused (SEC-1).
    pub allow_plaintext_off_loopback: bool,
    /// Where sessions and retained messages are checkpointed.
    #[serde(skip)]
    pub dir: PathBuf,
    /// Client connections at a time.
    pub connections_max: usize,
    /// Client connections at a time from one IPv4 address or one /64 of IPv6; 0: as many as there are. Unless it is set, clients of
    /// this machine are not counted.
    pub connections_per_address_max: Option<usize>,
    /// Seconds from TCP accept to a whole CONNECT.
    pub handshake_max_s: u16,
    /// Bytes of the largest packet that is taken, as it is announced (MQTT 5 Maximum Packet Size).
    pub packet_bytes_max: u32,
    /// Publishes of one client that are taken a second, after a burst of ten seconds' worth; who sends faster is read more slowly.
    /// 0: as fast as it can. Unless it is set, clients of this machine have no such rate.
    pub publishes_per_second_max: Option<u32>,
    /// Unacknowledged publishes that a client may have open towards the front (MQTT 5 Receive Maximum).
    pub receive_maximum: u16,
    /// Subscriptions of one session.
    pub subscriptions_max: usize,
    /// Sessions that outlive their connections.
    pub sessions_max: usize,
    /// Bytes that lasting sessions, their subscriptions and the wills of all clients take.
    pub session_store_bytes_max: usize,
    /// Bytes of journal that one session may hold back before it ends.
    pub session_backlog_bytes_max: u64,
    /// Bytes of QoS 0 messages that wait for one subscriber to read them before it is disconnected.
    pub live_queue_bytes_max: usize,
    /// Seconds that a client may ask for between its packets, at most; 0: what it asks for. A longer wish or none is answered with
    /// this (MQTT 5 Server Keep Alive); a 3.1.1 client cannot be told and keeps its wish.
    pub keep_alive_max_s: u16,
    /// Seconds that an MQTT 5 session may outlive its connection, at most.
    pub session_expiry_max_s: u32,
    /// Sessions that must miss nothing, by client id (of a device with credentials `@device`, or `@device/client id`): the front keeps
    /// its journal for them from when it first starts with the name here, for as long as it takes. They never expire and may hold
    /// back any number of bytes; when the disk is full, publishes are not acknowledged any more.
    pub required_sessions: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)),
            websocket: None,
            secure: None,
            secure_websocket: None,
            anonymous: Anonymous::default(),
            private_topics: Vec::new(),
            allow_plaintext_off_loopback: false,
            dir: PathBuf::from("broker"),
            connections_max: limits::CONNECTIONS_MAX,
            connections_per_address_max: None,
            handshake_max_s: limits::HANDSHAKE_MAX.as_secs() as u16,
            packet_bytes_max: limits::PACKET_BYTES_MAX as u32,
            publishes_per_second_max: None,
            receive_maximum: limits::RECEIVE_MAXIMUM,
            subscriptions_max: limits::SUBSCRIPTIONS_PER_SESSION_MAX,
            sessions_max: limits::SESSIONS_MAX,
            session_store_bytes_max: limits::SESSION_STORE_BYTES_MAX,
            session_backlog_bytes_max: limits::SESSION_BACKLOG_BYTES_MAX,
            live_queue_bytes_max: limits::LIVE_QUEUE_BYTES_MAX,
            keep_alive_max_s: 0,
            session_expiry_max_s: limits::SESSION_BACKLOG_MAX.as_secs() as u32,
            required_sessions: Vec::new(),
        }
    }
}

impl Options {
    /// What of the settings cannot be kept, by key.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let packet_bytes = PACKET_BYTES_LEAST..=limits::PACKET_BYTES_MAX as u32;
        let faults = [
            ("broker.connections_max", "at least 1", self.connections_max == 0),
            ("broker.handshake_max_s", "at least 1", self.handshake_max_s == 0),
            (
                "broker.packet_bytes_max",
                "from 1024 to 1048576, which a record holds",
                !packet_bytes.contains(&self.packet_bytes_max),
            ),
            ("broker.receive_maximum", "from 1 to 16384", !(1..=RECEIVE_MAXIMUM_MOST).contains(&self.receive_maximum)),
        ];
        match faults.into_iter().find(|(.., is_fault)| *is_fault) {
            Some((key, wanted, _)) => Err((key, wanted)),
            None => Ok(()),
        }
    }

    pub fn is_required(&self, client: &str) -> bool {
        self.required_sessions.iter().any(|required| required == client)
    }

    /// Seconds that a session outlives its connection when its client wishes for so many.
    pub fn expiry_s(&self, client: &str, wish: u32) -> u32 {
        match wish {
            1.. if self.is_required(client) => u32::MAX,
            _ => wish.min(self.session_expiry_max_s),
        }
    }

    /// `None`: as many as there are.
    pub fn connections_per_address_max(&self, peer: &Peer) -> Option<usize> {
        let default = (!peer.is_local()).then_some(limits::CONNECTIONS_PER_ADDRESS_MAX);
        self.connections_per_address_max.or(default).filter(|&max| max > 0)
    }

    /// `None`: as fast as it can.
    pub fn publishes_per_second_max(&self, peer: &Peer) -> Option<u32> {
        let default = (!peer.is_local()).then_some(limits::PUBLISHES_PER_SECOND_MAX);
        self.publishes_per_second_max.or(default).filter(|&max| max > 0)
    }

    pub fn handshake_max(&self) -> Duration {
        Duration::from_secs(u64::from(self.handshake_max_s))
    }

    pub fn is_private(&self, topic_or_filter: &str) -> bool {
        self.private_topics.iter().any(|private| private.covers(topic_or_filter))
    }
}

/// A reading with its topic fits into it.
const PACKET_BYTES_LEAST: u32 = 1_024;
/// What one connection lets wait for its fsync: a larger window would never be filled.
const RECEIVE_MAXIMUM_MOST: u16 = limits::CONNECTION_PENDING_MAX as u16;
