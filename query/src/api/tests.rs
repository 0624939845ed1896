//! The list of operations holds together, and the server does what its description says.

use std::collections::BTreeSet;

use lake::contract::Away;

use super::*;
use crate::Options;
use crate::parameter::Place;
use crate::tests::conform;
use crate::tests::served::Served;

#[test]
fn every_operation_has_its_own_id_and_place() {
    let mut ids = BTreeSet::new();
    let mut places = BTreeSet::new();
    for endpoint in endpoints() {
        assert!(ids.insert(endpoint.id), "{}", endpoint.id);
        assert!(places.insert((endpoint.verb.name(), endpoint.path)), "{}", endpoint.path);
    }
}

#[test]
fn every_operation_is_described() {
    for endpoint in endpoints() {
        let id = endpoint.id;
        for text in [endpoint.tag, endpoint.summary, endpoint.description] {
            assert!(!text.is_empty(), "{id}");
        }
        if endpoint.formats.contains(&Format::Json) {
            assert!((endpoint.schema)().is_object(), "{id}");
            assert!((endpoint.example)().is_object(), "{id}");
        }
    }
}

#[test]
fn every_example_has_the_members_that_its_schema_requires() {
    for endpoint in endpoints().filter(|endpoint| endpoint.formats.contains(&Format::Json)) {
        assert_members(endpoint.id, &(endpoint.schema)(), &(endpoint.example)());
    }
}

fn assert_members(id: &str, schema: &Value, example: &Value) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(example.get(name).is_some(), "{id}: the example lacks {name}");
        assert_members(id, &schema["properties"][name], &example[name]);
    }
    if let (Some(items), Some(examples)) = (schema.get("items"), example.as_array()) {
        examples.iter().for_each(|example| assert_members(id, items, example));
    }
}

#[test]
fn path_parameters_are_those_of_the_path() {
    for endpoint in endpoints() {
        let declared: BTreeSet<_> = endpoint.parameters.iter().filter(|p| p.place == Place::Path).map(|p| p.name).collect();
        let named: BTreeSet<_> = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, named, "{}", endpoint.path);
    }
}

#[test]
fn every_default_and_example_is_a_value_of_its_parameter() {
    for endpoint in endpoints() {
        for parameter in endpoint.parameters {
            for text in [parameter.default, parameter.example].into_iter().flatten() {
                let declared: &'static [Parameter] = Box::leak(Box::new([*parameter]));
                let given = [(parameter.place, parameter.name.to_owned(), text.to_owned())];
                assert!(crate::parameter::Arguments::parse(declared, &given).is_ok(), "{} {}", endpoint.id, parameter.name);
            }
        }
    }
}

#[test]
fn the_description_has_every_operation_and_every_parameter() {
    let document = crate::openapi::document(&Options::default(), "Hà Nội");
    for endpoint in endpoints() {
        let operation = &document["paths"][endpoint.path][endpoint.verb.name().to_ascii_lowercase()];
        assert_eq!(operation["operationId"], endpoint.id);
        assert!(operation["security"].is_array(), "{}", endpoint.id);
        assert!(operation["responses"]["200"]["description"].is_string());
        assert!(operation["responses"]["400"].is_object());
        for parameter in endpoint.parameters {
            let listed = operation["parameters"].as_array().expect("a list");
            let found = listed.iter().find(|listed| listed["name"] == parameter.name).expect("documented");
            assert!(!found["description"].as_str().unwrap_or_default().is_empty(), "{}", parameter.name);
            assert!(found["schema"].is_object());
        }
    }
}

#[test]
fn every_schema_of_the_description_is_well_formed_and_its_example_fits() {
    let document = crate::openapi::document(&Options::default(), "Hà Nội");
    let mut faults = Vec::new();
    conform::judge_schemas("", &document, &mut faults);
    for endpoint in endpoints().filter(|endpoint| endpoint.formats.contains(&Format::Json)) {
        conform::judge(endpoint.id, &(endpoint.schema)(), &(endpoint.example)(), &mut faults);
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_ingest_was_heard_of_the_server_speaks_of_itself_only() {
    let served = Served::new().await;
    *served.live.away.lock() = Some(Away("ingest at 127.0.0.1:7400 is away: connection refused".to_owned()));
    for path in ["/v1", "/v1/openapi.json", "/docs", "/healthz", "/metrics"] {
        assert_eq!(served.get(path).await.status, 200, "{path}");
    }
    for path in ["/v1/parking/near?lat=21.03&lon=105.85", "/v1/ops/ledger", "/v1/ops/ledger?sensor=a", "/v1/sensors/a/readings"] {
        let reply = served.get(path).await;
        assert_eq!(reply.status, 503, "{path}");
        assert!(String::from_utf8_lossy(&reply.body).contains("connection refused"), "{path}");
    }
}
