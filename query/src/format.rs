//! The formats of an answer and their choice: `?f=` first, then `Accept`, then the operation's default.

use http::HeaderMap;
use http::header::ACCEPT;

use crate::parameter::{FORMAT, FaultKind};
use crate::problem::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    GeoJson,
    Csv,
    NdJson,
    /// The Arrow IPC stream.
    Arrow,
    Parquet,
    /// Of `/metrics`: the Prometheus text format.
    Text,
    Html,
}

impl Format {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::GeoJson => "geojson",
            Self::Csv => "csv",
            Self::NdJson => "ndjson",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
            Self::Text => "text",
            Self::Html => "html",
        }
    }

    /// Without parameters, as `Accept` is compared with it.
    pub const fn media(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GeoJson => "application/geo+json",
            Self::Csv => "text/csv",
            Self::NdJson => "application/x-ndjson",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Text => "text/plain",
            Self::Html => "text/html",
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            other => other.media(),
        }
    }

    /// Whether operations that offer it have the parameter `f`.
    pub const fn is_named(self) -> bool {
        !matches!(self, Self::Text | Self::Html)
    }

    pub fn choose(offered: &'static [Self], wish: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        if let Some(name) = wish {
            return match offered.iter().find(|format| format.name() == name) {
                Some(format) => Ok(*format),
                None => Err(Problem::parameter(FORMAT, FaultKind::NotWord(names(offered)))),
            };
        }
        let Some(accept) = headers.get(ACCEPT).and_then(|value| value.to_str().ok()) else {
            return Ok(offered[0]);
        };
        let mut best: Option<(Self, f32)> = None;
        for &format in offered {
            let quality = quality_of(format.media(), accept);
            if quality > best.map_or(0.0, |(_, quality)| quality) {
                best = Some((format, quality));
            }
        }
        let list = || offered.iter().map(|format| format.media()).collect::<Vec<_>>().join(", ");
        best.map(|(format, _)| format).ok_or_else(|| Problem::Format { offered: list() })
    }
}

/// What `Accept` gives a media type: the quality of its most specific range, 0 when none covers it.
fn quality_of(media: &str, accept: &str) -> f32 {
    let (main, _) = media.split_once('/').unwrap_or((media, ""));
    let mut best = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        let specific = match name.as_str() {
            "*/*" => 1,
            _ if name == media => 3,
            _ if name.strip_suffix("/*") == Some(main) => 2,
            _ => continue,
        };
        if specific > best.0 {
            best = (specific, quality);
        }
    }
    best.1
}

/// The words that `f` may be, for its fault and its description.
pub fn names(offered: &'static [Format]) -> &'static [&'static str] {
    const JSON: &[Format] = &[Format::Json];
    match offered {
        o if o == JSON => &["json"],
        o if o.contains(&Format::GeoJson) && o.contains(&Format::Csv) => &["json", "geojson", "csv", "ndjson"],
        o if o.contains(&Format::GeoJson) => &["json", "geojson"],
        o if o.contains(&Format::Arrow) => &["json", "csv", "ndjson", "arrow", "parquet"],
        o if o.contains(&Format::NdJson) => &["json", "csv", "ndjson"],
        _ => &["json", "csv"],
    }
}

/// Lists of things with a place.
pub const PLACES: &[Format] = &[Format::Json, Format::GeoJson, Format::Csv, Format::NdJson];
/// Lists of things without one.
pub const ROWS: &[Format] = &[Format::Json, Format::Csv, Format::NdJson];
/// Answers to SQL.
pub const TABLES: &[Format] = &[Format::Json, Format::Csv, Format::NdJson, Format::Arrow, Format::Parquet];
/// One thing with a place.
pub const PLACE: &[Format] = &[Format::Json, Format::GeoJson];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_every_offer_are_those_of_its_formats() {
        for offered in [PLACES, ROWS, TABLES, PLACE, &[Format::Json][..]] {
            let expected: Vec<_> = offered.iter().map(|format| format.name()).collect();
            assert_eq!(names(offered), expected);
        }
    }

    #[test]
    fn the_most_specific_range_decides() {
        let choose = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().expect("ascii"));
            Format::choose(PLACES, None, &headers).ok()
        };
        assert_eq!(choose("*/*"), Some(Format::Json));
        assert_eq!(choose("text/html,application/xhtml+xml,*/*;q=0.8"), Some(Format::Json));
        assert_eq!(choose("text/csv"), Some(Format::Csv));
        assert_eq!(choose("text/*;q=0.5, application/geo+json"), Some(Format::GeoJson));
        assert_eq!(choose("application/json;q=0, */*"), Some(Format::GeoJson));
        assert_eq!(choose("image/png"), None);
    }

    #[test]
    fn the_parameter_goes_before_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, "text/csv".parse().expect("ascii"));
        assert!(matches!(Format::choose(PLACES, Some("geojson"), &headers), Ok(Format::GeoJson)));
        assert!(matches!(Format::choose(PLACES, Some("xml"), &headers), Err(Problem::Parameters(_))));
    }
}
