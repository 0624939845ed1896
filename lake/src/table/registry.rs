//! `registry`: one row a version of an object. Of several rows with one (`kind`, `id`, `valid_from`) the one with the highest
//! `journal_offset` counts.

use arrow::datatypes::{DataType, Field};

use super::column::{optional, required, timestamp};

pub(super) fn columns() -> Vec<Field> {
    vec![
        required("kind", DataType::Utf8, "area, site, bay, station or device"),
        required("id", DataType::Utf8, "unique within its kind, never reused"),
        optional("valid_from", timestamp(), "from this instant; null is since ever"),
        optional("valid_to", timestamp(), "until before this instant; null is until further notice"),
        required("properties", DataType::Utf8, "GeoJSON properties as JSON"),
        optional("geometry", DataType::Utf8, "GeoJSON geometry as JSON, WGS 84"),
        required("journal_offset", DataType::Int64, "position of the edit"),
    ]
}
