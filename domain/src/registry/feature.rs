//! One version as a GeoJSON feature, both directions: what files, the store and the lake hold.
//!
//! `properties.kind` decides. Reading is strict where a mistake would bend a number (types, ids, dates, coordinates) and lenient where files
//! differ harmlessly: `null` is absent, `60.0` is 60, a third coordinate is dropped, an open ring is closed. What is merely
//! odd comes back as a remark.

mod fields;
mod geometry;
mod reading;
mod spelling;
mod writing;

pub(super) use fields::{Fault, Remark, is_language_tag};
pub(super) use reading::{Head, Statement, head, read};
pub(super) use spelling::near;
pub(super) use writing::write;
pub use writing::{geometry_text, properties_text};

use jiff::tz::TimeZone;

use super::CityOptions;
use super::object::Object;
use super::span::Span;

/// Why a stored feature is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct FeatureError {
    pub field: String,
    pub detail: String,
}

/// The text of a version for a store: instants in UTC, whatever the city's zone is today.
pub fn encode(span: Span, object: &Object) -> String {
    write(span, object, &TimeZone::UTC).to_string()
}

/// The inverse of [`encode`] and of an exported feature: the same version again.
pub fn decode(text: &str, city: &CityOptions) -> Result<(Span, Object), FeatureError> {
    let error = |fault: Fault| FeatureError { field: fault.field, detail: fault.detail };
    let value = serde_json::from_str(text).map_err(|e| FeatureError { field: "feature".to_owned(), detail: e.to_string() })?;
    let statement = read(value, city, &city.time_zone()).map_err(error)?;
    Ok((Span { from: statement.from, to: statement.to }, statement.object))
}
