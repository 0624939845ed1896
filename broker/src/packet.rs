//! MQTT packets as the front speaks of them: one vocabulary for 3.1, 3.1.1 and 5.
//!
//! The protocol's versions differ on the wire only; `codec.rs` is where they end. What a version lacks is its default here.
//! Absent: any rule about order or state (`connection.rs`), and the bytes (`codec.rs`).

use bytes::Bytes;

use crate::limit::Limit;
use crate::properties::Properties;

/// Text of a packet: UTF-8, shared with the buffer that it was read from.
pub type Text = bytestring::ByteString;

/// Which protocol a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.1 and 3.1.1
    V3,
    V5,
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    Connect(Box<Connect>),
    Publish(Publish),
    /// A subscriber has the message (QoS 1).
    PubAck {
        id: u16,
    },
    /// A subscriber has the message (QoS 2); `refused` when it will not take it.
    PubRec {
        id: u16,
        refused: bool,
    },
    PubRel {
        id: u16,
    },
    PubComp {
        id: u16,
    },
    Subscribe(Subscribe),
    Unsubscribe {
        id: u16,
        filters: Vec<Text>,
    },
    PingReq,
    Disconnect {
        reason: Reason,
        session_expiry_s: Option<u32>,
    },
    Auth,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Connect {
    pub version: Version,
    /// Clean session of 3.1.1, clean start of 5.
    pub clean: bool,
    pub keep_alive_s: u16,
    pub client_id: Text,
    pub user: Option<Text>,
    pub password: Option<Bytes>,
    pub will: Option<Will>,
    /// 0: the session ends with the connection; `u32::MAX`: never. In 3.1.1 it follows from `clean`.
    pub session_expiry_s: u32,
    /// Unacknowledged publishes that the client takes.
    pub receive_max: u16,
    /// Bytes of the largest packet that the client takes.
    pub packet_max: u32,
    /// Topic aliases that the client takes.
    pub alias_max: u16,
    /// The client wants reason texts.
    pub problem_info: bool,
    pub extended_auth: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Will {
    pub topic: Text,
    pub payload: Bytes,
    pub qos: u8,
    pub retain: bool,
    pub delay_s: u32,
    pub properties: Properties,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publish {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    /// Empty only together with an alias.
    pub topic: Text,
    /// 0 for QoS 0.
    pub id: u16,
    pub alias: Option<u16>,
    pub payload: Bytes,
    pub properties: Properties,
    /// Subscription identifiers: from the front only.
    pub subscriptions: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    pub id: u16,
    pub identifier: Option<u32>,
    pub filters: Vec<(Text, SubscribeOptions)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeOptions {
    pub qos: u8,
    pub no_local: bool,
    pub retain_as_published: bool,
    /// 0: send retained messages; 1: only for a new subscription; 2: never.
    pub retain_handling: u8,
}

/// What the front grants with a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnAck {
    pub session_present: bool,
    pub reason: Reason,
    /// Set when it differs from what the client asked for.
    pub session_expiry_s: Option<u32>,
    pub assigned_client_id: Option<String>,
    pub server_keep_alive_s: Option<u16>,
    pub receive_max: u16,
    /// 0 where nobody is let in.
    pub packet_max: u32,
    pub topic_alias_max: u16,
    /// The reason string of a refusal.
    pub text: Option<&'static str>,
}

/// Why the front ends a connection, or does not begin one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Reason(Reason),
    Limit(Limit),
}

impl Ending {
    pub const fn reason(self) -> Reason {
        match self {
            Self::Reason(reason) => reason,
            Self::Limit(limit) => limit.reason(),
        }
    }

    pub const fn text(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.text(),
            Self::Limit(limit) => limit.text(),
        }
    }

    /// A label for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.name(),
            Self::Limit(limit) => limit.name(),
        }
    }
}

impl From<Reason> for Ending {
    fn from(reason: Reason) -> Self {
        Self::Reason(reason)
    }
}

impl From<Limit> for Ending {
    fn from(limit: Limit) -> Self {
        Self::Limit(limit)
    }
}

/// An MQTT 5 reason code; 3.1.1 sees what its own codes can say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reason(pub u8);

