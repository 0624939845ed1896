//! How a record stands in a segment, in both directions.
//!
//! ```text
//! 0 crc32c of all that follows, seeded by the segment   4 body length   8 position   16 received_at µs   24 kind   25 bits   26 body
//! ```
//! All little-endian. The seed (journal id and first position) keeps a recycled disk block of another segment from passing
//! as a record. Bit 0 marks the first record of a batch: the batches before it were synced, which is how recovery tells
//! damage (a bad record before a later batch) from a torn tail (nothing but its own batch behind it).

use bytes::{Buf, BufMut, Bytes, BytesMut};
use domain::limits::RECORD_BYTES_MAX;
use domain::{Position, Timestamp};

use crate::tail::Entry;

/// Bytes before the body.
pub(crate) const HEAD: usize = 26;
const BITS_AT: usize = 25;
const FIRST_OF_BATCH: u8 = 1;
/// The seal covers everything from here.
const SEALED_FROM: usize = 4;

/// Writes a frame's head with the seal and the length still open.
pub(crate) fn begin(buffer: &mut BytesMut, position: Position, received_at: Timestamp, kind: u8) {
    buffer.put_u32_le(0);
    buffer.put_u32_le(0);
    buffer.put_u64_le(position.0);
    buffer.put_i64_le(received_at.as_micros());
    buffer.put_u8(kind);
    buffer.put_u8(0);
}

/// Fills in the length of the frame that begins at `start` and ends with the buffer.
pub(crate) fn end(buffer: &mut BytesMut, start: usize) {
    let length = (buffer.len() - start - HEAD) as u32;
    buffer[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
}

/// Seals every frame of a chunk; `first_of_batch` marks its first one.
pub(crate) fn seal(chunk: &mut [u8], seed: u32, first_of_batch: bool) {
    let mut start = 0;
    if first_of_batch && chunk.len() >= HEAD {
        chunk[BITS_AT] |= FIRST_OF_BATCH;
    }
    while start < chunk.len() {
        let frame = &mut chunk[start..];
        let length = HEAD + length_of(frame);
        let seal = crc32c::crc32c_append(seed, &frame[SEALED_FROM..length]);
        frame[..SEALED_FROM].copy_from_slice(&seal.to_le_bytes());
        start += length;
    }
}

/// What bytes at a frame's place are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// A whole record of this many bytes.
    Whole(usize),
    /// Cannot be judged with fewer than this many bytes.
    Needs(usize),
    Bad(&'static str),
}

/// Judges the bytes where the record `expected` should begin.
pub(crate) fn check(bytes: &[u8], seed: u32, expected: Position) -> Check {
    if bytes.len() < HEAD {
        return Check::Needs(HEAD);
    }
    if position_of(bytes) != expected {
        return Check::Bad("another position, or none, stands here");
    }
    let length = length_of(bytes);
    if length > RECORD_BYTES_MAX {
        return Check::Bad("its length is beyond the limit");
    }
    if bytes.len() < HEAD + length {
        return Check::Needs(HEAD + length);
    }
    let sealed = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    if crc32c::crc32c_append(seed, &bytes[SEALED_FROM..HEAD + length]) != sealed {
        return Check::Bad("its checksum does not match");
    }
    Check::Whole(HEAD + length)
}

/// Whether a later batch begins with a whole frame at this place, whose record is one of the `span` after `expected`.
pub(crate) fn begins_later_batch(bytes: &[u8], seed: u32, expected: Position, span: u64) -> bool {
    bytes.len() >= HEAD
        && bytes[BITS_AT] & FIRST_OF_BATCH != 0
        && position_of(bytes).0.checked_sub(expected.0).is_some_and(|ahead| 0 < ahead && ahead <= span)
        && matches!(check(bytes, seed, position_of(bytes)), Check::Whole(_))
}

/// The records of whole, checked frames.
pub(crate) fn take(frames: &mut Bytes) -> Option<Entry> {
    if frames.len() < HEAD {
        return None;
    }
    let mut body = frames.split_to(HEAD + length_of(frames));
    let entry = Entry { position: position_of(&body), received_at: received_at_of(&body), kind: body[24], body: Bytes::new() };
    body.advance(HEAD);
    Some(Entry { body, ..entry })
}

/// Bytes of the whole, checked frame that `frames` begin with.
pub(crate) fn length_with_head(frames: &[u8]) -> usize {
    HEAD + length_of(frames)
}

/// Whether a whole, checked frame opened a batch.
pub(crate) fn is_first_of_batch(frame: &[u8]) -> bool {
    frame[BITS_AT] & FIRST_OF_BATCH != 0
}

pub(crate) fn position_of(frame: &[u8]) -> Position {
    Position(u64::from_le_bytes(eight(&frame[8..])))
}

pub(crate) fn received_at_of(frame: &[u8]) -> Timestamp {
    Timestamp::from_micros(i64::from_le_bytes(eight(&frame[16..])))
}

fn length_of(frame: &[u8]) -> usize {
    u32::from_le_bytes([frame[4], frame[5], frame[6], frame[7]]) as usize
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[..8]);
    eight
}
