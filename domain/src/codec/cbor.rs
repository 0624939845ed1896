//! CBOR (RFC 8949) as [`Tokens`]: definite and indefinite lengths, floats of 16, 32 and 64 bits.
//!
//! A declared length is never trusted: text is sliced from what is there, and counts of entries are only counted down. Whether
//! a map's keys are unique or its integers short is not judged here.

use std::borrow::Cow;

use super::token::{Number, SyntaxError, Token, Tokens};

/// A position in a CBOR item.
pub(crate) struct Cbor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// In an array or map: entries that are still to come, `None` until a break.
pub(crate) type Frame = Option<u64>;

/// The initial byte and what belongs to it: major type, the five low bits, and the argument (`None`: indefinite).
struct Head {
    major: u8,
    low: u8,
    argument: Option<u64>,
}

const TEXT: u8 = 3;
const INDEFINITE: u8 = 31;
const BREAK: u8 = 0xff;

impl<'a> Cbor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError { what, at: self.at })
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], SyntaxError> {
        let rest = &self.bytes[self.at..];
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => self.fail("ends too early"),
        }
    }

    fn head(&mut self) -> Result<Head, SyntaxError> {
        let initial = self.take(1)?[0];
        let (major, low) = (initial >> 5, initial & 0x1f);
        let argument = match low {
            0..24 => Some(u64::from(low)),
            24..28 => {
                let bytes = self.take(1 << (low - 24))?;
                Some(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
            }
            INDEFINITE if matches!(major, 2..=5 | 7) => None,
            _ => return self.fail("reserved length"),
        };
        Ok(Head { major, low, argument })
    }

    fn text(&mut self, length: Option<u64>) -> Result<Cow<'a, str>, SyntaxError> {
        if let Some(length) = length {
            return self.piece(length).map(Cow::Borrowed);
        }
        let mut whole = String::new();
        loop {
            let head = self.head()?;
            match head {
                Head { major: TEXT, argument: Some(length), .. } => whole.push_str(self.piece(length)?),
                Head { major: 7, low: INDEFINITE, .. } => return Ok(Cow::Owned(whole)),
                _ => return self.fail("expected a piece of text"),
            }
        }
    }

    fn piece(&mut self, length: u64) -> Result<&'a str, SyntaxError> {
        let bytes = self.take(length)?;
        str::from_utf8(bytes).or_else(|_| self.fail("text is not UTF-8"))
    }

    fn skip_bytes(&mut self, length: Option<u64>) -> Result<(), SyntaxError> {
        if let Some(length) = length {
            return self.take(length).map(|_| ());
        }
        loop {
            match self.head()? {
                Head { major: 2, argument: Some(length), .. } => self.take(length)?,
                Head { major: 7, low: INDEFINITE, .. } => return Ok(()),
                _ => return self.fail("expected a piece of a byte string"),
            };
        }
    }

    fn simple<F>(&self, head: &Head) -> Result<Token<'a, F>, SyntaxError> {
        let argument = head.argument.unwrap_or(0);
        match head.low {
            20 | 21 => Ok(Token::Bool),
            22 | 23 => Ok(Token::Null), // null and undefined: absent
            25 => Ok(Token::Number(Number::Float(f64_from_f16(argument as u16)))),
            26 => Ok(Token::Number(Number::Float(f64::from(f32::from_bits(argument as u32))))),
            27 => Ok(Token::Number(Number::Float(f64::from_bits(argument)))),
            INDEFINITE => self.fail("break where a value is expected"),
            _ => self.fail("unassigned simple value"),
        }
    }
}

/// RFC 8949, appendix D.
fn f64_from_f16(bits: u16) -> f64 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let mantissa = f64::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1_024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

impl<'a> Tokens<'a> for Cbor<'a> {
    type Frame = Frame;

    fn position(&self) -> usize {
        self.at
    }

    fn value(&mut self) -> Result<Token<'a, Frame>, SyntaxError> {
        let head = self.head()?;
        let argument = head.argument;
        match head.major {
            0 => Ok(Token::Number(unsigned(argument.unwrap_or(0)))),
            1 => Ok(Token::Number(negative(argument.unwrap_or(0)))),
            2 => self.skip_bytes(argument).map(|()| Token::Bytes),
            TEXT => self.text(argument).map(Token::Text),
            4 => Ok(Token::Array(argument)),
            5 => Ok(Token::Map(argument)),
            6 => Ok(Token::Tag(argument.unwrap_or(0))),
            _ => self.simple(&head),
        }
    }

    fn another(&mut self, frame: &mut Frame) -> Result<bool, SyntaxError> {
        match frame {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None if self.bytes.get(self.at) == Some(&BREAK) => {
                self.at += 1;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn key(&mut self) -> Result<Option<Cow<'a, str>>, SyntaxError> {
        match self.value()? {
            Token::Text(key) => Ok(Some(key)),
            // Skipping them here would nest calls as deep as a hostile payload nests keys.
            Token::Array(_) | Token::Map(_) | Token::Tag(_) => self.fail("a key that is an array, a map or tagged"),
            _ => Ok(None),
        }
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        if self.at < self.bytes.len() { self.fail("something after the end") } else { Ok(()) }
    }
}

fn unsigned(value: u64) -> Number {
    i64::try_from(value).map_or(Number::Float(value as f64), Number::Int)
}

/// −1 − value
fn negative(value: u64) -> Number {
    i64::try_from(value).map_or(Number::Float(-1.0 - value as f64), |value| Number::Int(-1 - value))
}

#[cfg(test)]
mod tests;
