//! A recording: a CSV file read row by row through its mapping, plain or gzipped, in file order.
//!
//! Rows stream; nothing is held but the row in hand. Every row is counted as a reading, as missing, or as refused with its line,
//! and order, repetition and conflict are left as they stand in the file: judging them is the server's work.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bytes::Bytes;
use domain::{Kind, SensorId, Timestamp};

use crate::error::Error;
use crate::mapping::{Bound, Mapping, Outcome};

/// Longest first line that is taken for a header.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// One reading of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Where its row begins, from 1.
    pub line: u64,
    pub kind: Kind,
    pub sensor: SensorId,
    pub ts: Timestamp,
    /// The keys after `ts`, as the inside of a JSON object.
    fields: String,
}

impl Recorded {
    /// The native payload with the file's own time.
    pub fn payload(&self) -> Bytes {
        self.payload_at(self.ts)
    }

    /// The native payload with another time (`--shift-to-now`).
    pub fn payload_at(&self, ts: Timestamp) -> Bytes {
        Bytes::from(format!("{{\"ts\":{},{}}}", Instant(ts), self.fields))
    }

    /// The topic under which its sensor publishes.
    pub fn topic(&self) -> String {
        domain::topic::native(self.kind, &self.sensor).to_string()
    }

    /// One line of `POST /v1/import`, with its line end: `{"kind":"air","sensor":"a",` and the native reading.
    pub fn ndjson_line(&self) -> String {
        format!(
            "{{\"kind\":\"{}\",\"sensor\":\"{}\",\"ts\":{},{}}}\n",
            self.kind.name(),
            self.sensor,
            Instant(self.ts),
            self.fields
        )
    }
}

/// Integer milliseconds where that is exact, else RFC 3339.
struct Instant(Timestamp);

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = self.0.as_micros();
        if micros % 1_000 == 0 { write!(f, "{}", micros / 1_000) } else { write!(f, "\"{}\"", self.0) }
    }
}

/// A row, or a cell of one, that is no reading and no gap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {detail}", .column.as_ref().map(|column| format!(", column {column:?}")).unwrap_or_default())]
pub struct RowError {
    pub line: u64,
    /// `None`: the row as a whole.
    pub column: Option<String>,
    pub detail: String,
}

/// What the rows so far came to: rows = readings + missing + refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingCounts {
    pub rows: u64,
    pub readings: u64,
    /// Rows all of whose values are marked as missing.
    pub missing: u64,
    /// Rows that could not be read.
    pub refused: u64,
    /// Cells with a missing marker, in any row.
    pub missing_values: u64,
    /// Cells refused in rows that gave a reading all the same.
    pub refused_values: u64,
}

impl RecordingCounts {
    /// Whether the file gave nothing but refusals: its mapping is another file's.
    pub fn are_refusals_alone(&self) -> bool {
        self.readings == 0 && self.refused > 0
    }
}

/// An open recording: an iterator over its readings and refusals.
pub struct Recording {
    mapping: Mapping,
    bound: Bound,
    reader: csv::Reader<Box<dyn Read + Send>>,
    counts: RecordingCounts,
    /// Refusals of cells whose row was handed out before them.
    waiting: VecDeque<RowError>,
    ended: bool,
    /// The source failed before its end.
    torn: bool,
}

impl Recording {
    /// Opens a file by the mapping given, else by the shipped mapping that recognises its header.
    pub fn open(path: &Path, mapping: Option<Mapping>) -> Result<Self, Error> {
        let file_error = |source| Error::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(file_error)?;
        let mut source = unpacked(file).map_err(file_error)?;
        let header = header_line(&mut source).map_err(file_error)?;
        let header_error = |detail: &str| Error::Header { path: path.to_owned(), detail: detail.to_owned() };
        let header = header.ok_or_else(|| header_error("no text line at its beginning"))?;
        let mapping = mapping.or_else(|| Mapping::recognise(header.trim_end())).ok_or_else(|| Error::Unrecognised {
            path: path.to_owned(),
            columns: header.trim_end().to_owned(),
            known: Mapping::shipped().collect::<Vec<_>>().join(", "),
        })?;
        Self::of_source(Box::new(std::io::Cursor::new(header).chain(source)), mapping)
    }

