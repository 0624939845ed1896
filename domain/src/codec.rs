//! Payload codecs: bytes of a publish to elements. Total: any bytes give readings or rejections, element by element.
//!
//! ```text
//! payload ──json | cbor──► tokens ──native/element──► fields ──native/{parking, air}──► Decoded | Rejection
//! ```
//!
//! A new format is one file here and its route in `topic.rs`.

pub(crate) mod cbor;
pub(crate) mod json;
pub mod native;
pub(crate) mod token;

use bytes::Bytes;

use crate::kind::Kind;
use crate::reading::Element;
use crate::record::Content;

/// What decoding needs to know of the city.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Reference temperature of mass concentrations, °C.
    pub reference_temperature_c: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { reference_temperature_c: crate::unit::REFERENCE_TEMPERATURE_C }
    }
}

/// Decodes a native payload and hands each element to `sink` in order. A payload that is no reading at all is one rejection.
pub fn decode_native(kind: Kind, content: Content, payload: &Bytes, options: &Options, sink: &mut dyn FnMut(Element)) {
    native::decode(kind, content, payload, options, sink);
}

/// How a payload is written whose content type was not kept (a dead letter): a JSON text cannot begin with the initial byte of
/// a CBOR array, map or tag, since no UTF-8 text does. Live messages are read as what they are announced to be.
pub fn content_of(payload: &[u8]) -> Content {
    match payload.first() {
        Some(0x80..=0xdb) => Content::Cbor,
        _ => Content::Default,
    }
}
