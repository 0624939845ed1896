//! `dead_letters`: what was not accepted, with its bytes and the reason.
//!
//! A dead letter is named by (`journal_offset`, `element`). Resolving it adds a row with the same name and a
//! `resolved_offset`: of several rows with one name the one with the highest `resolved_offset` counts, and compaction keeps
//! only that one.

use arrow::datatypes::{DataType, Field};

use super::column::{optional, received_at, required, with_unit};

pub(super) fn columns() -> Vec<Field> {
    vec![
        received_at(),
        required("topic", DataType::Utf8, "the topic of the message"),
        required(
            "payload",
            DataType::Binary,
            "the element's own bytes, decodable by themselves; of a message that was refused unread the head",
        ),
        required(
            "reason",
            DataType::Utf8,
            "malformed, too_large, unknown_topic, unknown_sensor, bad_timestamp, future, expired, out_of_range, bad_unit, conflict or not_authorised",
        ),
        required("detail", DataType::Utf8, "the field and what is wrong with it"),
        optional("sensor", DataType::Utf8, "the device, where the topic or envelope names one"),
        optional("client", DataType::Utf8, "the client that sent it, where that matters (not_authorised)"),
        with_unit(optional("length", DataType::Int64, "of the whole payload, where only its head is kept"), "byte"),
        optional("hash", DataType::Utf8, "xxh3 (64 bit) of the whole payload, 16 hex digits, where only its head is kept"),
        required("element", DataType::Int32, "place in the payload, from 0"),
        required("journal_offset", DataType::Int64, "position of the journal record that held it"),
        optional("resolved_offset", DataType::Int64, "position of the record that took it again; null while it stands"),
    ]
}
