//! The load generator against a broker that acknowledges as fast as it can.

use std::collections::HashSet;

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn clock() -> Arc<dyn Clock> {
    Arc::new(domain::time::SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}

/// Topic and time of each publish.
type Seen = Arc<Mutex<HashSet<(Vec<u8>, Vec<u8>)>>>;

/// Knows the packets of [`Load`] only: lengths of two bytes but for CONNECT and DISCONNECT.
async fn serve(mut stream: TcpStream, seen: Option<Seen>) {
    let mut buffer = BytesMut::with_capacity(1 << 20);
    let mut answer = Vec::new();
    while matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
        while buffer.len() > 2 {
            let publish = buffer[0] == 0x32;
            let whole = if publish {
                3 + usize::from(buffer[1] & 0x7f) + 128 * usize::from(buffer[2])
            } else {
                2 + usize::from(buffer[1])
            };
            if buffer.len() < whole {
                break;
            }
            if publish {
                let id_at = packet::packet_id_offset(&buffer);
                answer.extend_from_slice(&[0x40, 2, buffer[id_at], buffer[id_at + 1]]);
                if let Some(seen) = &seen {
                    assert!(
                        seen.lock().insert((buffer[5..id_at].to_vec(), buffer[id_at + 8..id_at + 21].to_vec())),
                        "sent twice"
                    );
                }
            } else {
                answer.extend_from_slice(&[0x20, 2, 0, 0]);
            }
            buffer.advance(whole);
        }
        if stream.write_all(&answer).await.is_err() {
            return;
        }
        answer.clear();
    }
}

async fn measured(options: LoadOptions, seen: Option<Seen>) -> LoadReport {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
    let broker = listener.local_addr().expect("bound").to_string();
    let accepting = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("loopback accepts");
            tokio::spawn(serve(stream, seen.clone()));
        }
    });
    let load = Load::new(LoadOptions { broker, ..options }, clock()).expect("valid options");
    let report = load.run(CancellationToken::new()).await.expect("the broker accepts");
    accepting.abort();
    report
}

#[tokio::test]
async fn every_publish_is_a_reading_of_its_own_and_is_acknowledged() {
    let seen: Seen = Arc::default();
    let options = LoadOptions { connections: 7, messages: 10_000, sensors: 3, ..LoadOptions::default() };
    let report = measured(options, Some(Arc::clone(&seen))).await;
    assert_eq!((report.sent, report.acknowledged, report.connections_lost), (10_000, 10_000, 0));
    assert_eq!(seen.lock().len(), 10_000);
}

#[tokio::test]
async fn a_rate_is_the_schedule_and_takes_its_time() {
    let options = LoadOptions { connections: 4, messages: 400, rate: Some(1_000.0), ..LoadOptions::default() };
    let report = measured(options, None).await;
    assert_eq!(report.acknowledged, 400);
    assert!(report.seconds >= 0.395, "{report:?}");
}

/// What one generator thread reaches: `cargo test -p kerbside-sensors-sim --release -- --ignored --nocapture ceiling`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a fact"]
async fn ceiling_of_the_generator() {
    let options = LoadOptions { messages: 2_000_000, rate: Some(200_000.0), window: 1_000, ..LoadOptions::default() };
    let report = measured(options, None).await;
    let mut stderr = std::io::stderr();
    let _ = std::io::Write::write_all(&mut stderr, format!("{report:#?}\n").as_bytes());
}
