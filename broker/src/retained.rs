//! The newest retained message of each topic.
//!
//! Those of clients are a fold of the journal, those that the server announces are not in it and are announced anew after a restart.
//! A payload is copied out of its record, since a slice would keep the whole batch that it was written in.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use domain::limits::{RETAINED_BYTES_MAX, RETAINED_MAX};
use domain::record::{Content, Publish, Source};
use domain::{Position, Timestamp};
use metrics::{counter, gauge};
use serde::{Deserialize, Serialize};

use crate::filter::{literal_prefix, matches};
use crate::message::Message;
use crate::metrics::{DROPPED, RETAINED};
use crate::packet::Text;

#[derive(Default)]
pub struct Retained {
    topics: BTreeMap<Text, Arc<Message>>,
    bytes: usize,
}

/// One message as a checkpoint keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptMessage {
    pub topic: Text,
    pub payload: Bytes,
    pub properties: Bytes,
    pub client: Bytes,
    pub qos: u8,
    pub cbor: bool,
    pub position: Position,
    pub received_at: Timestamp,
}

impl Retained {
    /// Takes in a message that is published with the retain flag: an empty payload takes the topic's message away.
    pub fn take(&mut self, message: &Message) {
        let topic = message.publish.topic();
        if let Some(former) = self.topics.remove(topic) {
            self.bytes -= former.bytes();
        }
        if !message.publish.payload.is_empty() {
            let full = self.topics.len() >= RETAINED_MAX || self.bytes + message.bytes() > RETAINED_BYTES_MAX;
            if full {
                counter!(DROPPED, "cause" => "retained_max").increment(1);
                tracing::warn!(topic, "message is not retained: the limit of retained messages is reached");
            } else {
                self.bytes += message.bytes();
                self.topics.insert(Text::from(topic), Arc::new(message.detached()));
            }
        }
        gauge!(RETAINED).set(self.topics.len() as f64);
    }

    /// What a new subscription to `path` is due.
    pub fn matching(&self, path: &str) -> Vec<Arc<Message>> {
        let prefix = literal_prefix(path);
        if prefix == path {
            return self.topics.get(path).cloned().into_iter().collect();
        }
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let in_range = self.topics.range::<str, _>(from).take_while(|(topic, _)| topic.starts_with(prefix));
        in_range.filter(|(topic, _)| matches(path, topic)).map(|(_, message)| message.clone()).collect()
    }

    /// Everything that the journal is the source of.
    pub fn kept(&self) -> Vec<KeptMessage> {
        let durable = self.topics.values().filter(|message| message.position > Position::START);
        durable.map(|message| KeptMessage::of(message)).collect()
    }

    pub fn len(&self) -> usize {
        self.topics.len()
    }
}

impl KeptMessage {
    fn of(message: &Message) -> Self {
        let publish = &message.publish;
        Self {
            topic: Text::from(publish.topic()),
            payload: publish.payload.clone(),
            properties: publish.properties.clone(),
            client: publish.client.clone(),
            qos: publish.qos,
            cbor: publish.content == Content::Cbor,
            position: message.position,
            received_at: message.received_at,
        }
    }

    pub fn into_message(self) -> Message {
        let mut publish = Publish::new(Source::Mqtt, &self.topic, self.payload);
        publish.content = if self.cbor { Content::Cbor } else { Content::Default };
        (publish.qos, publish.retain) = (self.qos, true);
        (publish.client, publish.properties) = (self.client, self.properties);
        Message { position: self.position, received_at: self.received_at, publish }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &'static str, position: u64) -> Message {
        let publish = Publish::new(Source::Mqtt, topic, Bytes::from_static(payload.as_bytes()));
        Message { position: Position(position), received_at: Timestamp::UNIX_EPOCH, publish }
    }

    #[test]
    fn a_topic_keeps_its_newest_message_until_an_empty_one() {
        let mut retained = Retained::default();
        retained.take(&message("a/b", "1", 1));
        retained.take(&message("a/b", "2", 2));
        retained.take(&message("a/c", "3", 3));
        retained.take(&message("a", "4", 0));
        let payloads = |path: &str| -> Vec<String> {
            retained.matching(path).iter().map(|found| String::from_utf8_lossy(&found.publish.payload).into_owned()).collect()
        };
        assert_eq!(payloads("a/b"), ["2"]);
        assert_eq!(payloads("a/#"), ["4", "2", "3"]);
        assert_eq!(payloads("a/+"), ["2", "3"]);
        assert_eq!(payloads("+/c"), ["3"]);
        assert!(payloads("b").is_empty());
        assert_eq!(retained.kept().len(), 2, "an announcement is not kept");
        retained.take(&message("a/b", "", 4));
        assert!(retained.matching("a/b").is_empty());
    }
}
