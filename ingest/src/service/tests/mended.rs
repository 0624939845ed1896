//! Rejections that are mended: by time, by the registry, by a person.

use std::time::Duration;

use arrow::array::AsArray as _;
use bytes::Bytes;
use domain::record::{Publish, Record, Refused, Source};
use domain::{Clock as _, Position, Reason};
use lake::contract::{Intake as _, IntakeError, Live as _};
use lake::table::Table;

use super::bench::{Bench, ONE_BAY, Running, air, counts, parking, parking_at, second};
use crate::options::{Options, UnknownSensors};

#[tokio::test]
async fn a_reading_of_the_future_is_taken_by_itself_when_its_time_has_come() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let ahead = bench.clock.now().plus(Duration::from_secs(3_600));
    ingest.publish(vec![parking_at("bay-1", ahead, "occupied")]).await;
    assert_eq!(ingest.ledger(), counts(1, 0, 0, &[(Reason::Future, 1)]));
    assert_eq!(ingest.handle.status().held, 1);
    ingest.stop().await;
    let ingest = bench.start().await;
    bench.move_clock(Duration::from_secs(3_400));
    ingest.until("the held reading is accepted", |counts| counts.accepted == 1).await;
    assert_eq!(ingest.ledger(), counts(1, 1, 0, &[]));
    assert_eq!(ingest.handle.status().held, 0);
    assert_eq!(ingest.rows(Table::ParkingReadings).await, 1);
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_held_sensor_is_taken_by_itself_once_it_is_registered() {
    let mut bench = Bench::new(Options { unknown_sensors: UnknownSensors::Hold, ..Options::default() });
    let ingest = bench.start().await;
    ingest.publish(vec![parking("bay-1", 10, "occupied"), parking("bay-2", 10, "vacant")]).await;
    assert_eq!(ingest.ledger(), counts(2, 0, 0, &[(Reason::UnknownSensor, 2)]));
    ingest.handle.edit_registry("anna", ONE_BAY.into(), false).await.expect("taken");
    ingest.until("the registered bay's reading is accepted", |counts| counts.accepted == 1).await;
    assert_eq!(ingest.ledger(), counts(2, 1, 0, &[(Reason::UnknownSensor, 1)]));
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_dead_letter_is_taken_again_once() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let kept = ingest.publish(vec![air("air-1", 10, r#""no2":1"#), air("air-1", 10, r#""no2":2"#)]).await[1];
    assert_eq!(ingest.ledger(), counts(2, 1, 0, &[(Reason::Conflict, 1)]));
    assert!(matches!(ingest.handle.reprocess(Position(99), 0).await, Err(IntakeError::NotFound)));
    ingest.stop().await;

    let ingest = bench.start().await;
    assert!(ingest.handle.reprocess(kept, 0).await.expect("found in the lake"));
    assert_eq!(ingest.ledger(), counts(2, 1, 0, &[(Reason::Conflict, 1)]), "it is a conflict again, once");
    assert!(!ingest.handle.reprocess(kept, 0).await.expect("found hot"), "it stands resolved");
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

/// Takes a letter again and waits until it has: the position of the record that did it.
async fn again(ingest: &Running, of: Position) -> Position {
    assert!(ingest.handle.reprocess(of, 0).await.expect("it stands"));
    ingest.journal.head()
}

#[tokio::test]
async fn a_letter_keeps_its_client_when_it_is_taken_again() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let mut sent = parking("bay-1", 10, "perhaps");
    sent.client = Bytes::from_static(b"gw-7");
    let of = ingest.publish(vec![sent]).await[0];
    again(&ingest, of).await;
    let view = ingest.handle.view().await.expect("known");
    let letters = view.table(Table::DeadLetters).expect("of every view");
    let clients = letters.hot.iter().flat_map(|chunk| {
        let clients = chunk.rows.column_by_name("client").expect("a letter's column").as_string::<i32>();
        clients.iter().map(|client| client.map(str::to_owned)).collect::<Vec<_>>()
    });
    let clients: Vec<_> = clients.collect();
    assert!(!clients.is_empty() && clients.iter().all(|client| client.as_deref() == Some("gw-7")), "{clients:?}");
    ingest.stop().await;
}

#[tokio::test]
async fn a_malformed_reading_taken_again_is_malformed_again_and_the_new_letter_stands_for_it() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let first = ingest.publish(vec![parking("bay-1", 10, "perhaps")]).await[0];
    let rejected = counts(1, 0, 0, &[(Reason::Malformed, 1)]);
    assert_eq!(ingest.ledger(), rejected);
    let second = again(&ingest, first).await;
    assert_eq!(ingest.ledger(), rejected);
    ingest.stop().await;
    let ingest = bench.start().await;
    assert!(!ingest.handle.reprocess(first, 0).await.expect("it is known"), "it is resolved by the second");
    let third = again(&ingest, second).await;
    assert!(!ingest.handle.reprocess(second, 0).await.expect("it is known"));
    assert_eq!((ingest.ledger(), third), (rejected, Position(3)));
    assert_eq!(ingest.rows(Table::DeadLetters).await, 5, "three letters, two of them resolved");
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_reading_that_nobody_was_allowed_to_send_counts_for_its_sensor_once_it_is_taken_again() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let payload = Bytes::from(format!(r#"{{"ts":"{}","state":"vacant"}}"#, second(10)));
    let refused = Refused {
        reason: Reason::NotAuthorised,
        client: "stranger".into(),
        topic: "kerbside/v1/parking/bay-1".into(),
        length: payload.len() as u64,
        hash: 1,
        head: payload,
        count: 1,
    };
    let (kind, body) = Record::Refused(refused).encode();
    let of = ingest.journal.append(kind, &body).await.expect("durable");
    ingest.until("the refusal is counted", |counts| counts.received == 1).await;
    assert_eq!(ingest.ledger(), counts(1, 0, 0, &[(Reason::NotAuthorised, 1)]));
    again(&ingest, of).await;
    assert_eq!(ingest.ledger(), counts(1, 1, 0, &[]));
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_payload_of_which_only_the_head_was_kept_is_not_taken_again() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let payload = Bytes::from(vec![b' '; domain::limits::PAYLOAD_BYTES_MAX + 1]);
    let of = ingest.publish(vec![Publish::new(Source::Import, "kerbside/v1/parking/bay-1", payload)]).await[0];
    let expected = counts(1, 0, 0, &[(Reason::TooLarge, 1)]);
    assert_eq!(ingest.ledger(), expected);
    assert!(matches!(ingest.handle.reprocess(of, 0).await, Err(IntakeError::Invalid(_))));
    assert_eq!(ingest.ledger(), expected);
    ingest.stop().await;
}

#[tokio::test]
async fn a_reading_of_the_future_taken_again_too_early_waits_on_and_counts_once() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let ahead = bench.clock.now().plus(Duration::from_secs(3_600));
    let of = ingest.publish(vec![parking_at("bay-1", ahead, "occupied")]).await[0];
    again(&ingest, of).await;
    assert_eq!(ingest.ledger(), counts(1, 0, 0, &[(Reason::Future, 1)]));
    assert_eq!(ingest.handle.status().held, 1);
    bench.move_clock(Duration::from_secs(3_400));
    ingest.until("the held reading is accepted", |counts| counts.accepted == 1).await;
    assert_eq!(ingest.ledger(), counts(1, 1, 0, &[]));
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_refused_part_of_a_reading_taken_again_changes_no_count_but_partial() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let sent = [air("air-1", 10, r#""no2":1"#), air("air-1", 10, r#""no2":2,"o3":3"#)];
    let of = ingest.publish(sent.to_vec()).await[1];
    let mut expected = counts(2, 2, 0, &[]);
    expected.partial = 1;
    assert_eq!(ingest.ledger(), expected);
    assert!(ingest.handle.reprocess(of, crate::pipeline::PART).await.expect("it stands"));
    assert_eq!(ingest.ledger(), expected, "it conflicts as before");
    assert!(!ingest.handle.reprocess(of, crate::pipeline::PART).await.expect("it is known"));
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}
