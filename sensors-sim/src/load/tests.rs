//! The load generator against a broker that acknowledges as fast as it can.

use super::*;
use crate::tests::broker::{Broker, BrokerOptions, clock};

async fn measured(options: LoadOptions, forgetful: bool) -> (Broker, LoadReport) {
    let broker = Broker::start(BrokerOptions { forgetful, ..BrokerOptions::default() }).await;
    let load = Load::new(LoadOptions { broker: broker.address.clone(), ..options }, clock()).expect("valid options");
    let report = load.run(CancellationToken::new()).await.expect("the broker accepts");
    (broker, report)
}

#[tokio::test]
async fn every_publish_is_a_reading_of_its_own_and_is_acknowledged() {
    let options = LoadOptions { connections: 7, messages: 10_000, sensors: 3, ..LoadOptions::default() };
    let (broker, report) = measured(options, false).await;
    assert_eq!((report.sent, report.acknowledged, report.connections_lost), (10_000, 10_000, 0));
    assert_eq!((broker.heard().len(), broker.repeated()), (10_000, 0));
}

#[tokio::test]
async fn a_rate_is_the_schedule_and_takes_its_time() {
    let options = LoadOptions { connections: 4, messages: 400, rate: Some(1_000.0), ..LoadOptions::default() };
    let (_broker, report) = measured(options, true).await;
    assert_eq!(report.acknowledged, 400);
    assert!(report.seconds >= 0.395, "{report:?}");
}

#[tokio::test]
async fn a_lost_connection_is_told() {
    let broker = Broker::start(BrokerOptions { hang_up_after: Some(50), ..BrokerOptions::default() }).await;
    let options = LoadOptions { broker: broker.address.clone(), connections: 2, messages: 1_000, ..LoadOptions::default() };
    let report = Load::new(options, clock()).expect("valid options").run(CancellationToken::new()).await.expect("connects");
    assert_eq!((report.connections_lost, report.acknowledged), (2, 100));
}

/// What the generator reaches on this machine, broker in the same process:
/// `cargo test -p kerbside-sensors-sim -- --ignored --nocapture ceiling`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a fact"]
async fn ceiling_of_the_generator() {
    let options = LoadOptions { messages: 2_000_000, rate: Some(200_000.0), window: 1_000, ..LoadOptions::default() };
    let (_broker, report) = measured(options, true).await;
    let mut stderr = std::io::stderr();
    let _ = std::io::Write::write_all(&mut stderr, format!("{report:#?}\n").as_bytes());
}
