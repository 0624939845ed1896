//! Recordings through a broker of a few lines.

use bytes::Bytes;

use super::*;
use crate::tests::broker::{Broker, BrokerOptions, clock};

const PRSA: &str = "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station\n";

/// A file of `rows` hours, every tenth of which has no time.
fn file(rows: usize) -> tempfile::NamedTempFile {
    let mut text = PRSA.to_owned();
    for n in 0..rows {
        let hour = if n % 10 == 9 { 99 } else { n % 24 };
        text.push_str(&format!("{n},2013,3,{},{hour},{n},NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,Dongsi\n", 1 + n / 24 % 28));
    }
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("written");
    file
}

async fn replayed(broker: &Broker, rows: usize, options: ReplayOptions) -> ReplaySummary {
    let file = file(rows);
    let publisher = PublisherOptions { broker: broker.address.clone(), ..options.publisher };
    let options = ReplayOptions { publisher, ..options };
    let replay = Replay::new(file.path().to_owned(), None, options, clock());
    replay.run(CancellationToken::new()).await.expect("the broker accepts")
}

fn values(broker: &Broker) -> Vec<f64> {
    let value =
        |payload: Bytes| serde_json::from_slice::<serde_json::Value>(&payload).expect("JSON")["pm25"].as_f64().expect("a number");
    broker.heard().into_iter().map(|(_, payload)| value(payload)).collect()
}

#[tokio::test]
async fn a_replay_keeps_the_order_of_the_file_over_lost_connections_and_tells_what_it_left_out() {
    let broker = Broker::start(BrokerOptions { hang_up_after: Some(300), ..BrokerOptions::default() }).await;
    let summary = replayed(&broker, 1_000, ReplayOptions::default()).await;
    let expected: Vec<f64> = (0..1_000_u32).filter(|n| n % 10 != 9).map(f64::from).collect();
    assert_eq!(values(&broker), expected);
    assert!(summary.is_complete() && summary.published.resent > 0);
    assert_eq!((summary.counts.rows, summary.counts.readings, summary.counts.refused), (1_000, 900, 100));
    assert_eq!((summary.refusals.len(), summary.refusals[0].line), (REFUSALS_TOLD_MAX, 11));
}

#[tokio::test]
async fn shifted_to_now_the_last_row_is_now_and_the_distances_stay() {
    let broker = Broker::start(BrokerOptions::default()).await;
    let before = clock().now().as_micros();
    replayed(&broker, 9, ReplayOptions { shift_to_now: true, ..ReplayOptions::default() }).await;
    let ts: Vec<i64> = broker
        .heard()
        .into_iter()
        .map(|(_, payload)| {
            serde_json::from_slice::<serde_json::Value>(&payload).expect("JSON")["ts"].as_i64().expect("a number") * 1_000
        })
        .collect();
    assert!((before - 1_000..=clock().now().as_micros()).contains(&ts[8]), "{ts:?}");
    assert!(ts.windows(2).all(|pair| pair[1] - pair[0] == 3_600_000_000));
}

#[tokio::test]
async fn a_broker_that_is_not_there_fails_the_replay() {
    let broker = Broker::start(BrokerOptions::default()).await;
    let address = broker.address.clone();
    drop(broker);
    let publisher = PublisherOptions { broker: address, give_up_after_s: Some(0), ..PublisherOptions::default() };
    let file = file(10);
    let replay = Replay::new(file.path().to_owned(), None, ReplayOptions { publisher, ..ReplayOptions::default() }, clock());
    assert!(matches!(replay.run(CancellationToken::new()).await, Err(Error::Broker { .. })));
}

/// `cargo test -p kerbside-sensors-sim -- --ignored --nocapture speed_of_a_replay`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a fact"]
async fn speed_of_a_replay() {
    let broker = Broker::start(BrokerOptions { forgetful: true, ..BrokerOptions::default() }).await;
    let summary = replayed(&broker, 500_000, ReplayOptions::default()).await;
    let rate = summary.published.acknowledged as f64 / summary.took.as_secs_f64();
    let text = format!("{rate:.0} readings/s, PUBACK p99 {:?}\n", summary.published.latency(0.99));
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

#[test]
fn a_row_is_due_as_far_from_the_first_as_in_the_file_divided_by_the_speed() {
    let mut pace = Pace::new(Speed::Times(3_600.0), Duration::from_secs(5));
    let at = |hours: i64| Timestamp::from_micros(hours * 3_600 * 1_000_000);
    assert_eq!(pace.wait(at(100), Duration::from_secs(5)), None);
    assert_eq!(pace.wait(at(103), Duration::from_secs(6)), Some(Duration::from_secs(2)));
    assert_eq!(pace.wait(at(101), Duration::from_secs(8)), None);
    assert_eq!(Pace::new(Speed::Max, Duration::ZERO).wait(at(9), Duration::ZERO), None);
}

#[test]
fn a_speed_is_max_or_a_number_above_zero() {
    assert_eq!("max".parse::<Speed>().ok(), Some(Speed::Max));
    assert_eq!("60".parse::<Speed>().ok(), Some(Speed::Times(60.0)));
    for text in ["0", "-1", "nan", "inf", "fast", ""] {
        assert!(text.parse::<Speed>().is_err(), "{text}");
    }
}
