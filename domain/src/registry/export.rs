//! The registry as a file: a GeoJSON FeatureCollection that imports to the same registry again.

use super::{Registry, Span, feature};
use crate::time::Timestamp;

impl Registry {
    /// All versions, or those that hold at an instant; one feature a line, so that two exports can be compared line by line.
    pub fn export(&self, at: Option<Timestamp>) -> Vec<u8> {
        let zone = self.city().time_zone();
        let mut text = Vec::from(&b"{\"type\":\"FeatureCollection\",\"features\":["[..]);
        let wanted = |span: Span| at.is_none_or(|at| span.holds(at));
        for (index, (span, object)) in self.versions().filter(|(span, _)| wanted(*span)).enumerate() {
            text.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
            text.extend_from_slice(feature::write(span, &object, &zone).to_string().as_bytes());
        }
        text.extend_from_slice(b"\n]}\n");
        text
    }
}
