//! What JSON and CBOR have in common: values, arrays, maps with text keys, read one token after another without a tree.
//!
//! Nothing here allocates by what a payload declares, and nothing recurses: a hostile payload costs its own length. A reading
//! is built straight from the tokens, because this is the hottest path of the server. Tokens own no text: they are slices of
//! the payload, copied only where a text is written with escapes (JSON) or in pieces (CBOR).

use std::borrow::Cow;

use crate::limits::PAYLOAD_DEPTH_MAX;

/// Where and why bytes are no JSON or CBOR.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(crate) struct SyntaxError {
    pub what: &'static str,
    pub at: usize,
}

/// A number as it was written; integers beyond 64 bits are floats, and those beyond a float are infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    /// The integer that the number is, however it was written (`12`, `12.0`, `1.2e1`): JSON knows no other difference.
    pub fn as_i64(self) -> Option<i64> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2⁵³: above it a float no longer tells neighbouring integers apart
        match self {
            Self::Int(int) => Some(int),
            Self::Float(float) if float.fract() == 0.0 && float.abs() <= EXACT => Some(float as i64),
            Self::Float(_) => None,
        }
    }
}

/// One value, or the start of one that holds others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a, F> {
    Null,
    Bool,
    Number(Number),
    Text(Cow<'a, str>),
    /// A text whose escapes make no Unicode text (a lone surrogate).
    BadText,
    /// CBOR only: a byte string.
    Bytes,
    /// CBOR only: the value that follows means something else than by itself.
    Tag(u64),
    Array(F),
    Map(F),
}

impl<F> Token<'_, F> {
    /// For details of rejections.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::BadText => "a text with a lone surrogate",
            Self::Bytes => "a byte string",
            Self::Tag(_) => "a tagged value",
            Self::Array(_) => "an array",
            Self::Map(_) => "an object",
        }
    }
}

/// A position in a payload. After a [`Token::Array`] or [`Token::Map`] its frame must be read to the end, by
/// [`another`](Self::another) and what it announces, before the payload goes on.
pub(crate) trait Tokens<'a> {
    /// How far one is in an array or map.
    type Frame: Copy;

    /// Bytes read so far.
    fn position(&self) -> usize;

    /// To the first byte of the next value: element slices hold no white space around them.
    fn skip_padding(&mut self) {}

    fn value(&mut self) -> Result<Token<'a, Self::Frame>, SyntaxError>;

    /// Whether an array or map goes on: then comes a value, or a key and a value.
    fn another(&mut self, frame: &mut Self::Frame) -> Result<bool, SyntaxError>;

    /// A map's key; `None` for one that is no text.
    fn key(&mut self) -> Result<Option<Cow<'a, str>>, SyntaxError>;

    /// Only padding may follow the outermost value.
    fn end(&mut self) -> Result<(), SyntaxError>;

    /// Reads the rest of a value that begins with `token`, for its syntax only.
    fn skip(&mut self, token: &Token<'a, Self::Frame>) -> Result<(), SyntaxError> {
        if !matches!(token, Token::Array(_) | Token::Map(_) | Token::Tag(_)) {
            return Ok(());
        }
        let mut open: [Option<(Self::Frame, Holds)>; PAYLOAD_DEPTH_MAX] = [None; PAYLOAD_DEPTH_MAX];
        let mut depth = 0;
        self.enter(token, &mut open, &mut depth)?;
        while depth > 0 {
            let Some((frame, holds)) = open[depth - 1].as_mut() else { break };
            let holds = *holds;
            if !self.another(frame)? {
                depth -= 1;
                continue;
            }
            if holds == Holds::Entries {
                self.key()?;
            }
            let token = self.value()?;
            self.enter(&token, &mut open, &mut depth)?;
        }
        Ok(())
    }

    /// One step of [`skip`](Self::skip): an array or map is opened, tags are passed over to the value they stand before.
    fn enter(
        &mut self,
        token: &Token<'a, Self::Frame>,
        open: &mut [Option<(Self::Frame, Holds)>; PAYLOAD_DEPTH_MAX],
        depth: &mut usize,
    ) -> Result<(), SyntaxError> {
        let mut tagged;
        let mut token = token;
        while let Token::Tag(_) = token {
            tagged = self.value()?;
            token = &tagged;
        }
        let opened = match token {
            Token::Array(frame) => (*frame, Holds::Items),
            Token::Map(frame) => (*frame, Holds::Entries),
            _ => return Ok(()),
        };
        let Some(slot) = open.get_mut(*depth) else {
            return Err(SyntaxError { what: "nested too deep", at: self.position() });
        };
        *slot = Some(opened);
        *depth += 1;
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Items,
    Entries,
}
