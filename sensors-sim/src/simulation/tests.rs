//! A short simulation against a broker that acknowledges everything.

use std::collections::HashSet;

use super::*;
use crate::tests::broker::{Broker, BrokerOptions, clock};

#[tokio::test]
async fn every_device_of_a_city_is_heard_and_acknowledged() {
    let broker = Broker::start(BrokerOptions::default()).await;
    let options = SimulationOptions {
        city: CityOptions { bays: 600, ..CityOptions::default() },
        publisher: PublisherOptions { broker: broker.address.clone(), ..PublisherOptions::default() },
        speed: 1_000.0,
        from: None,
        for_s: Some(600),
    };
    let simulation = Simulation::new(options, clock()).expect("valid options");
    let devices = simulation.city().device_count();
    let stats = simulation.run(CancellationToken::new()).await.expect("the broker accepts");
    let topics: HashSet<String> = broker.heard().into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(topics.len(), devices);
    assert_eq!(
        (stats.published.sent, stats.published.acknowledged, stats.published.unacknowledged),
        (stats.events, stats.events, 0)
    );
}

#[test]
fn simulated_time_never_passes_the_clock() {
    let simulation =
        Simulation::new(SimulationOptions { speed: 1e9, ..SimulationOptions::default() }, clock()).expect("valid options");
    let now = simulation.clock.now();
    let simulated = simulation.simulated(simulation.from(now), Duration::ZERO);
    assert!(simulated <= simulation.clock.now());
}
