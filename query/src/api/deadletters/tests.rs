//! Dead letters over HTTP, on a real lake: each once, with its bytes, wherever its rows lie.

use domain::{Position, Reason};
use lake::contract::IntakeError;
use serde_json::Value;

use crate::tests::fixture::{Letter, at};
use crate::tests::served::Served;

/// One letter a day at noon and one a second later, of two sensors and two reasons.
async fn filled() -> Served {
    let mut served = Served::new().await;
    for day in 0..6_u64 {
        let noon = at("2026-11-18T12:00:00Z").plus(std::time::Duration::from_secs(day * 86_400));
        let bad = Letter { position: 1 + day * 10, received_at: noon, ..Letter::default() };
        served.fixture.letter(bad.position, &bad);
        let late = Letter {
            position: 2 + day * 10,
            received_at: noon.plus(std::time::Duration::from_secs(1)),
            sensor: "air-1",
            reason: Reason::Conflict,
            payload: b"\xff\x00",
            ..Letter::default()
        };
        served.fixture.letter(late.position, &late);
    }
    served.refresh();
    served
}

fn positions(items: &[Value]) -> Vec<u64> {
    items.iter().map(|item| item["position"].as_u64().expect("a position")).collect()
}

async fn walk(served: &Served, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = served.get(&format!("/v1/ops/deadletters?{query}{cursor}")).await.json();
        all.extend(page["items"].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn a_walk_has_every_letter_once_newest_first_wherever_it_lies() {
    let mut served = filled().await;
    let newest_first: Vec<u64> = (0..6).rev().flat_map(|day| [2 + day * 10, 1 + day * 10]).collect();
    for upto in [0, 15, 42, 100] {
        served.fixture.commit(upto).await;
        served.refresh();
        for limit in [1, 3, 100] {
            assert_eq!(positions(&walk(&served, &format!("limit={limit}")).await), newest_first, "{upto} {limit}");
        }
    }
}

#[tokio::test]
async fn letters_are_found_by_reason_sensor_and_time() {
    let mut served = filled().await;
    served.fixture.commit(33).await;
    served.refresh();
    assert_eq!(positions(&walk(&served, "reason=conflict&limit=2").await), [52, 42, 32, 22, 12, 2]);
    assert_eq!(positions(&walk(&served, "sensor=bay-1&from=2026-11-20T00:00:00Z&to=2026-11-22T00:00:00Z").await), [31, 21]);
    assert_eq!(positions(&walk(&served, "from=2026-11-23T12:00:01Z").await), [52]);
    assert_eq!(positions(&walk(&served, "to=2026-11-18T12:00:01Z").await), [1]);
}

#[tokio::test]
async fn a_letter_has_its_bytes_as_text_or_as_base64() {
    let served = filled().await;
    let items = walk(&served, "limit=2").await;
    assert_eq!((&items[0]["payload_base64"], &items[0]["payload"]), (&Value::from("/wA="), &Value::Null));
    assert_eq!(items[1]["payload"], "{}");
    assert_eq!(
        (&items[1]["topic"], &items[1]["detail"]),
        (&Value::from("kerbside/v1/parking/bay-1"), &Value::from("ts: is missing"))
    );
}

#[tokio::test]
async fn of_a_standing_and_a_resolved_row_of_one_name_the_resolved_one_is_told() {
    let mut served = filled().await;
    served.fixture.commit(12).await;
    let noon = at("2026-11-19T12:00:00Z");
    served.fixture.letter(60, &Letter { position: 11, received_at: noon, resolved: Some(60), ..Letter::default() });
    served.refresh();
    for limit in [1, 100] {
        let items = walk(&served, &format!("limit={limit}")).await;
        assert_eq!(items.len(), 12);
        let resolved: Vec<_> = items.iter().filter(|item| !item["resolved"].is_null()).collect();
        assert_eq!((resolved.len(), &resolved[0]["position"], &resolved[0]["resolved"]), (1, &11.into(), &60.into()));
    }
}

#[tokio::test]
async fn an_unknown_reason_and_a_reversed_span_are_named() {
    let served = filled().await;
    assert_eq!(served.get("/v1/ops/deadletters?reason=boredom").await.faulty(), "reason");
    assert_eq!(served.get("/v1/ops/deadletters?from=2026-11-23T12:00:01").await.faulty(), "from");
    let reversed = "/v1/ops/deadletters?from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z";
    assert_eq!(served.get(reversed).await.faulty(), "to");
    assert_eq!(served.get("/v1/ops/deadletters?cursor=nonsense").await.faulty(), "cursor");
}

#[tokio::test]
async fn a_letter_is_taken_again_by_its_name() {
    let served = filled().await;
    let again = served.post("/v1/ops/deadletters/11/reprocess?element=65537", "application/json", "").await.json();
    assert_eq!((&again["reprocessed"], &again["element"]), (&Value::from(true), &Value::from(65_537)));
    *served.intake.reprocess_answer.lock() = Some(Ok(false));
    let resolved = served.post("/v1/ops/deadletters/12/reprocess", "application/json", "").await.json();
    assert_eq!(resolved["reprocessed"], false);
    assert_eq!(*served.intake.reprocessed.lock(), [(Position(11), 65_537), (Position(12), 0)]);
}

#[tokio::test]
async fn what_cannot_be_taken_again_says_why() {
    let served = filled().await;
    let answers = [
        (IntakeError::NotFound, 404),
        (IntakeError::Invalid("only the head of this payload was kept".to_owned()), 409),
        (IntakeError::Unavailable("disk".to_owned()), 503),
    ];
    for (error, status) in answers {
        *served.intake.reprocess_answer.lock() = Some(Err(error));
        served.post("/v1/ops/deadletters/7/reprocess", "application/json", "").await.problem(status);
    }
    assert_eq!(served.post("/v1/ops/deadletters/0/reprocess", "application/json", "").await.faulty(), "position");
    assert_eq!(served.post("/v1/ops/deadletters/1/reprocess?element=-1", "application/json", "").await.faulty(), "element");
}
