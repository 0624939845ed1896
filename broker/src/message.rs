//! One message on its way to subscribers: a publish record and where and when it entered.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use domain::record::{Publish, kind};
use domain::{Position, Timestamp};
use journal::Entry;

use crate::properties::{Kept, Properties};

#[derive(Clone, Debug)]
pub struct Message {
    /// `Position::START` for what is not in the journal: the server's own announcements.
    pub position: Position,
    pub received_at: Timestamp,
    pub publish: Publish,
}

impl Message {
    /// `None` for a record that is no publish, or of a format that this version does not read.
    pub fn of(entry: Entry) -> Option<Self> {
        if entry.kind != kind::PUBLISH {
            return None;
        }
        let publish = Publish::decode(entry.body).ok()?;
        Some(Self { position: entry.position, received_at: entry.received_at, publish })
    }

    /// What subscribers get of its properties: expiry as it is left `now`. `None`: it expired.
    pub fn properties(&self, now: Timestamp) -> Option<Properties> {
        let mut properties = Kept::decode(&self.publish.properties).unwrap_or_default().properties;
        if let Some(expiry_s) = properties.expiry_s {
            let waited_s = now.micros_since(self.received_at).max(0) / 1_000_000;
            let left = i64::from(expiry_s) - waited_s;
            if left <= 0 {
                return None;
            }
            properties.expiry_s = u32::try_from(left).ok();
        }
        Some(properties)
    }

    /// In bytes, for the way through the live engine.
    pub fn encode(&self, bytes: &mut BytesMut) {
        bytes.put_u64_le(self.position.0);
        bytes.put_i64_le(self.received_at.as_micros());
        self.publish.encode(bytes);
    }

    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        let position = Position(bytes.try_get_u64_le().ok()?);
        let received_at = Timestamp::from_micros(bytes.try_get_i64_le().ok()?);
        Some(Self { position, received_at, publish: Publish::decode(bytes).ok()? })
    }

    /// In a buffer of its own: a slice of the journal's would keep the whole batch that it was written in.
    pub fn detached(&self) -> Self {
        let mut bytes = BytesMut::with_capacity(self.publish.encoded_len());
        self.publish.encode(&mut bytes);
        let publish = Publish::decode(bytes.freeze()).expect("what was just encoded is decoded");
        Self { publish, ..*self }
    }

    /// What it costs a queue.
    pub fn bytes(&self) -> usize {
        HEAD + self.publish.encoded_len()
    }
}

const HEAD: usize = 16;
