//! Whether an answer is what the API description says of it. Every answer that a test gets is looked at.
//!
//! Of JSON Schema only what descriptions here use; a keyword that is none of these is a fault, since nobody would check it. A member
//! that the description does not name is a fault as well.

use http::{Method, response};
use serde_json::{Map, Value};

use crate::api::{Endpoint, Verb, endpoints};
use crate::format::Format;

/// Of a 200 in JSON.
#[track_caller]
pub fn assert_as_described(method: &Method, path: &str, parts: &response::Parts, body: &[u8]) {
    let media = parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let path = path.split('?').next().unwrap_or_default();
    let Some(endpoint) = endpoint(method, path) else {
        return;
    };
    if parts.status.as_u16() != 200 || media != Some(Format::Json.content_type()) || body.is_empty() {
        return;
    }
    let answer: Value = serde_json::from_slice(body).expect("what is said to be JSON is JSON");
    let mut faults = Vec::new();
    judge(endpoint.id, &(endpoint.schema)(), &answer, &mut faults);
    assert_eq!(faults, Vec::<String>::new(), "{path} answers {answer}");
}

fn endpoint(method: &Method, path: &str) -> Option<&'static Endpoint> {
    let verb = if *method == Method::POST { Verb::Post } else { Verb::Get };
    let fits = |endpoint: &&Endpoint| {
        let (named, given) = (endpoint.path.split('/'), path.split('/'));
        endpoint.verb == verb
            && named.clone().count() == given.clone().count()
            && named.zip(given).all(|(named, given)| named.starts_with('{') || named == given)
    };
    // `…/near` goes before `…/{id}`.
    endpoints().filter(fits).min_by_key(|endpoint| endpoint.path.contains('{'))
}

const KINDS: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

/// The names of a schema's `type`; a fault where it is neither one nor a flat list.
fn kinds<'a>(at: &str, schema: &'a Map<String, Value>, faults: &mut Vec<String>) -> Option<Vec<&'a str>> {
    let names: Option<Vec<&str>> = match schema.get("type")? {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => names.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let known = names.filter(|names| !names.is_empty() && names.iter().all(|name| KINDS.contains(name)));
    if known.is_none() {
        faults.push(format!("{at}: {} is no type", schema["type"]));
    }
    known
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

/// Adds what is wrong with `value`.
pub fn judge(at: &str, schema: &Value, value: &Value, faults: &mut Vec<String>) {
    let Value::Object(schema) = schema else {
        faults.push(format!("{at}: no schema"));
        return;
    };
    if let Some(kinds) = kinds(at, schema, faults)
        && !kinds.iter().any(|kind| is_of(kind, value))
    {
        faults.push(format!("{at}: {value} is none of {kinds:?}"));
    }
    for (keyword, of) in schema {
        match (keyword.as_str(), value) {
            ("const", _) if value != of => faults.push(format!("{at}: {value} is not {of}")),
            ("enum", _) if !of.as_array().is_some_and(|words| words.contains(value)) => {
                faults.push(format!("{at}: {value} is none of {of}"));
            }
            ("anyOf", _) => {
                let fits = |schema: &Value| {
                    let mut faults = Vec::new();
                    judge(at, schema, value, &mut faults);
                    faults.is_empty()
                };
                if !of.as_array().is_some_and(|schemas| schemas.iter().any(fits)) {
                    faults.push(format!("{at}: {value} is as none of several describe it"));
                }
            }
            ("items", Value::Array(items)) => {
                items.iter().enumerate().for_each(|(place, item)| judge(&format!("{at}[{place}]"), of, item, faults));
            }
            ("required", Value::Object(members)) => {
                let names = of.as_array().into_iter().flatten().filter_map(Value::as_str);
                faults.extend(names.filter(|name| !members.contains_key(*name)).map(|name| format!("{at}: lacks {name}")));
            }
            ("properties", Value::Object(members)) => judge_members(at, schema, members, faults),
            ("additionalProperties", Value::Object(members)) if !schema.contains_key("properties") => {
                members.iter().for_each(|(name, member)| judge(&format!("{at}.{name}"), of, member, faults));
            }
            ("format", Value::String(text)) if of == "date-time" && domain::Timestamp::parse_rfc3339(text).is_err() => {
                faults.push(format!("{at}: {text} is no date-time"));
            }
            _ => {}
        }
    }
}

fn judge_members(at: &str, schema: &Map<String, Value>, members: &Map<String, Value>, faults: &mut Vec<String>) {
    for (name, member) in members {
        match schema["properties"].get(name) {
            Some(schema) => judge(&format!("{at}.{name}"), schema, member, faults),
            None => faults.push(format!("{at}.{name}: is not described")),
        }
    }
}

const KEYWORDS: [&str; 17] = [
    "type",
    "description",
    "const",
    "enum",
    "anyOf",
    "items",
    "required",
    "properties",
    "additionalProperties",
    "format",
    "$ref",
    // Of parameters, which have tests of their own.
    "default",
    "minimum",
    "maximum",
    "maxLength",
    "pattern",
    "example",
];

/// Adds what is wrong with the schemas anywhere in a document.
pub fn judge_schemas(at: &str, document: &Value, faults: &mut Vec<String>) {
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                let at = format!("{at}/{name}");
                match name.as_str() {
                    "schema" => judge_schema(&at, member, faults),
                    "schemas" => {
                        let schemas = member.as_object().into_iter().flatten();
                        schemas.for_each(|(name, schema)| judge_schema(&format!("{at}/{name}"), schema, faults));
                    }
                    "example" => {}
                    _ => judge_schemas(&at, member, faults),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| judge_schemas(at, item, faults)),
        _ => {}
    }
}

fn judge_schema(at: &str, schema: &Value, faults: &mut Vec<String>) {
    let Value::Object(schema) = schema else {
        faults.push(format!("{at}: {schema} is no schema"));
        return;
    };
    kinds(at, schema, faults);
    for (keyword, of) in schema {
        match keyword.as_str() {
            "items" => judge_schema(&format!("{at}/items"), of, faults),
            "additionalProperties" => judge_schema(&format!("{at}/additionalProperties"), of, faults),
            "anyOf" => {
                of.as_array().into_iter().flatten().for_each(|schema| judge_schema(&format!("{at}/anyOf"), schema, faults))
            }
            "properties" => {
                let members = of.as_object().into_iter().flatten();
                members.for_each(|(name, schema)| judge_schema(&format!("{at}.{name}"), schema, faults));
            }
            known if KEYWORDS.contains(&known) => {}
            other => faults.push(format!("{at}: {other} is checked by nobody")),
        }
    }
}

#[test]
fn what_is_not_as_described_is_found() {
    use serde_json::json;
    let schema = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": ["integer", "null"]}, "b": {"type": "array", "items": {"type": "string", "enum": ["x"]}}}});
    let found = |value: Value| {
        let mut faults = Vec::new();
        judge("answer", &schema, &value, &mut faults);
        faults.len()
    };
    assert_eq!(found(json!({"a": 1, "b": ["x"]})) + found(json!({"a": null})), 0);
    for wrong in [json!({}), json!({"a": 1.5}), json!({"a": 1, "b": ["y"]}), json!({"a": 1, "c": 1}), json!([])] {
        assert!(found(wrong.clone()) > 0, "{wrong}");
    }
    let mut faults = Vec::new();
    judge_schemas("", &json!({"schema": {"type": [["string", "null"], "null"]}}), &mut faults);
    assert_eq!(faults.len(), 1);
}
