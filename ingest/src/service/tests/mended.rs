//! Rejections that are mended: by time, by the registry, by a person.

use std::time::Duration;

use domain::{Clock as _, Position, Reason};
use lake::contract::{Intake as _, IntakeError, Live as _};
use lake::table::Table;

use super::bench::{Bench, ONE_BAY, air, counts, parking, parking_at};
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
