//! MQTT packets as the front speaks of them: one vocabulary for 3.1, 3.1.1 and 5.
//!
//! The protocol's versions differ on the wire only; `codec.rs` is where they end. What a version lacks is its default here.
//! Absent: any rule about order or state (`connection.rs`), and the bytes (`codec.rs`).

use bytes::Bytes;

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

#[derive(Clone, Debug, PartialEq)]
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
    pub topic_alias_max: u16,
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
    pub const QUOTA_EXCEEDED: Self = Self(0x97);
    pub const ADMINISTRATIVE: Self = Self(0x98);
    pub const CONNECTION_RATE_EXCEEDED: Self = Self(0x9F);

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
            Self::RECEIVE_MAX_EXCEEDED => "receive_max_exceeded",
            Self::TOPIC_ALIAS_INVALID => "topic_alias_invalid",
            Self::PACKET_TOO_LARGE => "packet_too_large",
            Self::QUOTA_EXCEEDED => "quota_exceeded",
            Self::ADMINISTRATIVE => "administrative",
            _ => "other",
        }
    }
}

/// Why bytes are no packet that may be answered; the connection ends with [`Fault::reason`].
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
    pub const fn reason(self) -> Reason {
        match self {
            Self::Malformed => Reason::MALFORMED,
            Self::TooLarge => Reason::PACKET_TOO_LARGE,
            Self::Protocol => Reason::PROTOCOL_ERROR,
            Self::Version(_) => Reason::UNSUPPORTED_VERSION,
            Self::ClientId => Reason::CLIENT_ID_NOT_VALID,
        }
    }
}
