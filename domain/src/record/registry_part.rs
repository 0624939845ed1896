//! A part of a registry edit that is too long for one record.
//!
//! The parts of an edit follow each other in the journal, other records may stand between them. The last one commits the edit: an
//! edit whose last part never became durable has no effect. Together the shares are the edit's GeoJSON as one zstd frame; who cuts
//! and joins them is ingest.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{RecordError, VERSION, put_text, take_text, take_version};
use crate::position::Position;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryPart {
    pub place: Place,
    pub share: Bytes,
}

/// Which part of which edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Begins an edit, which is named by this record's position.
    First {
        author: String,
        /// Of the whole edit, this one included: at least 1.
        parts: u32,
        /// Bytes of the whole GeoJSON.
        length: u64,
    },
    Next {
        /// The record of the first part.
        first: Position,
        /// From 1.
        number: u32,
    },
}

impl RegistryPart {
    pub(super) fn encode(&self, body: &mut BytesMut) {
        body.put_u8(VERSION);
        match &self.place {
            Place::First { author, parts, length } => {
                body.put_u32_le(0);
                body.put_u32_le(*parts);
                body.put_u64_le(*length);
                put_text(body, author);
            }
            Place::Next { first, number } => {
                body.put_u32_le(*number);
                body.put_u64_le(first.0);
            }
        }
        body.put_slice(&self.share);
    }

    pub(super) fn decode(mut body: Bytes) -> Result<Self, RecordError> {
        take_version(&mut body)?;
        let place = match body.try_get_u32_le().map_err(|_| RecordError::Short)? {
            0 => {
                let parts = body.try_get_u32_le().map_err(|_| RecordError::Short)?;
                if parts == 0 {
                    return Err(RecordError::Field("number of parts"));
                }
                let length = body.try_get_u64_le().map_err(|_| RecordError::Short)?;
                Place::First { author: take_text(&mut body, "author")?, parts, length }
            }
            number => Place::Next { first: Position(body.try_get_u64_le().map_err(|_| RecordError::Short)?), number },
        };
        Ok(Self { place, share: body })
    }
}
