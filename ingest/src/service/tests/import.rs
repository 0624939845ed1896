//! Long imports: how fast they go, and what they hold in memory meanwhile. Measurements, not checks.

use std::io::Write as _;

use bytes::Bytes;
use domain::record::{Publish, Source};
use domain::{Clock as _, Timestamp};
use lake::contract::{Intake as _, Live as _};

use super::bench::{Bench, Running, second};
use crate::options::Options;

const READINGS: u64 = 1_000_000;
const BATCH: u64 = 1_000;
const SENSORS: u64 = 1_000;
const DAY: i64 = 86_400;

fn reading(sensor: u64, at: Timestamp) -> Publish {
    let state = if at.as_micros() / 60_000_000 % 2 == 0 { "occupied" } else { "vacant" };
    let payload = format!(r#"{{"ts":"{at}","state":"{state}","battery_mv":3600}}"#);
    Publish::new(Source::Import, &format!("kerbside/v1/parking/bay-{sensor}"), Bytes::from(payload))
}

/// Megabytes that this process holds.
fn resident_mb() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number of pages") * 4 / 1_024
}

async fn import(ingest: &Running, bench: &Bench, what: &str, message: impl Fn(u64) -> Publish) {
    let began = bench.clock.elapsed();
    let (mut hot_most, mut resident) = (0, Vec::new());
    for batch in 0..READINGS / BATCH {
        let messages = (batch * BATCH..(batch + 1) * BATCH).map(&message).collect();
        let last = ingest.handle.publish(messages).await.expect("a journal that writes").pop().expect("a position");
        hot_most = hot_most.max(ingest.handle.status().hot_rows);
        if batch % (READINGS / BATCH / 8) == 0 {
            resident.push(resident_mb());
        }
        if batch == READINGS / BATCH - 1 {
            assert!(ingest.handle.settled(last, std::time::Duration::from_secs(600)).await);
        }
    }
    let seconds = (bench.clock.elapsed() - began).as_secs_f64();
    let rate = READINGS as f64 / seconds;
    let line = format!("{what}: {rate:.0} readings/s, at most {hot_most} hot rows, resident MB on the way {resident:?}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it with --ignored --nocapture"]
async fn a_million_readings_are_imported_so_fast_in_the_order_of_time() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    import(&ingest, &bench, "in order", |number| reading(number % SENSORS, second((number / SENSORS) as i64 * 60))).await;
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it with --ignored --nocapture"]
async fn a_million_readings_older_than_the_newest_are_imported_so_fast() {
    let mut bench = Bench::new(Options::default());
    let ingest = bench.start().await;
    for sensor in 0..SENSORS {
        ingest.handle.publish(vec![reading(sensor, second(9 * DAY))]).await.expect("a journal that writes");
    }
    import(&ingest, &bench, "late, by time", |number| reading(number % SENSORS, second((number / SENSORS) as i64 * 60))).await;
    import(&ingest, &bench, "late, by sensor", |number| {
        let each = (READINGS / SENSORS) as i64;
        reading(number / each as u64, second(4 * DAY + number as i64 % each * 60))
    })
    .await;
    ingest.stop().await;
}

/// The back-pressure of hot rows: the pipeline waits for commits, and the import for the pipeline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it with --ignored --nocapture"]
async fn a_million_readings_hold_no_more_rows_than_the_limit() {
    const LIMIT: usize = 100_000;
    let options = Options { hot_rows: LIMIT, commit_rows: LIMIT / 4, import_lag_records: 10_000, ..Options::default() };
    let mut bench = Bench::new(options);
    let ingest = bench.start().await;
    import(&ingest, &bench, "100,000 hot rows", |number| reading(number % SENSORS, second((number / SENSORS) as i64 * 60))).await;
    ingest.stop().await;
}
