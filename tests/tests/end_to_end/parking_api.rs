//! Answers and refusals of the API: what an app relies on.

use serde_json::Value;
use tests::publisher::{parking, pm25};
use tests::{Publisher, Server};

use super::journey::settle;
use super::registry::small_city;

#[test]
fn near_finds_the_free_bay_and_a_second_question_costs_a_304() -> anyhow::Result<()> {
    let server = city()?;
    let path = "/v1/parking/near?lat=21.0338&lon=105.8515";
    let near = server.api().ask(path)?;
    let item = &near.json()?["items"][0];
    assert_eq!((item["id"].as_str(), item["free"].as_u64()), (Some("hang-bac"), Some(1)), "{}", near.body);
    let etag = near.etag.expect("live answers have an ETag");
    assert_eq!(server.api().ask_with(path, &[("if-none-match", &etag)])?.status, 304);
    Ok(())
}

#[test]
fn the_latest_value_of_a_station_names_unit_age_and_averaging() -> anyhow::Result<()> {
    let server = city()?;
    let latest = server.api().get("/v1/air/latest?pollutant=pm25")?;
    let text = latest.to_string();
    assert!(text.contains("hoan-kiem-air") && text.contains("ug/m3") && text.contains("41.5"), "{text}");
    assert!(text.contains("age_s") && text.contains("avg_s"), "{text}");
    Ok(())
}

#[test]
fn every_refusal_is_a_problem_that_names_the_parameter() -> anyhow::Result<()> {
    let server = city()?;
    let cases = [
        ("/v1/parking/near", 400, "lat"),
        ("/v1/parking/near?lat=91&lon=105", 400, "lat"),
        ("/v1/parking/near?lat=21&lon=105&radius_m=9999", 400, "radius_m"),
        ("/v1/parking/near?lat=21&lon=105&colour=red", 400, "colour"),
        ("/v1/sensors/hb-1/readings?from=2026-01-01T00:00:00", 400, "from"),
        ("/v1/sensors/hb-1/readings?cursor=nonsense", 400, "cursor"),
        ("/v1/sensors/h%20b/readings", 400, "id"),
        ("/v1/ops/deadletters?reason=boredom", 400, "reason"),
    ];
    for (path, status, parameter) in cases {
        let answer = server.api().ask(path)?;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.content_type, "application/problem+json", "{path}");
        let problem = answer.json()?;
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{path}: {problem}");
        assert!(problem["request_id"].is_string());
    }
    for path in ["/v1/nothing", "/v1/parking/sites/nowhere", "/v1/parking/bays/nowhere"] {
        assert_eq!(server.api().ask(path)?.status, 404, "{path}");
    }
    Ok(())
}

#[test]
fn sql_answers_a_select_and_refuses_everything_else() -> anyhow::Result<()> {
    let server = city()?;
    let ask =
        |sql: &str| server.api().post("/v1/query", "application/json", serde_json::json!({"sql": sql}).to_string().as_bytes());
    let answer = ask("select count(*) as n from parking_readings where sensor = 'hb-1'")?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()?["items"][0]["n"], 1, "{}", answer.body);
    for sql in [
        "drop table parking_readings",
        "copy parking_readings to '/tmp/x'",
        "set x = 1",
        "select 1; select 2",
        "create table t as select 1",
        "select * from '/etc/passwd'",
    ] {
        assert_eq!(ask(sql)?.status, 400, "{sql}");
    }
    Ok(())
}

#[test]
fn every_path_of_the_description_answers() -> anyhow::Result<()> {
    let server = city()?;
    let description = server.api().get("/v1/openapi.json")?;
    assert!(description["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    for (path, operations) in description["paths"].as_object().expect("paths") {
        let Some(get) = operations.get("get") else { continue };
        let path = fill(path, get);
        let status = server.api().ask(&path)?.status;
        assert!((200..300).contains(&status), "{path}: {status}");
    }
    Ok(())
}

/// Fills a templated path and its required parameters from the city that the tests serve.
fn fill(path: &str, operation: &Value) -> String {
    let id = match path {
        path if path.contains("/sites/") => "hang-bac",
        path if path.contains("/stations/") => "hoan-kiem-air",
        path if path.contains("/areas/") => "hoan-kiem",
        _ => "hb-1",
    };
    let query: Vec<String> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
        .filter_map(|parameter| match parameter["name"].as_str()? {
            "lat" => Some("lat=21.0338".to_owned()),
            "lon" => Some("lon=105.8515".to_owned()),
            "since" => Some("since=0".to_owned()),
            "station" => Some("station=hoan-kiem-air".to_owned()),
            "pollutant" => Some("pollutant=pm25".to_owned()),
            name => Some(format!("{name}=2026-01-01T00:00:00Z")),
        })
        .collect();
    format!("{}?{}", path.replace("{id}", id), query.join("&"))
}

fn city() -> anyhow::Result<Server> {
    let server = Server::start()?;
    let posted = server.api().post("/v1/registry", "application/geo+json", small_city().to_string().as_bytes())?;
    anyhow::ensure!(posted.status == 200, "{}", posted.body);
    let now_ms = jiff::Timestamp::now().as_millisecond();
    Publisher::new(server.mqtt(), "city").publish(&[parking("hb-1", now_ms, "vacant"), pm25("hoan-kiem-air", now_ms, 41.5)]);
    settle(&server, 2)?;
    Ok(server)
}
