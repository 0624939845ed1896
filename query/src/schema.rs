//! JSON Schemas of answers (draft 2020-12, as OpenAPI 3.1 uses it), written with a few words each.

use serde_json::{Map, Value, json};

/// An object with these members, all present unless their schema says `null`.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let required: Vec<_> = members.iter().map(|(name, _)| Value::from(*name)).collect();
    let properties: Map<String, Value> = members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

/// The same with members that may be absent.
pub fn partial<const N: usize, const M: usize>(members: [(&str, Value); N], absent: [(&str, Value); M]) -> Value {
    let mut schema = object(members);
    for (name, value) in absent {
        schema["properties"][name] = value;
    }
    schema
}

pub fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

pub fn time(description: &str) -> Value {
    json!({"type": "string", "format": "date-time", "description": description})
}

pub fn integer(description: &str) -> Value {
    json!({"type": "integer", "description": description})
}

pub fn number(description: &str) -> Value {
    json!({"type": "number", "description": description})
}

pub fn flag(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

pub fn word(words: &[&str], description: &str) -> Value {
    json!({"type": "string", "enum": words, "description": description})
}

pub fn array(items: Value, description: &str) -> Value {
    json!({"type": "array", "items": items, "description": description})
}

/// Names to values of one schema.
pub fn map(values: Value, description: &str) -> Value {
    json!({"type": "object", "additionalProperties": values, "description": description})
}

/// May be null, as it may have been before.
pub fn or_null(mut schema: Value) -> Value {
    let mut kinds = match schema["type"].take() {
        Value::Array(kinds) => kinds,
        kind => vec![kind],
    };
    let null = Value::from("null");
    if !kinds.contains(&null) {
        kinds.push(null);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    }
    schema["type"] = Value::Array(kinds);
    schema
}

/// One of these.
pub fn any_of<const N: usize>(schemas: [Value; N]) -> Value {
    json!({"anyOf": schemas.to_vec()})
}

/// A page of items.
pub fn list(item: Value) -> Value {
    object([
        ("items", array(item, "one page")),
        ("next", or_null(text("cursor of the next page; null on the last"))),
        ("as_of", time("the instant at which all of this is true")),
    ])
}

/// A page with further members.
pub fn list_with<const N: usize>(item: Value, head: [(&str, Value); N]) -> Value {
    with(list(item), head)
}

/// An object with further members.
pub fn with<const N: usize>(mut object: Value, more: [(&str, Value); N]) -> Value {
    for (name, value) in more {
        object["properties"][name] = value;
        if let Some(required) = object["required"].as_array_mut() {
            required.push(Value::from(name));
        }
    }
    object
}

/// Null for a shape without a point.
pub fn point() -> Value {
    or_null(object([
        ("type", json!({"type": "string", "const": "Point"})),
        ("coordinates", json!({"type": "array", "items": {"type": "number"}, "description": "longitude, latitude (WGS 84)"})),
    ]))
}

/// What every state carries.
pub fn age() -> [(&'static str, Value); 3] {
    [
        ("observed_at", or_null(time("of the newest reading; null when there is none"))),
        ("age_s", or_null(integer("seconds from `observed_at` to now; 0 for a reading a little ahead of the clock"))),
        ("stale", flag("more than 2.5 times the expected interval without a reading: the state is then unknown")),
    ]
}
