//! What a handler gives back, and how it is written in each format, with its ETag.
//!
//! The ETag is that of the answer without `as_of` and `age_s`, and of its format: it changes when something happened, not because
//! time passed, so that a poll costs a 304. A list's `next` also stands in a `Link` header, the only place for it in CSV and NDJSON.

use std::io::Write;

use axum::body::{Body, Bytes};
use axum::response::Response;
use domain::Timestamp;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::api::{Freshness, Verb};
use crate::call::Asked;
use crate::format::Format;

pub enum Answer {
    /// One thing; `as_of` stands in it where it has one.
    Object(Map<String, Value>),
    List(List),
    /// Written by the handler in the operation's only format.
    Text(String),
    /// Written by the handler in the format that was asked for.
    Written(Written),
}

/// One page.
pub struct List {
    pub items: Vec<Value>,
    pub next: Option<String>,
    pub as_of: Timestamp,
    /// Further members, such as a version.
    pub head: Map<String, Value>,
    /// Those that change because time passes.
    pub passing: Map<String, Value>,
}

impl List {
    pub fn new(items: Vec<Value>, next: Option<String>, as_of: Timestamp) -> Self {
        Self { items, next, as_of, head: Map::new(), passing: Map::new() }
    }
}

impl Answer {
    /// `value` must be an object.
    pub fn object(value: Value) -> Self {
        match value {
            Value::Object(map) => Self::Object(map),
            other => Self::Object(Map::from_iter([("value".to_owned(), other)])),
        }
    }

    /// Whether writing it takes longer than a thread that serves sockets should give to one of them.
    pub fn is_long(&self) -> bool {
        matches!(self, Self::List(list) if list.items.len() > ITEMS_AT_ONCE)
    }

    pub fn write(self, format: Format) -> Written {
        match self {
            Self::Object(map) => {
                let value = Value::Object(map);
                Written { digest: digest(&value), next: None, body: Bytes::from(write_object(value, format)) }
            }
            Self::List(list) => {
                let (items, next, as_of) = (Value::Array(list.items), json!(list.next), list.as_of);
                let digest = digest(&json!([items, next, Value::Object(list.head.clone())]));
                let head = list.head.into_iter().chain(list.passing).collect();
                let body = Bytes::from(write_list(items, next, as_of, head, format));
                Written { digest, next: list.next, body }
            }
            Self::Text(text) => Written { digest: xxh3_64(text.as_bytes()), next: None, body: Bytes::from(text) },
            Self::Written(written) => written,
        }
    }
}

/// Items that are written where they are asked for: a few hundred take a millisecond or two.
const ITEMS_AT_ONCE: usize = 200;

/// An answer's bytes, in the format that was asked for.
#[derive(Clone)]
pub struct Written {
    /// Of what it says, apart from the passing of time.
    digest: u64,
    /// The cursor of the next page.
    next: Option<String>,
    body: Bytes,
}

impl Written {
    /// Of a body that says the same as long as it is the same.
    pub fn of(body: Bytes) -> Self {
        Self { digest: xxh3_64(&body), next: None, body }
    }

    /// Of one answer in two formats each has a tag of its own: a cache must not give one for the other.
    fn etag(&self, format: Format) -> String {
        format!("\"{:016x}-{}\"", self.digest, format.name())
    }

    /// Whether the caller has it already.
    pub fn is_seen(&self, format: Format, headers: &HeaderMap) -> bool {
        let seen = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        seen.is_some_and(|seen| matches_etag(seen, &self.etag(format)))
    }

    pub fn into_response(self, asked: &Asked, headers: &HeaderMap) -> Response {
        let etag = self.etag(asked.format);
        let link = self.next.as_ref().map(|next| asked.with_cursor(next));
        let tagged = asked.endpoint.verb == Verb::Get && asked.endpoint.freshness != Freshness::Never;
        let unchanged = tagged && self.is_seen(asked.format, headers);
        let mut response = Response::new(if unchanged { Body::empty() } else { Body::from(self.body) });
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let out = response.headers_mut();
        if !unchanged {
            out.insert(CONTENT_TYPE, HeaderValue::from_static(asked.format.content_type()));
        }
        out.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control(asked.endpoint.freshness)));
        if asked.endpoint.formats.len() > 1 {
            out.insert(VARY, HeaderValue::from_static("accept"));
        }
        if tagged && let Ok(value) = HeaderValue::from_str(&etag) {
            out.insert(ETAG, value);
        }
        if let Some(value) = link.and_then(|link| HeaderValue::from_str(&format!("<{link}>; rel=\"next\"")).ok()) {
            out.insert(LINK, value);
        }
        response
    }
}

const fn cache_control(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::Live => "no-cache",
        Freshness::Settled => "max-age=5",
        Freshness::Never => "no-store",
    }
}

/// `*` or one of a list, weakly compared as RFC 9110 asks for here.
pub fn matches_etag(seen: &str, etag: &str) -> bool {
    seen.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == "*" || tag == etag)
}

