//! `POST /v1/import` over HTTP: lines become messages in order, in bounded batches, and a number says how far it got.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use domain::record::Source;
use futures::stream;
use serde_json::{Value, json};

use super::*;
use crate::tests::served::{Reply, Served};

const MEDIA: &str = "application/x-ndjson";

fn lines(count: usize) -> String {
    (1..=count).fold(String::new(), |mut all, n| {
        writeln!(all, "{{\"kind\":\"air\",\"sensor\":\"air-{n}\",\"ts\":{n},\"pm25\":1.5}}").expect("writing to a string");
        all
    })
}

async fn import(served: &Served, query: &str, body: impl Into<Body>) -> Reply {
    served.post(&format!("/v1/import{query}"), MEDIA, body).await
}

fn topics(served: &Served) -> Vec<String> {
    served.intake.published.lock().iter().flatten().map(|publish| publish.topic().to_owned()).collect()
}

#[tokio::test]
async fn every_line_becomes_a_message_of_an_import_in_order() {
    let served = Served::new().await;
    let outcome = import(&served, "", lines(3)).await.json();
    assert_eq!(outcome, json!({"taken": 3, "refused": 0, "refusals": [], "next_line": 4, "position": 3}));
    assert_eq!(topics(&served), ["kerbside/v1/air/air-1", "kerbside/v1/air/air-2", "kerbside/v1/air/air-3"]);
    assert!(served.intake.published.lock().iter().flatten().all(|publish| publish.source == Source::Import));
}

#[tokio::test]
async fn batches_are_bounded_in_lines_and_bytes() {
    let served = Served::new().await;
    let many = 2 * IMPORT_BATCH_LINES_MAX + 1;
    assert_eq!(import(&served, "", lines(many)).await.json()["taken"], many);
    let sizes: Vec<usize> = served.intake.published.lock().iter().map(Vec::len).collect();
    assert_eq!(sizes, [IMPORT_BATCH_LINES_MAX, IMPORT_BATCH_LINES_MAX, 1]);

    let served = Served::new().await;
    let long = format!("{{\"kind\":\"air\",\"sensor\":\"a\",\"note\":\"{}\"}}\n", "x".repeat(IMPORT_BATCH_BYTES_MAX / 2));
    assert_eq!(import(&served, "", long.repeat(5)).await.json()["taken"], 5);
    assert_eq!(served.intake.published.lock().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
}

#[tokio::test]
async fn refused_lines_are_told_with_number_field_and_reason_and_cost_no_other_line() {
    let served = Served::new().await;
    let body = format!("nonsense\n{}\n\n{{\"kind\":\"noise\",\"sensor\":\"a\"}}\r\n{}", lines(1), lines(1).trim_end());
    let outcome = import(&served, "", body).await.json();
    assert_eq!((&outcome["taken"], &outcome["refused"], &outcome["next_line"]), (&json!(2), &json!(2), &json!(7)));
    let refusals = outcome["refusals"].as_array().expect("a list");
    assert_eq!(
        (&refusals[0]["line"], &refusals[0]["field"], &refusals[0]["reason"]),
        (&json!(1), &Value::Null, &json!("malformed"))
    );
    assert_eq!((&refusals[1]["line"], &refusals[1]["field"]), (&json!(5), &json!("kind")));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_refused_by_itself() {
    let served = Served::new().await;
    let body = format!("{}\n{}", "x".repeat(PACKET_BYTES_MAX + 1), lines(1));
    let outcome = import(&served, "", body).await.json();
    assert_eq!((&outcome["taken"], &outcome["refusals"][0]["reason"]), (&json!(1), &json!("too_large")));
}

#[tokio::test]
async fn only_the_first_refusals_are_told_and_all_are_counted() {
    let served = Served::new().await;
    let outcome = import(&served, "", "x\n".repeat(REFUSALS_TOLD_MAX + 7)).await.json();
    assert_eq!(outcome["refused"], REFUSALS_TOLD_MAX + 7);
    assert_eq!(outcome["refusals"].as_array().map(Vec::len), Some(REFUSALS_TOLD_MAX));
    assert_eq!(outcome["position"], Value::Null);
}

#[tokio::test]
async fn a_full_disk_says_from_which_line_to_go_on_and_the_rest_completes_it() {
    let served = Served::new().await;
    let (all, durable) = (lines(3 * IMPORT_BATCH_LINES_MAX), 2 * IMPORT_BATCH_LINES_MAX);
    *served.intake.calls_max.lock() = Some(2);
    let refused = import(&served, "", all.clone()).await;
    assert!(!refused.header("retry-after").is_empty());
    let problem = refused.problem(503);
    assert_eq!((&problem["taken"], &problem["next_line"]), (&json!(durable), &json!(durable + 1)));

    *served.intake.calls_max.lock() = None;
    let outcome = import(&served, &format!("?from_line={}", durable + 1), all).await.json();
    assert_eq!(
        (&outcome["taken"], &outcome["next_line"]),
        (&json!(IMPORT_BATCH_LINES_MAX), &json!(3 * IMPORT_BATCH_LINES_MAX + 1))
    );
    let expected: Vec<String> = (1..=3 * IMPORT_BATCH_LINES_MAX).map(|n| format!("kerbside/v1/air/air-{n}")).collect();
    assert_eq!(topics(&served), expected);
}

#[tokio::test]
async fn a_body_that_breaks_off_keeps_what_came_whole() {
    let served = Served::new().await;
    let torn = format!("{}{{\"kind\":\"air\",\"sen", lines(2));
    let chunks = vec![Ok(torn), Err(std::io::Error::other("connection reset"))];
    let problem = import(&served, "", Body::from_stream(stream::iter(chunks))).await.problem(503);
    assert_eq!((&problem["taken"], &problem["next_line"]), (&json!(2), &json!(3)));
    assert_eq!(topics(&served).len(), 2);
}

#[tokio::test]
async fn no_more_of_the_body_is_read_than_the_journal_took() {
    let served = Arc::new(Served::new().await);
    *served.intake.calls_max.lock() = Some(1);
    let read = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let batch = lines(IMPORT_BATCH_LINES_MAX);
    let endless = stream::iter(std::iter::repeat_with(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok::<_, std::io::Error>(batch.clone())
    }));
    import(&served, "", Body::from_stream(endless)).await.problem(503);
    assert_eq!(read.load(std::sync::atomic::Ordering::Relaxed), 2, "one batch taken, one refused");
}

#[tokio::test]
async fn a_line_number_is_at_least_one() {
    let served = Served::new().await;
    assert_eq!(import(&served, "?from_line=0", lines(1)).await.faulty(), "from_line");
    assert_eq!(import(&served, "?from_line=one", lines(1)).await.faulty(), "from_line");
}
