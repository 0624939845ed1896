//! The publisher against a broker of a few lines that drops connections as it likes.

use std::collections::HashSet;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn clock() -> Arc<dyn Clock> {
    Arc::new(domain::time::SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}

/// Accepts connections one after the other, acknowledges, and hangs up after `acks_per_connection` acknowledgements, once without
/// acknowledging what it has read. Returns the payloads in the order of their first arrival, when a client has left properly.
async fn broker(listener: TcpListener, acks_per_connection: usize) -> Vec<String> {
    let (mut seen, mut order) = (HashSet::new(), Vec::new());
    loop {
        let (mut stream, _) = listener.accept().await.expect("loopback accepts");
        let mut buffer = BytesMut::new();
        let mut acks = 0;
        'connection: loop {
            while let Some((first, body)) = whole_packet(&mut buffer) {
                match first >> 4 {
                    1 => stream.write_all(&[0x20, 2, 0, 0]).await.expect("the client waits for it"),
                    3 => {
                        let topic_bytes = usize::from(u16::from_be_bytes([body[0], body[1]]));
                        let payload = String::from_utf8(body[topic_bytes + 4..].to_vec()).expect("tests publish text");
                        if seen.insert(payload.clone()) {
                            order.push(payload);
                        }
                        if acks == acks_per_connection {
                            break 'connection;
                        }
                        acks += 1;
                        let id = &body[topic_bytes + 2..topic_bytes + 4];
                        if stream.write_all(&[0x40, 2, id[0], id[1]]).await.is_err() {
                            break 'connection;
                        }
                    }
                    14 => return order,
                    _ => {}
                }
            }
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                break;
            }
        }
    }
}

fn whole_packet(buffer: &mut BytesMut) -> Option<(u8, Vec<u8>)> {
    let (first, length) = (*buffer.first()?, usize::from(*buffer.get(1)?));
    assert!(length < 128, "tests publish short packets");
    (buffer.len() >= 2 + length).then(|| (first, buffer.split_to(2 + length)[2..].to_vec()))
}

async fn publish_through(acks_per_connection: usize, count: usize) -> (Vec<String>, PublisherStats) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
    let broker_address = listener.local_addr().expect("bound").to_string();
    let options = PublisherOptions { broker: broker_address, window: 16, ..PublisherOptions::default() };
    let (publisher, handle) = Publisher::new(options, clock());
    let broker = tokio::spawn(broker(listener, acks_per_connection));
    let running = tokio::spawn(publisher.run(CancellationToken::new()));
    for n in 0..count {
        handle.publish(Message { topic: "t".to_owned(), payload: Bytes::from(n.to_string()) }).await.expect("runs");
    }
    drop(handle);
    let stats = running.await.expect("no panic").expect("the broker accepts");
    (broker.await.expect("no panic"), stats)
}

#[tokio::test]
async fn everything_arrives_in_order_and_is_acknowledged() {
    let (order, stats) = publish_through(usize::MAX, 1_000).await;
    assert_eq!(order, (0..1_000).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!((stats.sent, stats.acknowledged, stats.resent, stats.unacknowledged), (1_000, 1_000, 0, 0));
}

#[tokio::test]
async fn a_broker_that_hangs_up_costs_no_message_and_no_order() {
    let (order, stats) = publish_through(40, 200).await;
    assert_eq!(order, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!((stats.sent, stats.acknowledged), (200, 200));
    assert!(stats.resent > 0 && stats.connections_lost >= 4);
}

#[tokio::test]
async fn a_refused_login_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
    let broker = listener.local_addr().expect("bound").to_string();
    let (publisher, _handle) = Publisher::new(PublisherOptions { broker, ..PublisherOptions::default() }, clock());
    let refuse = async {
        let (mut stream, _) = listener.accept().await.expect("loopback accepts");
        stream.write_all(&[0x20, 2, 0, 5]).await.expect("the client waits for it");
        stream
    };
    let (result, _stream) = tokio::join!(publisher.run(CancellationToken::new()), refuse);
    assert!(matches!(result, Err(Error::Broker { detail, .. }) if detail.contains("code 5")));
}
