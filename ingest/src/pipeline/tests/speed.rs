//! What a reading costs the pipeline itself: decode, plan, step, rows. A measurement, not a check.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use domain::record::{Publish, Source, kind};
use domain::registry::{CityOptions, Registry};
use domain::time::SystemClock;
use domain::{Clock as _, Position, codec};

use super::bench::{Bench, second};
use crate::batch::Batch;
use crate::pipeline::{Committed, Pipeline, State};

#[test]
#[ignore = "a measurement: run it with --ignored --nocapture"]
fn a_reading_costs_the_pipeline_so_much() {
    const SENSORS: u64 = 10_000;
    const READINGS: u64 = 400_000;
    let clock = SystemClock::new(|_| Box::pin(std::future::ready(())));
    let registry = Arc::new(Registry::empty(CityOptions::default()));
    let mut pipeline = Pipeline::new(Bench::default().rules, State::default(), registry, 1 << 28);
    let (mut decoding, mut deciding) = (0.0, 0.0);
    for slice in 0..READINGS / 1_000 {
        let entries: Vec<Bytes> = (0..1_000).map(|index| body(slice * 1_000 + index, SENSORS)).collect();
        let began = clock.elapsed();
        let mut batch = Batch::default();
        for (body, index) in entries.into_iter().zip(1..) {
            let options = codec::Options::default();
            batch.push(Position(slice * 1_000 + index), second(2_000_000_000), kind::PUBLISH, body, &options);
        }
        let decoded = clock.elapsed();
        let plan = pipeline.plan(&batch);
        let mut effects = pipeline.step(batch, plan, Vec::new(), None, &Committed::default());
        let rows = effects.parking.finish().num_rows() + effects.air.finish().num_rows();
        assert_eq!(rows, 1_000);
        deciding += (clock.elapsed() - decoded).as_secs_f64();
        decoding += (decoded - began).as_secs_f64();
    }
    let micros = |seconds: f64| seconds * 1e6 / READINGS as f64;
    let line = format!("a reading: decode {:.2} us, decide {:.2} us\n", micros(decoding), micros(deciding));
    std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
}

/// Nine bays, one station.
fn body(number: u64, sensors: u64) -> Bytes {
    let sensor = number % sensors;
    let ts = 1_900_000_000_000 + number;
    let (topic, payload) = match number % 10 {
        0 => (
            format!("kerbside/v1/air/air-{sensor}"),
            format!(
                r#"{{"ts":{ts},"pm25":12.5,"pm10":{sensor},"no2":31.25,"o3":44,"temp_c":27.5,"rh_pct":81,"battery_mv":3600}}"#
            ),
        ),
        _ => (
            format!("kerbside/v1/parking/bay-{sensor}"),
            format!(
                r#"{{"ts":{ts},"state":"{}","seq":{number},"battery_mv":3600,"rssi_dbm":-91.5,"snr_db":7.25,"gateway":"gw-17"}}"#,
                if number % 20 < 10 { "occupied" } else { "vacant" }
            ),
        ),
    };
    let publish = Publish::new(Source::Mqtt, &topic, Bytes::from(payload));
    let mut body = bytes::BytesMut::new();
    publish.encode(&mut body);
    body.freeze()
}
