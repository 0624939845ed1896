//! A broker of a few lines for this crate's tests: acknowledges QoS 1 publishes, notes them, hangs up when told to.
//!
//! It takes whatever is well formed and judges nothing; the real broker is tested elsewhere.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use domain::Clock;

/// The machine's clock on tokio's timer.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(domain::time::SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}

#[derive(Clone, Copy, Default)]
pub struct BrokerOptions {
    /// Closes a connection instead of acknowledging the publish after so many.
    pub hang_up_after: Option<usize>,
    /// Notes nothing: for measuring.
    pub forgetful: bool,
}

#[derive(Default)]
struct Heard {
    /// Topic and payload in the order of their first arrival.
    order: Vec<(String, Bytes)>,
    known: HashSet<(String, Bytes)>,
    repeated: usize,
}

pub struct Broker {
    /// `host:port`
    pub address: String,
    heard: Arc<Mutex<Heard>>,
    accepting: JoinHandle<()>,
}

impl Broker {
    pub async fn start(options: BrokerOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback binds");
        let address = listener.local_addr().expect("bound").to_string();
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let noted = Arc::clone(&heard);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, options, Arc::clone(&noted)));
            }
        });
        Self { address, heard, accepting }
    }

    /// Topics and payloads in the order of their first arrival.
    pub fn heard(&self) -> Vec<(String, Bytes)> {
        self.heard.lock().order.clone()
    }

    /// Publishes that came again.
    pub fn repeated(&self) -> usize {
        self.heard.lock().repeated
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, options: BrokerOptions, heard: Arc<Mutex<Heard>>) {
    let mut buffer = BytesMut::with_capacity(1 << 16);
    let mut answers = Vec::new();
    let mut acknowledged = 0;
    while matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
        let mut hang_up = false;
        while let Some((first, body)) = whole_packet(&mut buffer) {
            match first >> 4 {
                1 => answers.extend_from_slice(&[0x20, 2, 0, 0]),
                3 => {
                    let topic_bytes = usize::from(u16::from_be_bytes([body[0], body[1]]));
                    if !options.forgetful {
                        heard.lock().note(&body, topic_bytes);
                    }
                    hang_up = options.hang_up_after == Some(acknowledged);
                    if hang_up {
                        break;
                    }
                    acknowledged += 1;
                    answers.extend_from_slice(&[0x40, 2, body[topic_bytes + 2], body[topic_bytes + 3]]);
                }
                12 => answers.extend_from_slice(&[0xd0, 0]),
                _ => return,
            }
        }
        if stream.write_all(&answers).await.is_err() || hang_up {
            return;
        }
        answers.clear();
    }
}

impl Heard {
    fn note(&mut self, body: &[u8], topic_bytes: usize) {
        let topic = String::from_utf8_lossy(&body[2..topic_bytes + 2]).into_owned();
        let publish = (topic, Bytes::copy_from_slice(&body[topic_bytes + 4..]));
        if self.known.insert(publish.clone()) {
            self.order.push(publish);
        } else {
            self.repeated += 1;
        }
    }
}

fn whole_packet(buffer: &mut BytesMut) -> Option<(u8, BytesMut)> {
    let last = buffer.iter().skip(1).position(|byte| byte & 0x80 == 0)? + 1;
    let length: usize = (1..=last).map(|at| usize::from(buffer[at] & 0x7f) << (7 * (at - 1))).sum();
    if buffer.len() < last + 1 + length {
        return None;
    }
    let first = buffer[0];
    buffer.advance(last + 1);
    Some((first, buffer.split_to(length)))
}
