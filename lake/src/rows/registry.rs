//! Rows of `registry`.

use arrow::array::{Date32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use domain::registry::ObjectKind;
use domain::{Position, Timestamp};

use super::{batch, day_of, shared, timestamps};
use crate::table::Table;

/// One version of one object.
#[derive(Clone, Debug)]
pub struct RegistryVersion<'a> {
    pub kind: ObjectKind,
    pub id: &'a str,
    /// `None` is since ever.
    pub valid_from: Option<Timestamp>,
    /// Exclusive; `None` is until further notice.
    pub valid_to: Option<Timestamp>,
    /// JSON text.
    pub properties: &'a str,
    /// GeoJSON text; a device has none.
    pub geometry: Option<&'a str>,
    /// The edit that brought it.
    pub position: Position,
}

/// Versions of registry objects.
pub struct RegistryRows {
    kind: StringBuilder,
    id: StringBuilder,
    valid_from: TimestampMicrosecondBuilder,
    valid_to: TimestampMicrosecondBuilder,
    properties: StringBuilder,
    geometry: StringBuilder,
    journal_offset: Int64Builder,
    day: Date32Builder,
    rows: usize,
}

impl Default for RegistryRows {
    fn default() -> Self {
        Self {
            kind: StringBuilder::new(),
            id: StringBuilder::new(),
            valid_from: timestamps(),
            valid_to: timestamps(),
            properties: StringBuilder::new(),
            geometry: StringBuilder::new(),
            journal_offset: Int64Builder::new(),
            day: Date32Builder::new(),
            rows: 0,
        }
    }
}

impl RegistryRows {
    pub fn push(&mut self, version: &RegistryVersion<'_>) {
        self.kind.append_value(version.kind.name());
        self.id.append_value(version.id);
        self.valid_from.append_option(version.valid_from.map(Timestamp::as_micros));
        self.valid_to.append_option(version.valid_to.map(Timestamp::as_micros));
        self.properties.append_value(version.properties);
        self.geometry.append_option(version.geometry);
        self.journal_offset.append_value(version.position.as_i64());
        self.day.append_value(day_of(version.valid_from));
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
            shared(self.kind.finish()),
            shared(self.id.finish()),
            shared(self.valid_from.finish()),
            shared(self.valid_to.finish()),
            shared(self.properties.finish()),
            shared(self.geometry.finish()),
            shared(self.journal_offset.finish()),
            shared(self.day.finish()),
        ];
        batch(Table::Registry, columns)
    }
}
