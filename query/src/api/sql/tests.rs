//! `POST /v1/query` over HTTP: one SELECT is answered in every format, everything else is a problem.

use domain::kind::parking::BayState;
use serde_json::json;

use crate::tests::fixture::at;
use crate::tests::served::{Reply, Served};

async fn filled() -> Served {
    let mut served = Served::new().await;
    served.fixture.parking(1, "bay-1", at("2026-11-24T08:00:00Z"), BayState::Occupied);
    served.fixture.parking(2, "bay-2", at("2026-11-24T08:00:01Z"), BayState::Vacant);
    served.fixture.commit(1).await;
    served.refresh();
    served
}

async fn ask(served: &Served, format: &str, sql: &str) -> Reply {
    served.post(&format!("/v1/query?f={format}"), "application/json", json!({"sql": sql}).to_string()).await
}

#[tokio::test]
async fn a_select_sees_files_and_the_newest_rows() {
    let served = filled().await;
    let answer = ask(&served, "json", "select sensor, state from parking_readings order by sensor").await.json();
    assert_eq!(answer["items"], json!([{"sensor": "bay-1", "state": "occupied"}, {"sensor": "bay-2", "state": "vacant"}]));
    assert_eq!(answer["columns"][0]["name"], "sensor");
}

#[tokio::test]
async fn each_format_has_its_media_type() {
    let served = filled().await;
    for (format, media) in [
        ("csv", "text/csv; charset=utf-8; header=present"),
        ("ndjson", "application/x-ndjson"),
        ("arrow", "application/vnd.apache.arrow.stream"),
        ("parquet", "application/vnd.apache.parquet"),
    ] {
        let reply = ask(&served, format, "select count(*) as n from parking_readings").await;
        assert_eq!((reply.status, reply.header("content-type")), (200, media));
        assert!(!reply.body.is_empty());
    }
}

#[tokio::test]
async fn anything_but_one_select_is_a_bad_request() {
    let served = filled().await;
    for sql in [
        "",
        "drop table parking_readings",
        "copy parking_readings to '/tmp/x'",
        "set x = 1",
        "select 1; select 2",
        "create table t as select 1",
        "select * from '/etc/passwd'",
        "selct 1",
        "select nothing from parking_readings",
    ] {
        let problem = ask(&served, "json", sql).await.problem(400);
        assert_eq!(problem["type"], "/docs#problem-bad-statement", "{sql}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_question_is_told_what_to_write() {
    let served = filled().await;
    for body in ["", "{}", "[]", "select 1", r#"{"sql": 1}"#, r#"{"sql": "select 1", "limit": 3}"#] {
        let problem = served.post("/v1/query", "application/json", body).await.problem(400);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("\"sql\"")), "{body}: {problem}");
    }
}

#[tokio::test]
async fn more_rows_than_a_question_may_have_are_refused() {
    let served = filled().await;
    let hundred = format!("(values {}) v{{}}(n)", (0..100).map(|n| format!("({n})")).collect::<Vec<_>>().join(", "));
    let million = [1, 2, 3].map(|place| hundred.replace("{}", &place.to_string())).join(", ");
    let problem = ask(&served, "csv", &format!("select v1.n from {million}")).await.problem(422);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("100000 rows")), "{problem}");
}

#[tokio::test]
async fn sql_is_refused_to_a_caller_from_elsewhere() {
    let served = filled().await;
    let body = json!({"sql": "select 1"}).to_string();
    let headers = [("x-forwarded-for", "10.0.0.1"), ("content-type", "application/json")];
    served.send(http::Method::POST, "/v1/query", &headers, body.into()).await.problem(401);
}
