//! The publisher against a broker that drops connections as it likes.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::tests::broker::{Broker, BrokerOptions, clock};

async fn publish_through(hang_up_after: Option<usize>, count: usize) -> (Broker, PublisherStats) {
    let broker = Broker::start(BrokerOptions { hang_up_after, ..BrokerOptions::default() }).await;
    let options = PublisherOptions { broker: broker.address.clone(), window: 16, ..PublisherOptions::default() };
    let (publisher, handle) = Publisher::new(options, clock());
    let running = tokio::spawn(publisher.run(CancellationToken::new()));
    for n in 0..count {
        handle.publish(Message { topic: "t".to_owned(), payload: Bytes::from(n.to_string()) }).await.expect("runs");
    }
    drop(handle);
    let stats = running.await.expect("no panic").expect("the broker accepts");
    (broker, stats)
}

fn numbers(count: usize) -> Vec<(String, Bytes)> {
    (0..count).map(|n| ("t".to_owned(), Bytes::from(n.to_string()))).collect()
}

#[tokio::test]
async fn everything_arrives_in_order_and_is_acknowledged() {
    let (broker, stats) = publish_through(None, 1_000).await;
    assert_eq!(broker.heard(), numbers(1_000));
    assert_eq!((stats.sent, stats.acknowledged, stats.resent, stats.unacknowledged), (1_000, 1_000, 0, 0));
    assert_eq!(broker.repeated(), 0);
}

#[tokio::test]
async fn a_broker_that_hangs_up_costs_no_message_and_no_order() {
    let (broker, stats) = publish_through(Some(40), 200).await;
    assert_eq!(broker.heard(), numbers(200));
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

#[tokio::test]
async fn without_a_broker_it_gives_up_when_told_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
    let broker = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let options = PublisherOptions { broker, give_up_after_s: Some(0), ..PublisherOptions::default() };
    let (publisher, _handle) = Publisher::new(options, clock());
    assert!(matches!(publisher.run(CancellationToken::new()).await, Err(Error::Broker { .. })));
}

#[test]
fn a_certificate_that_may_be_right_in_a_while_is_tried_again() {
    for (fault, is_final) in [
        (CertificateError::UnknownIssuer, true),
        (CertificateError::NotValidForName, true),
        (CertificateError::Revoked, true),
        // Another authority of the same name.
        (CertificateError::BadSignature, true),
        (CertificateError::InvalidPurpose, true),
        (CertificateError::Expired, false),
        (CertificateError::NotValidYet, false),
        (CertificateError::ExpiredRevocationList, false),
    ] {
        let told = of_tls(std::io::Error::other(rustls::Error::InvalidCertificate(fault.clone())));
        assert_eq!(matches!(told, Refusal::ForGood(_)), is_final, "{fault:?}");
    }
}
