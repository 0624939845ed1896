//! Rows of `dead_letters`.

use arrow::array::{
    BinaryBuilder, Date32Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use domain::{Position, Reason, Timestamp};

use super::{batch, day_of, shared, timestamps};
use crate::table::Table;

/// One element that was not accepted. Resolving it pushes the same row once more, with `resolved`.
#[derive(Clone, Debug)]
pub struct DeadLetter<'a> {
    pub received_at: Timestamp,
    pub topic: &'a str,
    /// The element's own bytes, or the head of a payload that was refused unread.
    pub payload: &'a [u8],
    pub reason: Reason,
    pub detail: &'a str,
    pub sensor: Option<&'a str>,
    pub client: Option<&'a str>,
    /// Of the whole payload, where only its head is kept.
    pub length: Option<u64>,
    /// xxh3 of the whole payload, where only its head is kept.
    pub hash: Option<u64>,
    /// Place in the payload, from 0.
    pub element: u32,
    /// The record that held it.
    pub position: Position,
    /// The record that took it again.
    pub resolved: Option<Position>,
}

/// Dead letters, standing and resolved.
pub struct DeadLetterRows {
    received_at: TimestampMicrosecondBuilder,
    topic: StringBuilder,
    payload: BinaryBuilder,
    reason: StringBuilder,
    detail: StringBuilder,
    sensor: StringBuilder,
    client: StringBuilder,
    length: Int64Builder,
    hash: StringBuilder,
    element: Int32Builder,
    journal_offset: Int64Builder,
    resolved_offset: Int64Builder,
    day: Date32Builder,
    rows: usize,
}

impl Default for DeadLetterRows {
    fn default() -> Self {
        Self {
            received_at: timestamps(),
            topic: StringBuilder::new(),
            payload: BinaryBuilder::new(),
            reason: StringBuilder::new(),
            detail: StringBuilder::new(),
            sensor: StringBuilder::new(),
            client: StringBuilder::new(),
            length: Int64Builder::new(),
            hash: StringBuilder::new(),
            element: Int32Builder::new(),
            journal_offset: Int64Builder::new(),
            resolved_offset: Int64Builder::new(),
            day: Date32Builder::new(),
            rows: 0,
        }
    }
}

impl DeadLetterRows {
    pub fn push(&mut self, letter: &DeadLetter<'_>) {
        self.received_at.append_value(letter.received_at.as_micros());
        self.topic.append_value(letter.topic);
        self.payload.append_value(letter.payload);
        self.reason.append_value(letter.reason.name());
        self.detail.append_value(letter.detail);
        self.sensor.append_option(letter.sensor);
        self.client.append_option(letter.client);
        self.length.append_option(letter.length.map(|length| i64::try_from(length).unwrap_or(i64::MAX)));
        match letter.hash {
            Some(hash) => self.hash.append_value(format!("{hash:016x}")),
            None => self.hash.append_null(),
        }
        self.element.append_value(i32::try_from(letter.element).unwrap_or(i32::MAX));
        self.journal_offset.append_value(letter.position.as_i64());
        self.resolved_offset.append_option(letter.resolved.map(Position::as_i64));
        self.day.append_value(day_of(Some(letter.received_at)));
        self.rows += 1;
    }

    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What was pushed, in that order; the builder is empty after it.
    pub fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let columns = vec![
            shared(self.received_at.finish()),
            shared(self.topic.finish()),
            shared(self.payload.finish()),
            shared(self.reason.finish()),
            shared(self.detail.finish()),
            shared(self.sensor.finish()),
            shared(self.client.finish()),
            shared(self.length.finish()),
            shared(self.hash.finish()),
            shared(self.element.finish()),
            shared(self.journal_offset.finish()),
            shared(self.resolved_offset.finish()),
            shared(self.day.finish()),
        ];
        batch(Table::DeadLetters, columns)
    }
}
