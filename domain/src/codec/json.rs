//! JSON (RFC 8259) as [`Tokens`]: strict, in one pass, numbers rounded correctly.
//!
//! Own rather than serde_json's, for three reasons: an element's bytes are needed as a slice, a number outside f64 must cost
//! its own quantity and not the payload, and a decimal must become the nearest double (a file's value is answered as that
//! value). That it accepts what serde_json accepts is a property test.

use std::borrow::Cow;

use super::token::{Number, SyntaxError, Token, Tokens};

/// A position in a JSON text.
pub(crate) struct Json<'a> {
    text: &'a str,
    at: usize,
}

/// In an array or object: what closes it, and whether an entry was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    close: u8,
    begun: bool,
}

impl<'a> Json<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError { what, at: self.at })
    }

    fn word<T>(&mut self, word: &str, token: T) -> Result<T, SyntaxError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return self.fail("expected a value");
        }
        self.at += word.len();
        Ok(token)
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.fail("expected a digit") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Number, SyntaxError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let written = &self.text[start..self.at];
        if integer && let Ok(int) = written.parse() {
            return Ok(Number::Int(int));
        }
        match written.parse() {
            Ok(float) => Ok(Number::Float(float)),
            Err(_) => self.fail("expected a number"),
        }
    }

    /// From the opening quote to past the closing one.
    fn text(&mut self) -> Result<Option<Cow<'a, str>>, SyntaxError> {
        let open = self.at;
        let bytes = self.text.as_bytes();
        let mut at = open + 1;
        let mut escaped = false;
        loop {
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += escape_length(bytes, at)?;
                }
                Some(0..0x20) => return Err(SyntaxError { what: "control character in a text", at }),
                Some(_) => at += 1,
                None => return Err(SyntaxError { what: "text without end", at }),
            }
        }
        self.at = at + 1;
        if escaped {
            return Ok(serde_json::from_str(&self.text[open..self.at]).ok().map(Cow::Owned));
        }
        Ok(Some(Cow::Borrowed(&self.text[open + 1..at])))
    }
}

/// Length of the escape at `at`; whether surrogates pair up is judged when the text is wanted.
fn escape_length(bytes: &[u8], at: usize) -> Result<usize, SyntaxError> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') if bytes.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => Ok(6),
        _ => Err(SyntaxError { what: "unknown escape in a text", at }),
    }
}

impl<'a> Tokens<'a> for Json<'a> {
    type Frame = Frame;

    fn position(&self) -> usize {
        self.at
    }

    fn skip_padding(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Token<'a, Frame>, SyntaxError> {
        self.skip_padding();
        match self.peek() {
            Some(b'"') => Ok(self.text()?.map_or(Token::BadText, Token::Text)),
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            Some(b'{') => {
                self.at += 1;
                Ok(Token::Map(Frame { close: b'}', begun: false }))
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Token::Array(Frame { close: b']', begun: false }))
            }
            Some(b'n') => self.word("null", Token::Null),
            Some(b't') => self.word("true", Token::Bool),
            Some(b'f') => self.word("false", Token::Bool),
            Some(_) => self.fail("expected a value"),
            None => self.fail("ends where a value is expected"),
        }
    }

    fn another(&mut self, frame: &mut Frame) -> Result<bool, SyntaxError> {
        self.skip_padding();
        match self.peek() {
            Some(close) if close == frame.close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if frame.begun => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if frame.begun => self.fail("expected a comma or the end of the array or object"),
            Some(_) => {
                frame.begun = true;
                Ok(true)
            }
            None => self.fail("array or object without end"),
        }
    }

    fn key(&mut self) -> Result<Option<Cow<'a, str>>, SyntaxError> {
        self.skip_padding();
        if self.peek() != Some(b'"') {
            return self.fail("expected a key");
        }
        let key = self.text()?;
        self.skip_padding();
        if self.peek() != Some(b':') {
            return self.fail("expected a colon");
        }
        self.at += 1;
        Ok(key)
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        self.skip_padding();
        if self.at < self.text.len() { self.fail("something after the end") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
