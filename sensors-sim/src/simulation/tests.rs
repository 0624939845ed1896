//! A short simulation against a broker that acknowledges everything.

use std::collections::HashSet;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn clock() -> Arc<dyn Clock> {
    Arc::new(domain::time::SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}

/// Acknowledges each QoS 1 publish and notes its topic.
async fn serve(mut stream: TcpStream, topics: Arc<Mutex<HashSet<String>>>) {
    let mut buffer = BytesMut::new();
    while matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
        while let Some((first, body)) = whole_packet(&mut buffer) {
            let answer = match first >> 4 {
                1 => vec![0x20, 2, 0, 0],
                3 => {
                    let topic_bytes = usize::from(u16::from_be_bytes([body[0], body[1]]));
                    topics.lock().insert(String::from_utf8_lossy(&body[2..topic_bytes + 2]).into_owned());
                    vec![0x40, 2, body[topic_bytes + 2], body[topic_bytes + 3]]
                }
                _ => return,
            };
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

fn whole_packet(buffer: &mut BytesMut) -> Option<(u8, Vec<u8>)> {
    let last = buffer.iter().skip(1).position(|byte| byte & 0x80 == 0)? + 1;
    let length: usize = (1..=last).map(|at| usize::from(buffer[at] & 0x7f) << (7 * (at - 1))).sum();
    let whole = last + 1 + length;
    (buffer.len() >= whole).then(|| {
        let packet = buffer.split_to(whole);
        (packet[0], packet[last + 1..].to_vec())
    })
}

#[tokio::test]
async fn every_device_of_a_city_is_heard_and_acknowledged() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
    let broker = listener.local_addr().expect("bound").to_string();
    let topics = Arc::new(Mutex::new(HashSet::new()));
    let heard = Arc::clone(&topics);
    let accepting = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("loopback accepts");
            tokio::spawn(serve(stream, Arc::clone(&heard)));
        }
    });
    let options = SimulationOptions {
        city: CityOptions { bays: 600, ..CityOptions::default() },
        publisher: PublisherOptions { broker, ..PublisherOptions::default() },
        speed: 1_000.0,
        from: None,
        for_s: Some(600),
    };
    let simulation = Simulation::new(options, clock()).expect("valid options");
    let devices = simulation.city().device_count();
    let stats = simulation.run(CancellationToken::new()).await.expect("the broker accepts");
    accepting.abort();
    assert_eq!(topics.lock().len(), devices);
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
