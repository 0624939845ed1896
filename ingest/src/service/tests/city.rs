//! Registry edits of a whole city: in parts, and not a second time after a restart anywhere between them.

use std::fmt::Write as _;
use std::io::Write as _;

use bytes::Bytes;
use domain::rng::Rng;
use domain::{Clock as _, Position};
use lake::contract::{Intake as _, IntakeError, Live as _, Verdict};
use lake::table::Table;

use super::bench::{Bench, parking, second};
use crate::options::Options;
use crate::parts::Records;

const BAYS_OF_A_SITE: usize = 25;

/// So many bays along streets, with ids as makers of sensors give them: half of each is chance, so that the file comes in parts.
fn city(bays: usize) -> Bytes {
    let mut rng = Rng::from_seed(3);
    let mut text = String::from(r#"{"type":"FeatureCollection","features":["#);
    for bay in 0..bays {
        let site = bay / BAYS_OF_A_SITE;
        let (lon, lat) = (105.7 + rng.below(200_000) as f64 / 1e6, 20.9 + rng.below(200_000) as f64 / 1e6);
        let (half, other) = (rng.next_u64(), rng.next_u64());
        if bay % BAYS_OF_A_SITE == 0 {
            let comma = if bay == 0 { "" } else { "," };
            write!(
                text,
                r#"{comma}{{"type":"Feature","geometry":{{"type":"LineString","coordinates":[[{lon},{lat}],[{},{lat}]]}},
"properties":{{"kind":"site","id":"street-{site}","name":"Phố {site}","site_kind":"street","heartbeat_s":1800}}}}"#,
                lon + 0.001
            )
            .expect("a string");
        }
        write!(
            text,
            r#",
{{"type":"Feature","geometry":{{"type":"Point","coordinates":[{lon},{lat}]}},
"properties":{{"kind":"bay","id":"bay-{bay}-{half:016x}{other:016x}","site":"street-{site}","max_stay_min":120}}}}"#
        )
        .expect("a string");
    }
    text.push_str("]}");
    Bytes::from(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_of_two_hundred_thousand_bays_is_applied_and_stands_after_a_restart() {
    const BAYS: usize = 200_000;
    let rows = BAYS + BAYS / BAYS_OF_A_SITE;
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let edit = ingest.handle.edit_registry("anna", city(BAYS), false).await.expect("taken");
    assert!(edit.position.is_some() && edit.rows.len() == rows && edit.rows.iter().all(|row| row.verdict == Verdict::Added));
    assert_eq!(ingest.handle.registry().layout(second(10)).bays.len(), BAYS);
    ingest.stop().await;
    let ingest = bench.start().await;
    assert_eq!(ingest.handle.registry().layout(second(10)).bays.len(), BAYS);
    assert_eq!(ingest.rows(Table::Registry).await, rows as u64);
    ingest.stop().await;
    assert_eq!(bench.broken_promises().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_in_parts_survives_a_kill_or_a_stop_after_each_of_them() {
    const BAYS: usize = 100_000;
    let records = Records::of("anna", city(BAYS)).expect("compresses");
    assert!(records.len() > 1, "{} parts", records.len());
    for stops in [false, true] {
        let mut bench = Bench::new(Options { commit_rows: 1, checkpoint_records: 1, ..Options::default() });
        let mut first = Position::START;
        for number in 0..records.len() {
            let ingest = bench.start().await;
            assert!(ingest.handle.registry().layout(second(10)).bays.is_empty());
            let (kind, body) = records.record(number, first).encode();
            let position = ingest.journal.append(kind, &body).await.expect("durable");
            if number == 0 {
                first = position;
            }
            assert!(ingest.handle.settled(position, std::time::Duration::from_secs(60)).await);
            ingest.publish(vec![parking("bay-7", number as i64, "vacant")]).await;
            if stops { ingest.stop().await } else { ingest.kill().await }
        }
        let ingest = bench.start().await;
        assert_eq!(ingest.handle.registry().layout(second(10)).bays.len(), BAYS);
        assert_eq!(ingest.rows(Table::Registry).await, (BAYS + BAYS / BAYS_OF_A_SITE) as u64);
        ingest.stop().await;
    }
}

#[tokio::test]
async fn an_edit_that_lost_its_author_half_way_is_as_if_it_had_never_been() {
    let records = Records::of("anna", city(100_000)).expect("compresses");
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let (kind, body) = records.record(0, Position::START).encode();
    ingest.journal.append(kind, &body).await.expect("durable");
    ingest.kill().await;
    let ingest = bench.start().await;
    let edit = ingest.handle.edit_registry("bao", super::bench::ONE_BAY.into(), false).await.expect("taken");
    assert!(edit.position.is_some());
    assert_eq!(ingest.handle.registry().layout(second(10)).bays.len(), 1);
    ingest.stop().await;
}

#[tokio::test]
async fn an_edit_beyond_the_limit_is_refused_in_one_sentence() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let long = Bytes::from(vec![b' '; domain::limits::HTTP_REGISTRY_BYTES_MAX + 1]);
    let refused = ingest.handle.edit_registry("anna", long, false).await.expect_err("too long");
    let IntakeError::Invalid(detail) = refused else { panic!("{refused}") };
    assert_eq!(detail, "an edit of 536870913 bytes is too long, at most 536870912: split it");
    assert_eq!(ingest.journal.head(), Position::START);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it with --ignored --nocapture"]
async fn an_edit_of_a_million_bays_takes_so_long() {
    let features = city(1_000_000);
    let mut line = format!("{} MB of GeoJSON", features.len() / 1_000_000);
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    let clock = bench.clock.clone();
    let mut lap = clock.elapsed();
    let mut told = |line: &mut String, what: &str| {
        let now = clock.elapsed();
        write!(line, ", {what} {:.1} s", (now - lap).as_secs_f64()).expect("a string");
        lap = now;
    };
    let edit = ingest.handle.edit_registry("anna", features, false).await.expect("taken");
    told(&mut line, "edit");
    assert!(edit.position.is_some());
    drop(edit);
    assert_eq!(ingest.handle.registry().layout(second(10)).bays.len(), 1_000_000);
    told(&mut line, "layout");
    let exported = ingest.handle.export_registry(None).await.expect("exported");
    write!(line, ", export {} MB", exported.len() / 1_000_000).expect("a string");
    drop(exported);
    told(&mut line, "export");
    ingest.stop().await;
    told(&mut line, "stop");
    let ingest = bench.start().await;
    told(&mut line, "start");
    ingest.stop().await;
    line.push('\n');
    std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
}
