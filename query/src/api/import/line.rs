//! One line of an import: an envelope of `kind` and `sensor` around a native reading.
//!
//! The line itself is the payload: a decoder ignores the two keys that it does not know. So what is kept of a refused reading
//! is what the importer sent.

use bytes::Bytes;
use domain::record::{Publish, Source};
use domain::{Kind, Reason, SensorId, topic};
use serde::Deserialize;
use serde_json::Value;

/// Why a line is no message.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub field: Option<&'static str>,
    pub reason: Reason,
    pub detail: String,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    kind: Value,
    #[serde(default)]
    sensor: Value,
}

/// Checks the whole line as JSON, and of its members only these two.
pub fn publish_of(line: Bytes) -> Result<Publish, Refusal> {
    if line.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(malformed(None, "is no JSON object".to_owned()));
    }
    let envelope: Envelope = serde_json::from_slice(&line).map_err(|error| malformed(None, error.to_string()))?;
    let kind = text("kind", &envelope.kind)?;
    let kind = Kind::by_name(kind).ok_or_else(|| malformed(Some("kind"), format!("{kind:?} is none of {}", kinds())))?;
    let sensor =
        SensorId::new(text("sensor", &envelope.sensor)?).map_err(|error| malformed(Some("sensor"), error.to_string()))?;
    let mut publish = Publish::new(Source::Import, &topic::native(kind, &sensor).to_string(), line);
    publish.client = Bytes::from_static(b"import");
    Ok(publish)
}

fn text<'a>(field: &'static str, value: &'a Value) -> Result<&'a str, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Err(malformed(Some(field), "is missing".to_owned())),
        _ => Err(malformed(Some(field), "must be a text".to_owned())),
    }
}

fn malformed(field: Option<&'static str>, detail: String) -> Refusal {
    Refusal { field, reason: Reason::Malformed, detail }
}

fn kinds() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &'static str) -> Refusal {
        publish_of(Bytes::from_static(line.as_bytes())).expect_err("refused")
    }

    #[test]
    fn a_line_becomes_a_message_of_its_sensor_with_the_line_as_payload() {
        let line = r#"{"kind":"air","sensor":"a-1","ts":1,"pm25":1e999}"#;
        let publish = publish_of(Bytes::from_static(line.as_bytes())).expect("taken");
        assert_eq!((publish.topic(), publish.source), ("kerbside/v1/air/a-1", Source::Import));
        assert_eq!(publish.payload, line);
    }

    #[test]
    fn a_line_that_names_no_sensor_is_refused_with_the_field() {
        for (line, field) in [
            (r#"{"sensor":"a","ts":1}"#, Some("kind")),
            (r#"{"kind":"noise","sensor":"a"}"#, Some("kind")),
            (r#"{"kind":null,"sensor":"a"}"#, Some("kind")),
            (r#"{"kind":"air"}"#, Some("sensor")),
            (r#"{"kind":"air","sensor":"a/b"}"#, Some("sensor")),
            (r#"{"kind":"air","sensor":1}"#, Some("sensor")),
            (r#"{"kind":"air","kind":"air","sensor":"a"}"#, None),
            (r#"{"kind":"air","sensor":"a","pm25":}"#, None),
            (r#"{"kind":"air","sensor":"a"} x"#, None),
            (r#"["air","a"]"#, None),
            ("nonsense", None),
        ] {
            let refusal = refused(line);
            assert_eq!((refusal.field, refusal.reason), (field, Reason::Malformed), "{line}");
        }
    }

    #[test]
    fn a_line_of_the_simulator_is_taken() {
        let line = "{\"kind\":\"parking\",\"sensor\":\"SCANDCENTER\",\"ts\":\"2014-05-22T07:09:04.145Z\",\"free\":371,\"capacity\":1240}\r";
        assert_eq!(publish_of(Bytes::from_static(line.as_bytes())).expect("taken").topic(), "kerbside/v1/parking/SCANDCENTER");
    }
}