impl Reason {
    pub const SUCCESS: Self = Self(0x00);
    pub const NO_SUBSCRIPTION: Self = Self(0x11);
    pub const MALFORMED: Self = Self(0x81);
    pub const PROTOCOL_ERROR: Self = Self(0x82);
    pub const UNSUPPORTED_VERSION: Self = Self(0x84);
    pub const CLIENT_ID_NOT_VALID: Self = Self(0x85);
    pub const BAD_CREDENTIALS: Self = Self(0x86);
    pub const NOT_AUTHORISED: Self = Self(0x87);
    pub const SERVER_UNAVAILABLE: Self = Self(0x88);
    pub const SERVER_SHUTTING_DOWN: Self = Self(0x8B);
    pub const BAD_AUTH_METHOD: Self = Self(0x8C);
    pub const KEEP_ALIVE_TIMEOUT: Self = Self(0x8D);
    pub const SESSION_TAKEN_OVER: Self = Self(0x8E);
    pub const TOPIC_FILTER_INVALID: Self = Self(0x8F);
    pub const TOPIC_NAME_INVALID: Self = Self(0x90);
    pub const PACKET_ID_NOT_FOUND: Self = Self(0x92);
    pub const RECEIVE_MAX_EXCEEDED: Self = Self(0x93);
    pub const TOPIC_ALIAS_INVALID: Self = Self(0x94);
    pub const PACKET_TOO_LARGE: Self = Self(0x95);
    pub const MESSAGE_RATE_TOO_HIGH: Self = Self(0x96);
    pub const QUOTA_EXCEEDED: Self = Self(0x97);
    pub const ADMINISTRATIVE: Self = Self(0x98);
    pub const CONNECTION_RATE_EXCEEDED: Self = Self(0x9F);

    pub const fn is_refusal(self) -> bool {
        self.0 >= 0x80
    }

    /// The reason string of MQTT 5.
    pub const fn text(self) -> &'static str {
        match self {
            Self::MALFORMED => "malformed packet",
            Self::PROTOCOL_ERROR => "packet not allowed here",
            Self::UNSUPPORTED_VERSION => "MQTT 3.1, 3.1.1 and 5 are spoken here",
            Self::CLIENT_ID_NOT_VALID => "client identifier not valid",
            Self::BAD_CREDENTIALS => "bad user name or password",
            Self::NOT_AUTHORISED => "not authorised",
            Self::SERVER_UNAVAILABLE => "the server cannot serve now",
            Self::SERVER_SHUTTING_DOWN => "the server shuts down",
            Self::BAD_AUTH_METHOD => "extended authentication is not offered",
            Self::KEEP_ALIVE_TIMEOUT => "nothing was heard for one and a half keep alive intervals",
            Self::SESSION_TAKEN_OVER => "a newer connection of this client took over",
            Self::TOPIC_FILTER_INVALID => "topic filter not valid",
            Self::TOPIC_NAME_INVALID => "topic name not valid",
            Self::PACKET_ID_NOT_FOUND => "packet identifier not found",
            Self::TOPIC_ALIAS_INVALID => "topic alias not valid",
            Self::QUOTA_EXCEEDED => "the server cannot store it now",
            Self::ADMINISTRATIVE => "ended by the server",
            Self::CONNECTION_RATE_EXCEEDED => "too many failed attempts",
            _ => "refused",
        }
    }

    /// A label for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MALFORMED => "malformed",
            Self::PROTOCOL_ERROR => "protocol_error",
            Self::NOT_AUTHORISED => "not_authorised",
            Self::SERVER_UNAVAILABLE => "server_unavailable",
            Self::SERVER_SHUTTING_DOWN => "shutdown",
            Self::KEEP_ALIVE_TIMEOUT => "keep_alive",
            Self::SESSION_TAKEN_OVER => "taken_over",
            Self::TOPIC_NAME_INVALID => "topic_name_invalid",
            Self::TOPIC_ALIAS_INVALID => "topic_alias_invalid",
            Self::QUOTA_EXCEEDED => "quota_exceeded",
            Self::ADMINISTRATIVE => "administrative",
            _ => "other",
        }
    }
}

/// Why bytes are no packet that may be answered; the connection ends with [`Fault::ending`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("malformed packet")]
    Malformed,
    #[error("packet over the announced maximum size")]
    TooLarge,
    #[error("packet not allowed here")]
    Protocol,
    #[error("unsupported protocol version")]
    Version(u8),
    #[error("empty client identifier needs a clean session")]
    ClientId,
}

impl Fault {
    pub const fn ending(self) -> Ending {
        match self {
            Self::Malformed => Ending::Reason(Reason::MALFORMED),
            Self::TooLarge => Ending::Limit(Limit::PacketSize),
            Self::Protocol => Ending::Reason(Reason::PROTOCOL_ERROR),
            Self::Version(_) => Ending::Reason(Reason::UNSUPPORTED_VERSION),
            Self::ClientId => Ending::Reason(Reason::CLIENT_ID_NOT_VALID),
        }
    }
}
