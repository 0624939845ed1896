//! Every limit that a client can run into: one list, with the option that sets it, what the client is told and how it is counted.
//!
//! A client that is over a limit is refused or slowed down; nothing that was acknowledged is ever dropped for one.

use metrics::counter;

use crate::metrics::LIMITS_REACHED;
use crate::packet::Reason;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Connections,
    ConnectionsPerAddress,
    Handshake,
    PacketSize,
    PublishRate,
    Inflight,
    TopicAliases,
    Subscriptions,
    Sessions,
    SessionStore,
    Backlog,
    LiveQueue,
}

impl Limit {
    pub const ALL: [Self; 12] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::Handshake,
        Self::PacketSize,
        Self::PublishRate,
        Self::Inflight,
        Self::TopicAliases,
        Self::Subscriptions,
        Self::Sessions,
        Self::SessionStore,
        Self::Backlog,
        Self::LiveQueue,
    ];

    /// A label for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::Handshake => "handshake",
            Self::PacketSize => "packet_size",
            Self::PublishRate => "publish_rate",
            Self::Inflight => "inflight",
            Self::TopicAliases => "topic_aliases",
            Self::Subscriptions => "subscriptions",
            Self::Sessions => "sessions",
            Self::SessionStore => "session_store",
            Self::Backlog => "backlog",
            Self::LiveQueue => "live_queue",
        }
    }

    /// What the client is told. Where the protocol has no word the socket is closed or, at [`Limit::PublishRate`], not read.
    pub const fn reason(self) -> Reason {
        match self {
            Self::PacketSize => Reason::PACKET_TOO_LARGE,
            Self::Inflight => Reason::RECEIVE_MAX_EXCEEDED,
            Self::PublishRate => Reason::MESSAGE_RATE_TOO_HIGH,
            _ => Reason::QUOTA_EXCEEDED,
        }
    }

    /// The reason string of MQTT 5.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Connections => "the server has as many connections as it takes",
            Self::ConnectionsPerAddress => "too many connections from this address",
            Self::Handshake => "no whole CONNECT in time",
            Self::PacketSize => "packet over the announced Maximum Packet Size",
            Self::PublishRate => "more publishes a second than are taken",
            Self::Inflight => "more unacknowledged publishes than the announced Receive Maximum",
            Self::TopicAliases => "topic aliases stand for too many bytes",
            Self::Subscriptions => "too many subscriptions in this session",
            Self::Sessions => "the server keeps as many sessions as it takes",
            Self::SessionStore => "sessions, subscriptions and wills take as much room as there is",
            Self::Backlog => "too much waits for this session",
            Self::LiveQueue => "too many messages of QoS 0 wait to be read",
        }
    }

    pub fn reached(self) {
        counter!(LIMITS_REACHED, "limit" => self.name()).increment(1);
    }

    /// Every limit stands among the metrics from the start.
    pub fn register() {
        for limit in Self::ALL {
            counter!(LIMITS_REACHED, "limit" => limit.name()).increment(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_limit_with_its_code() {
        let reference = include_str!("../../docs/reference/mqtt.md");
        for limit in Limit::ALL {
            let row = reference.lines().find(|line| line.starts_with(&format!("| `{}` |", limit.name())));
            let row = row.unwrap_or_else(|| panic!("{} is not in docs/reference/mqtt.md", limit.name()));
            let has_word = !matches!(limit, Limit::Handshake | Limit::PublishRate);
            let code = format!("0x{:02X}", limit.reason().0);
            assert_eq!(row.contains(&code), has_word, "{row}");
        }
    }
}
