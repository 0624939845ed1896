//! Versions of the registry on the link: one a line, `+` or `-` and the feature as a store keeps it.

use bytes::Bytes;
use domain::registry::{Change, ChangeKind, CityOptions, decode_feature, encode_feature};

use super::frame::LinkError;

/// A city has millions of versions: what is written and read at a time.
const PART_BYTES: usize = 4 * 1024 * 1024;

/// The changes in parts. A city's take seconds: not on an async thread.
pub fn versions_parts(changes: impl IntoIterator<Item = Change>) -> Vec<Bytes> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    for change in changes {
        part.push(match change.what {
            ChangeKind::New => '+',
            ChangeKind::Superseded => '-',
        });
        part.push_str(&encode_feature(change.span, &change.object));
        part.push('\n');
        if part.len() >= PART_BYTES {
            parts.push(Bytes::from(std::mem::take(&mut part)));
        }
    }
    if !part.is_empty() {
        parts.push(Bytes::from(part));
    }
    parts
}

/// The changes of one part. Also long for a city.
pub fn versions_from(part: &[u8], city: &CityOptions) -> Result<Vec<Change>, LinkError> {
    let malformed = || LinkError::Malformed("a version of the registry is damaged");
    let text = std::str::from_utf8(part).map_err(|_| malformed())?;
    let change = |line: &str| {
        let (what, feature) = match line.split_at_checked(1) {
            Some(("+", feature)) => (ChangeKind::New, feature),
            Some(("-", feature)) => (ChangeKind::Superseded, feature),
            _ => return Err(malformed()),
        };
        let (span, object) = decode_feature(feature, city).map_err(|_| malformed())?;
        Ok(Change { what, span, object })
    };
    text.lines().map(change).collect()
}
