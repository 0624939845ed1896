//! What a journal record says: the vocabulary that broker, ingest and HTTP intake share.
//!
//! The journal carries opaque bytes and a kind number; here are both directions of their meaning. Formats carry a version
//! byte and old ones stay readable. Decoding is total and copies nothing: a publish is a slice of the record.

mod erase;
mod publish;
mod registry_part;

pub use erase::Erase;
pub use publish::{Content, Publish, Source};
pub use registry_part::{Place, RegistryPart};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::position::Position;
use crate::rejection::Reason;
use crate::time::Timestamp;

/// Record kinds; persisted, never reused.
pub mod kind {
    pub const PUBLISH: u8 = 1;
    pub const REFUSED: u8 = 2;
    pub const TICK: u8 = 3;
    pub const REGISTRY: u8 = 4;
    pub const REPROCESS: u8 = 5;
    /// The broker's own: sessions, acknowledgements, retained state. Opaque to everyone else.
    pub const SESSION: u8 = 6;
    pub const REGISTRY_PART: u8 = 7;
    pub const ERASE: u8 = 8;
    /// In the place of a record that an erasure reached: no body.
    pub const ERASED: u8 = 9;
}

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A message as it came, whoever brought it.
    Publish(Publish),
    /// A message that was refused unread; of its payload only the head is kept.
    Refused(Refused),
    /// Something is due: held readings, staleness, alarms. Its `received_at` is the pipeline's now.
    Tick,
    /// A registry edit: a GeoJSON FeatureCollection, already judged, with its author.
    Registry { author: String, features: Bytes },
    /// The same, of an edit that fits no single record.
    RegistryPart(RegistryPart),
    /// A dead letter taken again, with everything that is needed to judge it anew.
    Reprocess(Reprocess),
    /// Opaque to all but the broker.
    Session(Bytes),
    /// A period of a sensor was erased on request.
    Erase(Erase),
    /// What stood here was erased on request.
    Erased,
}

/// `too_large`, `not_authorised` and `unknown_topic` as the front keeps them: one message each up to a rate, and one record a
/// second for the sum of the others of a reason and topic, so that nothing is missing from the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub reason: Reason,
    pub client: String,
    pub topic: String,
    /// At most [`REFUSED_HEAD_BYTES_MAX`](crate::limits::REFUSED_HEAD_BYTES_MAX).
    pub head: Bytes,
    /// Of the whole payload.
    pub length: u64,
    /// xxh3 of the whole payload.
    pub hash: u64,
    /// How many messages this stands for. Above 1, or with an empty client, it is a sum: `head` is empty, `hash` 0, `length` the
    /// sum of theirs, and `topic` empty when they had too many different ones.
    pub count: u32,
}

/// The dead letter `element` of the record at `of`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reprocess {
    pub of: Position,
    pub element: u32,
    /// The reason that the dead letter stands under now.
    pub was: Reason,
    /// Of the dead letter: with it its row is written once more, as resolved, into the same day.
    pub received_at: Timestamp,
    /// Of the dead letter.
    pub detail: String,
    /// The element's own bytes under the original topic.
    pub publish: Publish,
}

/// Why bytes are no record: written by a newer version, or not by Kerbside at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("record kind {0} is not known to this version")]
    Kind(u8),
    #[error("record format {0} is not known to this version")]
    Version(u8),
    #[error("record is cut short")]
    Short,
    #[error("record holds an invalid {0}")]
    Field(&'static str),
}

const VERSION: u8 = 1;
/// 2 added `count`.
const REFUSED_VERSION: u8 = 2;

impl Record {
    /// The kind number and the body.
    pub fn encode(&self) -> (u8, Bytes) {
        let mut body = BytesMut::new();
        let kind = match self {
            Self::Publish(publish) => {
                publish.encode(&mut body);
                kind::PUBLISH
            }
            Self::Refused(refused) => {
                refused.encode(&mut body);
                kind::REFUSED
            }
            Self::Tick => kind::TICK,
            Self::Registry { author, features } => {
                body.put_u8(VERSION);
                put_text(&mut body, author);
                body.put_slice(features);
                kind::REGISTRY
            }
            Self::RegistryPart(part) => {
                part.encode(&mut body);
                kind::REGISTRY_PART
            }
            Self::Reprocess(reprocess) => {
                reprocess.encode(&mut body);
                kind::REPROCESS
            }
            Self::Session(bytes) => {
                body.put_slice(bytes);
                kind::SESSION
            }
            Self::Erase(erase) => {
                erase.encode(&mut body);
                kind::ERASE
            }
            Self::Erased => kind::ERASED,
        };
        (kind, body.freeze())
    }

