//! A message as it came: topic, payload and what a subscriber or a decoder must know of it.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{RecordError, VERSION, take_version};

/// Who brought a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Source {
    /// The front.
    Mqtt = 0,
    /// Another broker that ingest subscribes to.
    Bridge = 1,
    /// `POST /v1/ingest/…`
    Http = 2,
    /// `POST /v1/import` and `kerbside import`: goes behind live messages.
    Import = 3,
}

/// How the payload is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Content {
    /// JSON unless the topic's codec says otherwise.
    #[default]
    Default = 0,
    /// MQTT 5 content type or HTTP media type `application/cbor`.
    Cbor = 1,
}

/// One message. `topic`, `properties` and `payload` are slices of the record they were decoded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    pub source: Source,
    pub content: Content,
    /// 0 to 2
    pub qos: u8,
    pub retain: bool,
    /// Client id, or the name of the key or the importer; cut to 255 bytes.
    pub client: Bytes,
    /// Valid UTF-8, checked when it entered and when it is decoded.
    topic: Bytes,
    /// MQTT 5 properties to hand on to subscribers, as the broker encodes them; empty elsewhere.
    pub properties: Bytes,
    pub payload: Bytes,
}

const RETAIN: u8 = 1 << 2;

impl Publish {
    pub fn new(source: Source, topic: &str, payload: Bytes) -> Self {
        Self {
            source,
            content: Content::Default,
            qos: 1,
            retain: false,
            client: Bytes::new(),
            topic: Bytes::copy_from_slice(topic.as_bytes()),
            properties: Bytes::new(),
            payload,
        }
    }

    /// As [`Publish::new`], sharing the topic's bytes; `None` when they are no UTF-8.
    pub fn sharing(source: Source, topic: Bytes, payload: Bytes) -> Option<Self> {
        std::str::from_utf8(&topic).ok()?;
        Some(Self {
            source,
            content: Content::Default,
            qos: 1,
            retain: false,
            client: Bytes::new(),
            topic,
            properties: Bytes::new(),
            payload,
        })
    }

    /// The topic as it is kept, for who passes it on without copying.
    pub fn topic_bytes(&self) -> &Bytes {
        &self.topic
    }

    pub fn topic(&self) -> &str {
        std::str::from_utf8(&self.topic).expect("checked when it entered")
    }

    pub fn encoded_len(&self) -> usize {
        HEAD + self.client.len().min(255) + self.topic.len() + self.properties.len() + self.payload.len()
    }

    pub fn encode(&self, body: &mut BytesMut) {
        let client = &self.client[..self.client.len().min(255)];
        body.reserve(self.encoded_len());
        body.put_u8(VERSION);
        body.put_u8(self.qos & 3 | if self.retain { RETAIN } else { 0 } | (self.source as u8) << 4);
        body.put_u8(self.content as u8);
        body.put_u8(client.len() as u8);
        body.put_u16_le(self.topic.len() as u16);
        body.put_u32_le(self.properties.len() as u32);
        body.put_slice(client);
        body.put_slice(&self.topic);
        body.put_slice(&self.properties);
        body.put_slice(&self.payload);
    }

    pub fn decode(mut body: Bytes) -> Result<Self, RecordError> {
        take_version(&mut body)?;
        if body.len() < HEAD - 1 {
            return Err(RecordError::Short);
        }
        let bits = body.get_u8();
        let content = match body.get_u8() {
            0 => Content::Default,
            1 => Content::Cbor,
            _ => return Err(RecordError::Field("content")),
        };
        let client_length = usize::from(body.get_u8());
        let topic_length = usize::from(body.get_u16_le());
        let properties_length = body.get_u32_le() as usize;
        let source = match bits >> 4 {
            0 => Source::Mqtt,
            1 => Source::Bridge,
            2 => Source::Http,
            3 => Source::Import,
            _ => return Err(RecordError::Field("source")),
        };
        let lengths = client_length.saturating_add(topic_length).saturating_add(properties_length);
        if body.len() < lengths {
            return Err(RecordError::Short);
        }
        let client = body.split_to(client_length);
        let topic = body.split_to(topic_length);
        let properties = body.split_to(properties_length);
        if std::str::from_utf8(&topic).is_err() {
            return Err(RecordError::Field("topic"));
        }
        Ok(Self { source, content, qos: bits & 3, retain: bits & RETAIN != 0, client, topic, properties, payload: body })
    }
}

/// Version, bits, content, client length, topic length, properties length.
const HEAD: usize = 1 + 1 + 1 + 1 + 2 + 4;
