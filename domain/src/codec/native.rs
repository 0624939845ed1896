//! The native format: one reading, or an array of up to 1,000, as JSON or CBOR with the same keys.
//!
//! Each element of an array is judged by itself, but the payload must be well-formed to its last byte: half of a payload that
//! was cut short is not taken, so that sending it whole again is no puzzle. Verdicts are therefore held back until the end.

mod air;
mod element;
mod encode;
mod field;
mod parking;
mod time;

pub use encode::{encode, encode_array};

use bytes::Bytes;

use super::Options;
use super::cbor::Cbor;
use super::json::Json;
use super::token::{SyntaxError, Token, Tokens};
use crate::kind::Kind;
use crate::limits::{ELEMENTS_MAX, PAYLOAD_BYTES_MAX};
use crate::reading::Element;
use crate::record::Content;
use crate::rejection::{Reason, Rejection};

/// Why a payload as a whole gives no element.
struct Refused {
    reason: Reason,
    detail: String,
}

impl From<SyntaxError> for Refused {
    fn from(error: SyntaxError) -> Self {
        Self { reason: Reason::Malformed, detail: error.to_string() }
    }
}

/// See [`decode_native`](super::decode_native).
pub(super) fn decode(kind: Kind, content: Content, payload: &Bytes, options: &Options, sink: &mut dyn FnMut(Element)) {
    if let Err(Refused { reason, detail }) = decode_whole(kind, content, payload, options, sink) {
        sink(Element { index: 0, outcome: Err(Rejection::new(reason, detail, payload.clone())) });
    }
}

fn decode_whole(
    kind: Kind,
    content: Content,
    payload: &Bytes,
    options: &Options,
    sink: &mut dyn FnMut(Element),
) -> Result<(), Refused> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        let detail = format!("{} bytes, at most {PAYLOAD_BYTES_MAX} are taken", payload.len());
        return Err(Refused { reason: Reason::TooLarge, detail });
    }
    if payload.is_empty() {
        return Err(malformed("the payload is empty"));
    }
    match content {
        Content::Cbor => elements(kind, Cbor::new(payload), payload, options, sink),
        Content::Default => {
            let text = str::from_utf8(payload).map_err(|_| malformed("not UTF-8"))?;
            elements(kind, Json::new(text), payload, options, sink)
        }
    }
}

/// RFC 8949, 3.4.6: says that what follows is CBOR, and nothing else.
const SELF_DESCRIBED: u64 = 55_799;

fn elements<'a, T: Tokens<'a>>(
    kind: Kind,
    mut tokens: T,
    payload: &Bytes,
    options: &Options,
    sink: &mut dyn FnMut(Element),
) -> Result<(), Refused> {
    tokens.skip_padding();
    let mut start = tokens.position();
    let mut token = tokens.value()?;
    if let Token::Tag(SELF_DESCRIBED) = token {
        start = tokens.position();
        token = tokens.value()?;
    }
    let Token::Array(mut frame) = token else {
        let outcome = element::read(kind, &mut tokens, token, start, payload, options)?;
        tokens.end()?;
        sink(Element { index: 0, outcome });
        return Ok(());
    };
    let mut outcomes = Vec::new();
    while tokens.another(&mut frame)? {
        if outcomes.len() == ELEMENTS_MAX {
            let detail = format!("more than {ELEMENTS_MAX} elements");
            return Err(Refused { reason: Reason::TooLarge, detail });
        }
        tokens.skip_padding();
        let start = tokens.position();
        let token = tokens.value()?;
        outcomes.push(element::read(kind, &mut tokens, token, start, payload, options)?);
    }
    tokens.end()?;
    if outcomes.is_empty() {
        return Err(malformed("an array without an element"));
    }
    for (index, outcome) in (0..).zip(outcomes) {
        sink(Element { index, outcome });
    }
    Ok(())
}

fn malformed(detail: &str) -> Refused {
    Refused { reason: Reason::Malformed, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests;
