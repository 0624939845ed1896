//! The engine is replaced when its router dies, and its subscribers are told.

use domain::record::{Publish, Source};
use domain::{Position, Timestamp};

use super::*;

fn message(position: u64) -> Message {
    let publish = Publish::new(Source::Mqtt, "a/b", Bytes::from_static(b"x"));
    Message { position: Position(position), received_at: Timestamp::UNIX_EPOCH, publish }
}

/// Waits on another thread for what a router's thread does.
fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

#[test]
fn a_router_that_panics_is_noticed() {
    let mut running = Running::start().expect("starts");
    let (mut tx, _rx) = (running.connect)("subscriber").expect("links");
    tx.subscribe("#").expect("subscribes");
    assert!(!running.is_dead());
    // Its first character takes two bytes, and it is not under our level.
    running.source.0.publish("é", "x").expect("takes it");
    until(|| running.is_dead());
}

#[tokio::test]
async fn a_subscriber_of_a_replaced_engine_is_told_and_a_new_one_is_served() {
    let (orders, incoming) = mpsc::unbounded_channel();
    let weak = orders.downgrade();
    let meter = || Arc::new(Meter::default());
    let mut running = Running::start().expect("starts");
    let (answer, link) = oneshot::channel();
    obey(&mut running, Order::Link { name: "one".into(), meter: meter(), answer }, &weak);
    let mut link = link.await.expect("a link");
    drop(running);
    assert!(matches!(link.next().await, Err(Cut::EngineGone)));
    drop((link, incoming));

    let (engine, work) = Engine::new();
    let thread = std::thread::spawn(work);
    let mut link = engine.link().await.expect("a link");
    for path in ["a/#", "+/b"] {
        engine.subscribe(&mut link, path).await;
    }
    assert!(link.meter.expect(&message(1)) && link.meter.expect(&message(2)));
    engine.announce(vec![message(1), message(2)]).await;
    for position in [1, 2] {
        assert_eq!(link.next().await.expect("one copy").position, Position(position));
    }
    assert!(link.try_next().is_none());
    drop((link, engine));
    thread.join().expect("ends with its handle");
}
