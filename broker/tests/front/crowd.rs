//! Ten thousand connections: how long they take and what they cost. A measurement, run by name:
//! `cargo test -p kerbside-broker --test front --release -- --ignored --nocapture ten_thousand`

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::harness::clock;
use crate::process::Process;
use crate::raw::Raw;
use crate::subscribing::{publish_and_wait, qos};

const CONNECTIONS: usize = 10_000;
const AT_A_TIME: usize = 500;

#[ignore = "a measurement"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_500_at_a_time_are_accepted_in_5_s_at_16_kb_each() {
    let front = Process::start(TempDir::new().expect("a temporary directory")).await;
    let mut first = Raw::v3(front.mqtt, "first").await;
    publish_and_wait(&mut first, &qos(1, "a", b"", 1)).await;
    let (clock, before) = (clock(), front.resident_bytes());
    let (started, places) = (clock.elapsed(), Arc::new(Semaphore::new(AT_A_TIME)));
    let connecting: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (places, address) = (places.clone(), front.mqtt);
            tokio::spawn(async move {
                let _place = places.acquire().await.expect("never closed");
                Raw::v3(address, &format!("sensor-{number}")).await
            })
        })
        .collect();
    let mut crowd = Vec::with_capacity(CONNECTIONS);
    for connected in connecting {
        crowd.push(connected.await.expect("let in"));
    }
    let took = clock.elapsed() - started;
    let idle = (front.resident_bytes() - before) / CONNECTIONS;
    for (id, raw) in crowd.iter_mut().enumerate() {
        publish_and_wait(raw, &qos(1, "kerbside/v1/parking/bay-1", &[b'x'; 150], id as u16 | 1)).await;
    }
    let used = (front.resident_bytes() - before) / CONNECTIONS;
    let figures = format!("{CONNECTIONS} connections in {took:?}; {idle} bytes each when let in, {used} after one publish each");
    writeln!(std::io::stdout(), "{figures}").expect("somebody reads it");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(idle <= 16_000 && used <= 16_000, "{idle} {used}");
    drop(crowd);
    front.stop().await;
}