/// Of a value; the same for two that differ only because time passed.
pub fn digest(value: &Value) -> u64 {
    struct Sink(Xxh3Default);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Sink(Xxh3Default::new());
    serde_json::to_writer(&mut sink, &Lasting(value)).expect("a hash takes every byte");
    sink.0.digest()
}

/// Of what is the same in every format.
pub fn etag_of_bytes(bytes: &[u8]) -> String {
    format!("\"{:016x}\"", xxh3_64(bytes))
}

/// A value without the members that change because time passes.
struct Lasting<'a>(&'a Value);

impl Serialize for Lasting<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => {
                let mut out = serializer.serialize_map(None)?;
                for (key, value) in map.iter().filter(|(key, _)| *key != "as_of" && *key != "age_s") {
                    out.serialize_entry(key, &Lasting(value))?;
                }
                out.end()
            }
            Value::Array(items) => {
                let mut out = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    out.serialize_element(&Lasting(item))?;
                }
                out.end()
            }
            other => other.serialize(serializer),
        }
    }
}

fn write_object(value: Value, format: Format) -> Vec<u8> {
    match format {
        Format::GeoJson => feature(value).to_string().into_bytes(),
        _ => value.to_string().into_bytes(),
    }
}

fn write_list(items: Value, next: Value, as_of: Timestamp, head: Map<String, Value>, format: Format) -> Vec<u8> {
    let Value::Array(items) = items else {
        return Vec::new();
    };
    match format {
        Format::Csv => write_csv(&items),
        Format::NdJson => items.iter().fold(Vec::new(), |mut out, item| {
            out.extend_from_slice(item.to_string().as_bytes());
            out.push(b'\n');
            out
        }),
        Format::GeoJson => {
            let features: Vec<_> = items.into_iter().map(feature).collect();
            let mut all = json!({"type": "FeatureCollection", "features": features, "next": next, "as_of": as_of.to_string()});
            for (key, value) in head {
                all[&key] = value;
            }
            all.to_string().into_bytes()
        }
        _ => {
            let mut all = head;
            all.insert("items".to_owned(), Value::Array(items));
            all.insert("next".to_owned(), next);
            all.insert("as_of".to_owned(), json!(as_of.to_string()));
            Value::Object(all).to_string().into_bytes()
        }
    }
}

/// An item as a GeoJSON feature: its `geometry` or `point` becomes the geometry, the rest are properties.
fn feature(item: Value) -> Value {
    let Value::Object(mut properties) = item else {
        return Value::Null;
    };
    let geometry = properties.shift_remove("geometry");
    let point = if geometry.is_some() { None } else { properties.shift_remove("point") };
    let id = properties.get("id").cloned().unwrap_or(Value::Null);
    json!({"type": "Feature", "id": id, "geometry": geometry.or(point), "properties": properties})
}

/// RFC 4180 with a header: every key of any item in order of appearance; nested values are JSON texts.
fn write_csv(items: &[Value]) -> Vec<u8> {
    let mut columns: Vec<&str> = Vec::new();
    for item in items.iter().filter_map(Value::as_object) {
        if item.len() != columns.len() || !item.keys().zip(&columns).all(|(key, column)| key == column) {
            for key in item.keys().filter(|key| !columns.contains(&key.as_str())).collect::<Vec<_>>() {
                columns.push(key);
            }
        }
    }
    let mut out = Vec::new();
    let mut row = |cells: &mut dyn Iterator<Item = String>| {
        let line: Vec<_> = cells.map(|cell| quoted(&cell)).collect();
        out.extend_from_slice(line.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    row(&mut columns.iter().map(|column| (*column).to_owned()));
    for item in items {
        row(&mut columns.iter().map(|column| match item.get(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }));
    }
    out
}

/// A CSV cell.
pub fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_see_time_pass() {
        let at = |age: i64, free: i64| json!({"as_of": age, "items": [{"free": free, "age_s": age}]});
        assert_eq!(digest(&at(1, 5)), digest(&at(2, 5)));
        assert_ne!(digest(&at(1, 5)), digest(&at(1, 6)));
    }

    #[test]
    fn csv_quotes_what_needs_it_and_leaves_absent_cells_empty() {
        let items = [json!({"a": 1, "b": "x,\"y\""}), json!({"a": null, "c": ["z"]})];
        let text = String::from_utf8(write_csv(&items)).expect("UTF-8");
        assert_eq!(text, "a,b,c\r\n1,\"x,\"\"y\"\"\",\r\n,,\"[\"\"z\"\"]\"\r\n");
    }

    #[test]
    fn an_item_with_a_point_becomes_a_feature() {
        let item = json!({"id": "a", "free": 3, "point": {"type": "Point", "coordinates": [1.0, 2.0]}});
        let feature = feature(item);
        assert_eq!(feature["geometry"]["coordinates"], json!([1.0, 2.0]));
        assert_eq!(feature["properties"], json!({"id": "a", "free": 3}));
    }
}
