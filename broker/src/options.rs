//! What an operator may set of the front. Limits that need no operator stand in `domain::limits`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use domain::access::Anonymous;
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
    /// Listens without TLS on an address that other machines reach. Without it such a listener is refused (SEC-1).
    pub allow_plaintext_off_loopback: bool,
    /// Where sessions and retained messages are checkpointed.
    #[serde(skip)]
    pub dir: PathBuf,
    /// Client connections at a time.
    pub connections_max: usize,
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
            allow_plaintext_off_loopback: false,
            dir: PathBuf::from("broker"),
            connections_max: limits::CONNECTIONS_MAX,
            keep_alive_max_s: 0,
            session_expiry_max_s: limits::SESSION_BACKLOG_MAX.as_secs() as u32,
            required_sessions: Vec::new(),
        }
    }
}

impl Options {
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
}
