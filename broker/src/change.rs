//! What changes in the sessions that outlive a connection, as journal records of kind SESSION.
//!
//! The state of all sessions is the fold of these records and of the QoS 2 publishes between them (`store.rs`), so that
//! restart is checkpoint + replay here as everywhere. The bytes are opaque to all but the front: a version byte, then postcard.

use bytes::Bytes;
use domain::Position;
use serde::{Deserialize, Serialize};

use crate::packet::{SubscribeOptions, Text};
use crate::properties::Properties;

/// One change. Variants are persisted by their number: append only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A client connected with a session that outlives the connection; `clean`: it begins anew.
    Opened {
        client: Text,
        clean: bool,
        expiry_s: u32,
    },
    /// The connection ended: from this record's time the session lives on for `expiry_s`.
    Closed {
        client: Text,
        expiry_s: u32,
    },
    Ended {
        client: Text,
    },
    Subscribed {
        client: Text,
        filter: Text,
        subscription: Subscription,
    },
    Unsubscribed {
        client: Text,
        filter: Text,
    },
    /// The retained messages that a subscription was due have all been acknowledged.
    RetainedDone {
        client: Text,
        filter: Text,
    },
    /// A PUBREL: the id may name another publish.
    Released {
        client: Text,
        id: u16,
    },
    /// QoS 2 messages about to be sent to a subscriber.
    Sent {
        client: Text,
        ids: Vec<(u16, Position)>,
    },
    /// The subscriber's PUBREC: the message is its own, the id is still taken.
    Received {
        client: Text,
        ids: Vec<u16>,
    },
    /// The subscriber's PUBCOMP.
    Completed {
        client: Text,
        ids: Vec<u16>,
    },
    /// Everything up to there is acknowledged.
    Cursors {
        clients: Vec<(Text, Position)>,
        shares: Vec<(Text, Position)>,
    },
    /// A connected client's will, or that it has none any more.
    Will {
        client: Text,
        will: Option<KeptWill>,
    },
    /// What a client left unacknowledged when its connection ended: all of it, replacing what was known.
    Parked {
        client: Text,
        cursor: Position,
        sent: Vec<(u16, Position)>,
        done: Vec<Position>,
    },
}

/// A filter's options as they are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub qos: u8,
    pub no_local: bool,
    pub retain_as_published: bool,
    pub identifier: Option<u32>,
    /// Retained messages are due and not yet all acknowledged.
    pub retained_due: bool,
    /// It concerns messages after this position. Where it is the start, set as the change is applied; kept when a client subscribes
    /// again.
    pub since: Position,
}

impl Subscription {
    pub fn new(options: SubscribeOptions, identifier: Option<u32>) -> Self {
        let SubscribeOptions { qos, no_local, retain_as_published, retain_handling: _ } = options;
        Self { qos, no_local, retain_as_published, identifier, retained_due: false, since: Position::START }
    }
}

/// A will as it is kept while its client is connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptWill {
    pub topic: Text,
    pub payload: Bytes,
    pub qos: u8,
    pub retain: bool,
    pub delay_s: u32,
    /// Seconds that the session outlives the connection: the will goes out with its end at the latest.
    pub expiry_s: u32,
    pub properties: Properties,
}

impl KeptWill {
    pub fn bytes(&self) -> usize {
        self.topic.len() + self.payload.len() + self.properties.bytes()
    }
}

const VERSION: u8 = 1;

impl Change {
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("a vector takes what memory holds")
    }

    /// The client whose session or will takes more or less room by it.
    pub fn resizes(&self) -> Option<&Text> {
        match self {
            Self::Opened { client, .. }
            | Self::Ended { client }
            | Self::Subscribed { client, .. }
            | Self::Unsubscribed { client, .. }
            | Self::Will { client, .. } => Some(client),
            _ => None,
        }
    }

    /// `None` when another version wrote it.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, body)) => postcard::from_bytes(body).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_survives_its_bytes() {
        let options = SubscribeOptions { qos: 2, no_local: true, retain_as_published: false, retain_handling: 0 };
        let subscription = Subscription { retained_due: true, ..Subscription::new(options, Some(7)) };
        let will = KeptWill {
            topic: "t".into(),
            payload: Bytes::from_static(b"gone"),
            qos: 1,
            retain: true,
            delay_s: 3,
            expiry_s: 60,
            properties: Properties::default(),
        };
        let client = Text::from("c");
        for change in [
            Change::Opened { client: client.clone(), clean: true, expiry_s: u32::MAX },
            Change::Subscribed { client: client.clone(), filter: "a/#".into(), subscription },
            Change::Sent { client: client.clone(), ids: vec![(1, Position(9))] },
            Change::Cursors { clients: vec![(client.clone(), Position(4))], shares: vec![("$share/g/a".into(), Position(5))] },
            Change::Will { client, will: Some(will) },
        ] {
            assert_eq!(Change::decode(&change.encode()), Some(change));
        }
        assert_eq!(Change::decode(&[]), None);
        assert_eq!(Change::decode(&[99, 0]), None);
    }

    /// Written by format 1: the number of a variant and the order of its fields never change.
    #[test]
    fn the_first_format_stays_readable() {
        let opened = Change::Opened { client: "c".into(), clean: true, expiry_s: 60 };
        assert_eq!(Change::decode(&[1, 0, 1, b'c', 1, 60]), Some(opened));
        let released = Change::Released { client: "c".into(), id: 300 };
        assert_eq!(Change::decode(&[1, 6, 1, b'c', 0xAC, 2]), Some(released));
        let completed = Change::Completed { client: "c".into(), ids: vec![5] };
        assert_eq!(Change::decode(&[1, 9, 1, b'c', 1, 5]), Some(completed));
    }
}