    /// Reads a text that is already in memory.
    pub fn of_text(text: &str, mapping: Mapping) -> Result<Self, Error> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).to_owned();
        Self::of_source(Box::new(std::io::Cursor::new(text)), mapping)
    }

    fn of_source(source: Box<dyn Read + Send>, mapping: Mapping) -> Result<Self, Error> {
        let refuse = |detail: String| Error::Mapping { name: mapping.name.clone(), detail };
        // The line feed alone ends a row, so that the line numbers of files with CR LF are right; cells are trimmed anyway.
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(mapping.delimiter())
            .terminator(csv::Terminator::Any(b'\n'))
            .flexible(true)
            .from_reader(source);
        let header = reader.headers().map_err(|error| refuse(error.to_string()))?;
        let columns: Vec<String> = header.iter().map(|column| column.trim().to_owned()).collect();
        let bound = Bound::new(&mapping, &columns).map_err(refuse)?;
        Ok(Self {
            mapping,
            bound,
            reader,
            counts: RecordingCounts::default(),
            waiting: VecDeque::new(),
            ended: false,
            torn: false,
        })
    }

    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Complete once the iterator has ended.
    pub fn counts(&self) -> RecordingCounts {
        self.counts
    }

    /// Whether the source failed before its end, so that what follows is missing.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// The time of the last reading, by reading to the end.
    pub fn last_ts(mut self) -> Option<Timestamp> {
        let mut last = None;
        for recorded in self.by_ref().flatten() {
            last = Some(recorded.ts);
        }
        last
    }

    /// The lines of `POST /v1/import`, refusals in between.
    pub fn ndjson_lines(&mut self) -> impl Iterator<Item = Result<String, RowError>> + '_ {
        self.map(|row| row.map(|recorded| recorded.ndjson_line()))
    }

    fn take(&mut self, line: u64, row: &csv::StringRecord) -> Option<Result<Recorded, RowError>> {
        self.counts.rows += 1;
        match self.bound.read(row) {
            Outcome::Reading { sensor, ts, fields, missing, refused } => {
                self.counts.readings += 1;
                self.counts.missing_values += missing;
                self.counts.refused_values += refused.len() as u64;
                let told = refused.into_iter().map(|cell| RowError { line, column: cell.column, detail: cell.detail });
                self.waiting.extend(told);
                Some(Ok(Recorded { line, kind: self.bound.kind(), sensor, ts, fields }))
            }
            Outcome::Missing { values } => {
                self.counts.missing += 1;
                self.counts.missing_values += values;
                None
            }
            Outcome::Refused(refused) => {
                self.counts.refused += 1;
                Some(Err(RowError { line, column: refused.column, detail: refused.detail }))
            }
        }
    }

    /// A row that is no text is refused and reading goes on; a source that fails (a torn gzip stream) ends the recording.
    fn broken(&mut self, line: u64, error: &csv::Error) -> RowError {
        self.torn = matches!(error.kind(), csv::ErrorKind::Io(_));
        self.ended = self.torn;
        self.counts.rows += 1;
        self.counts.refused += 1;
        RowError { line, column: None, detail: error.to_string() }
    }
}

impl Iterator for Recording {
    type Item = Result<Recorded, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(refused) = self.waiting.pop_front() {
            return Some(Err(refused));
        }
        let mut row = csv::StringRecord::new();
        while !self.ended {
            let before = self.reader.position().line();
            match self.reader.read_record(&mut row) {
                Ok(false) => self.ended = true,
                Ok(true) if row.len() == 1 && row[0].trim().is_empty() => {}
                Ok(true) => {
                    let line = row.position().map_or(before, csv::Position::line);
                    if let Some(item) = self.take(line, &row) {
                        return Some(item);
                    }
                }
                Err(error) => return Some(Err(self.broken(before, &error))),
            }
        }
        None
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Unpacks gzip where the first two bytes say so: names lie more often than bytes.
fn unpacked(file: File) -> std::io::Result<Box<dyn BufRead + Send>> {
    let mut plain = BufReader::new(file);
    let packed = plain.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if packed { Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(plain))) } else { Box::new(plain) })
}

/// The first line with its end, without a byte order mark; `None` when it is no text.
fn header_line(source: &mut dyn BufRead) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    source.take(HEADER_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
    let text = String::from_utf8(line).ok().filter(|text| !text.trim().is_empty());
    Ok(text.map(|text| text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text).to_owned()))
}

#[cfg(test)]
mod tests;