    pub fn decode(kind: u8, mut body: Bytes) -> Result<Self, RecordError> {
        match kind {
            kind::PUBLISH => Publish::decode(body).map(Self::Publish),
            kind::REFUSED => Refused::decode(body).map(Self::Refused),
            kind::TICK => Ok(Self::Tick),
            kind::REGISTRY => {
                take_version(&mut body)?;
                Ok(Self::Registry { author: take_text(&mut body, "author")?, features: body })
            }
            kind::REPROCESS => Reprocess::decode(body).map(Self::Reprocess),
            kind::SESSION => Ok(Self::Session(body)),
            kind::REGISTRY_PART => RegistryPart::decode(body).map(Self::RegistryPart),
            kind::ERASE => Erase::decode(body).map(Self::Erase),
            kind::ERASED => Ok(Self::Erased),
            other => Err(RecordError::Kind(other)),
        }
    }
}

impl Refused {
    fn encode(&self, body: &mut BytesMut) {
        body.put_u8(REFUSED_VERSION);
        body.put_u8(self.reason as u8);
        body.put_u64_le(self.length);
        body.put_u64_le(self.hash);
        body.put_u32_le(self.count);
        put_text(body, &self.client);
        put_text(body, &self.topic);
        body.put_slice(&self.head);
    }

    fn decode(mut body: Bytes) -> Result<Self, RecordError> {
        let version = body.try_get_u8().map_err(|_| RecordError::Short)?;
        if !(VERSION..=REFUSED_VERSION).contains(&version) {
            return Err(RecordError::Version(version));
        }
        let reason = take_reason(&mut body)?;
        let length = body.try_get_u64_le().map_err(|_| RecordError::Short)?;
        let hash = body.try_get_u64_le().map_err(|_| RecordError::Short)?;
        let count = match version {
            VERSION => 1,
            _ => body.try_get_u32_le().map_err(|_| RecordError::Short)?,
        };
        let client = take_text(&mut body, "client")?;
        let topic = take_text(&mut body, "topic")?;
        Ok(Self { reason, client, topic, head: body, length, hash, count })
    }
}

impl Reprocess {
    fn encode(&self, body: &mut BytesMut) {
        body.put_u8(VERSION);
        body.put_u8(self.was as u8);
        body.put_u64_le(self.of.0);
        body.put_u32_le(self.element);
        body.put_i64_le(self.received_at.as_micros());
        put_text(body, &self.detail);
        self.publish.encode(body);
    }

    fn decode(mut body: Bytes) -> Result<Self, RecordError> {
        take_version(&mut body)?;
        let was = take_reason(&mut body)?;
        let of = Position(body.try_get_u64_le().map_err(|_| RecordError::Short)?);
        let element = body.try_get_u32_le().map_err(|_| RecordError::Short)?;
        let received_at = Timestamp::from_micros(body.try_get_i64_le().map_err(|_| RecordError::Short)?);
        let detail = take_text(&mut body, "detail")?;
        Ok(Self { of, element, was, received_at, detail, publish: Publish::decode(body)? })
    }
}

fn take_version(body: &mut Bytes) -> Result<(), RecordError> {
    match body.try_get_u8() {
        Ok(VERSION) => Ok(()),
        Ok(other) => Err(RecordError::Version(other)),
        Err(_) => Err(RecordError::Short),
    }
}

fn take_reason(body: &mut Bytes) -> Result<Reason, RecordError> {
    let number = body.try_get_u8().map_err(|_| RecordError::Short)?;
    Reason::ALL.get(usize::from(number)).copied().ok_or(RecordError::Field("reason"))
}

fn put_text(body: &mut BytesMut, text: &str) {
    let end = (0..=text.len().min(usize::from(u16::MAX))).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    body.put_u16_le(end as u16);
    body.put_slice(&text.as_bytes()[..end]);
}

fn take_text(body: &mut Bytes, field: &'static str) -> Result<String, RecordError> {
    let length = usize::from(body.try_get_u16_le().map_err(|_| RecordError::Short)?);
    if body.len() < length {
        return Err(RecordError::Short);
    }
    String::from_utf8(body.split_to(length).to_vec()).map_err(|_| RecordError::Field(field))
}

#[cfg(test)]
mod tests;
