//! A stream of bytes cut into lines, of which none is held that is too long.

use axum::body::BodyDataStream;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Whole(Bytes),
    /// Over the limit: its bytes were let go as they came.
    TooLong,
}

pub struct Lines {
    body: BodyDataStream,
    line_bytes_max: usize,
    /// What came and was not given out yet.
    buffer: BytesMut,
    /// How much of the buffer holds no line end.
    searched: usize,
    /// The line that has begun is too long.
    skipping: bool,
    ended: bool,
}

impl Lines {
    pub fn new(body: BodyDataStream, line_bytes_max: usize) -> Self {
        Self { body, line_bytes_max, buffer: BytesMut::new(), searched: 0, skipping: false, ended: false }
    }

    /// The next line; a last one needs no end. An error is the stream's: the line that has begun is not given out.
    pub async fn next(&mut self) -> Result<Option<Line>, axum::Error> {
        loop {
            if let Some(line) = self.cut() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(self.rest());
            }
            match self.body.next().await {
                Some(chunk) => self.buffer.extend_from_slice(&chunk?),
                None => self.ended = true,
            }
        }
    }

    fn cut(&mut self) -> Option<Line> {
        let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        match end {
            Some(end) => {
                let mut line = self.buffer.split_to(end + 1);
                self.searched = 0;
                line.truncate(end);
                let too_long = std::mem::take(&mut self.skipping) || line.len() > self.line_bytes_max;
                Some(if too_long { Line::TooLong } else { Line::Whole(line.freeze()) })
            }
            None => {
                if self.skipping || self.buffer.len() > self.line_bytes_max {
                    self.skipping = true;
                    self.buffer.clear();
                }
                self.searched = self.buffer.len();
                None
            }
        }
    }

    fn rest(&mut self) -> Option<Line> {
        if std::mem::take(&mut self.skipping) {
            self.buffer.clear();
            return Some(Line::TooLong);
        }
        let rest = std::mem::take(&mut self.buffer);
        self.searched = 0;
        (!rest.is_empty()).then(|| Line::Whole(rest.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures::stream;

    use super::*;

    async fn lines(chunks: &[&'static str]) -> Vec<Line> {
        let chunks: Vec<Result<&'static str, std::io::Error>> = chunks.iter().map(|chunk| Ok(*chunk)).collect();
        let mut lines = Lines::new(Body::from_stream(stream::iter(chunks)).into_data_stream(), 8);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.expect("no error in the stream") {
            all.push(line);
        }
        all
    }

    fn whole(text: &'static str) -> Line {
        Line::Whole(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn lines_are_the_same_wherever_the_stream_is_cut() {
        let expected = vec![whole("one"), whole(""), whole("two\r"), whole("three")];
        assert_eq!(lines(&["one\n\ntwo\r\nthree"]).await, expected);
        assert_eq!(lines(&["o", "ne", "\n", "\ntwo\r", "\nthr", "ee"]).await, expected);
        assert_eq!(lines(&["one\n\ntwo\r\nthree\n"]).await, expected, "a last line end begins no line");
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_costs_no_other_line() {
        let expected = vec![whole("a"), Line::TooLong, whole("12345678"), Line::TooLong];
        assert_eq!(lines(&["a\n123456789\n12345678\n1234567890"]).await, expected);
        assert_eq!(lines(&["a\n12345", "6789", "0000000000", "0\n1234", "5678\n123456", "7890", "11"]).await, expected);
    }
}
