//! What a message carries besides topic and payload, and how it is kept in a journal record.
//!
//! The bytes are the front's own (`Publish::properties` of `domain::record` is opaque to everyone else): a version byte, then postcard.
//! A message that has none of them keeps no bytes at all, which is what nearly every reading is.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::packet::Text;

/// MQTT 5 properties that are handed on to subscribers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// Payload format indicator.
    pub utf8: bool,
    /// Message expiry interval, counted from when the message was received.
    pub expiry_s: Option<u32>,
    pub content_type: Option<Text>,
    pub response_topic: Option<Text>,
    pub correlation: Option<Bytes>,
    pub user: Vec<(Text, Text)>,
}

/// What the front keeps beside a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The packet id of a QoS 2 publish, so that its duplicate is known after a restart; 0 elsewhere.
    pub open_id: u16,
    pub properties: Properties,
}

const VERSION: u8 = 1;
/// Two texts in a vector.
const USER_PROPERTY_BYTES: usize = 64;

impl Properties {
    pub fn is_empty(&self) -> bool {
        !self.utf8
            && self.expiry_s.is_none()
            && self.content_type.is_none()
            && self.response_topic.is_none()
            && self.correlation.is_none()
            && self.user.is_empty()
    }

    pub fn bytes(&self) -> usize {
        let texts = [&self.content_type, &self.response_topic].into_iter().flatten().map(|text| text.len());
        let user = self.user.iter().map(|(key, value)| USER_PROPERTY_BYTES + key.len() + value.len());
        texts.chain(user).sum::<usize>() + self.correlation.as_ref().map_or(0, Bytes::len)
    }

    pub fn is_cbor(&self) -> bool {
        self.content_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("application/cbor"))
    }
}

impl Kept {
    pub fn encode(&self) -> Bytes {
        if self.open_id == 0 && self.properties.is_empty() {
            return Bytes::new();
        }
        postcard::to_extend(self, vec![VERSION]).map(Bytes::from).expect("a vector takes what memory holds")
    }

    /// `None` when another version or program wrote it; the message is then passed on without properties.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            None => Some(Self::default()),
            Some((&VERSION, body)) => postcard::from_bytes(body).ok(),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_survive_their_bytes_and_none_take_none() {
        let properties = Properties {
            utf8: true,
            expiry_s: Some(7),
            content_type: Some("application/cbor".into()),
            response_topic: Some("reply/é".into()),
            correlation: Some(Bytes::from_static(&[0, 255])),
            user: vec![("a".into(), "b".into()), ("a".into(), "c".into())],
        };
        let kept = Kept { open_id: 9, properties };
        assert_eq!(Kept::decode(&kept.encode()), Some(kept));
        assert!(Kept::default().encode().is_empty());
        assert_eq!(Kept::decode(&[]), Some(Kept::default()));
        assert_eq!(Kept::decode(&[99, 1]), None);
    }

    /// Written by format 1: `{ open_id: 9, properties: { utf8: true, expiry 7, user a=b } }`.
    #[test]
    fn the_first_format_stays_readable() {
        let bytes = [1, 9, 1, 1, 7, 0, 0, 0, 1, 1, b'a', 1, b'b'];
        let properties =
            Properties { utf8: true, expiry_s: Some(7), user: vec![("a".into(), "b".into())], ..Properties::default() };
        assert_eq!(Kept::decode(&bytes), Some(Kept { open_id: 9, properties }));
    }
}
