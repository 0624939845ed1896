//! The API description (OpenAPI 3.1), made from the list of operations: it cannot say anything that the server does not do.

use serde_json::{Map, Value, json};

use crate::Options;
use crate::api::{Access, Endpoint, Verb, endpoints};
use crate::format::{Format, names};
use crate::parameter::{FORMAT, Kind, Parameter, Place};
use crate::problem;
use crate::schema;

/// `city`: its name.
pub fn document(options: &Options, city: &str) -> Value {
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for endpoint in endpoints() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.verb.name().to_ascii_lowercase()] = operation(endpoint);
        if !tags.contains(&endpoint.tag) {
            tags.push(endpoint.tag);
        }
    }
    let tags: Vec<_> = tags.into_iter().map(|tag| json!({"name": tag, "description": describe_tag(tag)})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Kerbside {city}"),
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Free parking bays and air quality, live and as it was.",
            "description": "Times are RFC 3339 with an offset, coordinates WGS 84. Every state says when it was observed, how \
                            old that is and whether it is stale; every measured value says its unit. Version 1 removes and \
                            retypes nothing; enumerations may grow.",
            "license": {"name": options.licence, "identifier": options.licence},
            "contact": {"name": options.attribution},
        },
        "servers": [{"url": "/", "description": "this server"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key. On a loopback address none is needed."},
            },
            "schemas": {"Problem": problem_schema()},
        },
    })
}

fn describe_tag(tag: &str) -> &'static str {
    match tag {
        "start" => "Where to begin: links, limits, this description.",
        "parking" => "Sites and bays as they are now, and their events.",
        "air" => "Stations and their latest values.",
        "areas" => "Wards and cities with a live summary.",
        "sensors" => "What a device said.",
        "data" => "SQL, bulk import and the ways in that are not MQTT.",
        "registry" => "What stands where, and since when.",
        "ops" => "For the operator: ledger, lag, dead letters, silent sensors.",
        _ => "Liveness, readiness and metrics.",
    }
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut parameters: Vec<_> = endpoint.parameters.iter().map(parameter).collect();
    if endpoint.formats.len() > 1 {
        parameters.push(json!({
            "name": FORMAT, "in": "query", "required": false,
            "description": "The format; goes before the Accept header.",
            "schema": {"type": "string", "enum": names(endpoint.formats), "default": endpoint.formats[0].name()},
        }));
    }
    let mut responses = Map::new();
    responses.insert("200".to_owned(), success(endpoint));
    if endpoint.verb == Verb::Get {
        responses.insert("304".to_owned(), json!({"description": "Nothing changed since the ETag in If-None-Match."}));
    }
    for (status, title) in problem::documented(endpoint) {
        let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        responses.insert(status.to_string(), json!({"description": title, "content": {"application/problem+json": problem}}));
    }
    let mut operation = json!({
        "operationId": endpoint.id,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "security": security(endpoint.access),
        "x-access": access(endpoint.access),
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = &endpoint.body {
        let media = json!({"schema": (body.schema)(), "example": (body.example)()});
        let content: Map<_, _> = body.media.iter().map(|name| ((*name).to_owned(), media.clone())).collect();
        operation["requestBody"] = json!({"required": true, "description": body.description, "content": content});
    }
    operation
}

fn success(endpoint: &Endpoint) -> Value {
    let mut content = Map::new();
    for format in endpoint.formats {
        let media = match format {
            Format::Json => json!({"schema": (endpoint.schema)(), "example": (endpoint.example)()}),
            Format::GeoJson => json!({"schema": {"type": "object"}}),
            Format::Csv | Format::NdJson | Format::Text | Format::Html => json!({"schema": {"type": "string"}}),
            // Bytes have no schema.
            Format::Arrow | Format::Parquet => json!({}),
        };
        content.insert(format.media().to_owned(), media);
    }
    let headers = json!({
        "X-Request-Id": {"description": "Names this request in the server's log.", "schema": {"type": "string"}},
    });
    json!({"description": endpoint.summary, "headers": headers, "content": content})
}

/// An empty requirement means that nothing is needed.
fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([{}]),
        Access::Key(_) | Access::Admin => json!([{"key": []}]),
    }
}

fn access(access: Access) -> String {
    match access {
        Access::Public => "public".to_owned(),
        Access::Key(scope) => format!("key:{}", scope.name()),
        Access::Admin => "admin".to_owned(),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let mut schema = match parameter.kind {
        Kind::Text { bytes_max } => json!({"type": "string", "maxLength": bytes_max}),
        Kind::Id => json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Number { min, max } => json!({"type": "number", "minimum": min, "maximum": max}),
        Kind::Time => json!({"type": "string", "format": "date-time"}),
        Kind::Word(words) => json!({"type": "string", "enum": words}),
        Kind::Bbox => json!({"type": "string", "pattern": "^-?[0-9.]+,-?[0-9.]+,-?[0-9.]+,-?[0-9.]+$"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Cursor => json!({"type": "string"}),
    };
    if let Some(default) = parameter.default {
        schema["default"] = typed(parameter.kind, default);
    }
    let mut out = json!({
        "name": parameter.name,
        "in": match parameter.place { Place::Path => "path", Place::Query => "query" },
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    });
    if let Some(example) = parameter.example {
        out["example"] = typed(parameter.kind, example);
    }
    out
}

fn typed(kind: Kind, text: &str) -> Value {
    match kind {
        Kind::Integer { .. } | Kind::Number { .. } | Kind::Flag => serde_json::from_str(text).unwrap_or(Value::Null),
        _ => Value::from(text),
    }
}

fn problem_schema() -> Value {
    let fault = schema::object([("parameter", schema::text("its name")), ("detail", schema::text("what is wrong with it"))]);
    schema::partial(
        [
            ("type", schema::text("names the kind of problem; the docs page explains it")),
            ("title", schema::text("the kind of problem, in the language of Accept-Language")),
            ("status", schema::integer("the HTTP status")),
            ("detail", schema::text("this occurrence")),
            ("request_id", schema::text("names this request in the server's log")),
        ],
        [("errors", schema::array(fault, "parameters at fault"))],
    )
}
