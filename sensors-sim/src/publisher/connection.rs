//! One connection of a publisher: reads PUBACKs, fills the window from the queue, writes, keeps alive, all at once.

use std::time::Duration;

use bytes::BytesMut;
use domain::Clock;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::packet::{self, Inbound};
use super::stats::PublisherStats;
use super::window::Window;
use super::{Message, Refusal};

/// Bytes that may wait for the socket: more would only add latency.
const OUTBOUND_BYTES_MAX: usize = 256 * 1024;
/// Messages taken from the queue at once.
const BATCH_MAX: usize = 256;

pub struct Connection {
    stream: TcpStream,
    inbound: BytesMut,
    outbound: BytesMut,
}

/// Why a connection was left.
pub enum Left {
    /// Everything is acknowledged and nothing more will come.
    Done,
    Cancelled,
    Lost(String),
}

/// What a turn of the loop woke up for.
enum Woke {
    Read(std::io::Result<usize>),
    Wrote(std::io::Result<usize>),
    Queued(usize),
    Tick,
    Cancelled,
}

impl Connection {
    pub async fn open(mut stream: TcpStream, connect: &[u8]) -> Result<Self, Refusal> {
        let for_now = |error: std::io::Error| Refusal::ForNow(error.to_string());
        stream.write_all(connect).await.map_err(for_now)?;
        let mut inbound = BytesMut::with_capacity(16 * 1024);
        loop {
            match packet::take(&mut inbound).map_err(Refusal::ForNow)? {
                Some(Inbound::ConnAck { code: 0 }) => break,
                // 3: server unavailable, which may pass; the others are about us (MQTT 3.1.1, table 3.1).
                Some(Inbound::ConnAck { code: 3 }) => return Err(Refusal::ForNow("the server is unavailable".to_owned())),
                Some(Inbound::ConnAck { code }) => {
                    return Err(Refusal::ForGood(format!("refused the connection with code {code}")));
                }
                Some(_) => return Err(Refusal::ForNow("the first answer was no CONNACK".to_owned())),
                None => {}
            }
            if stream.read_buf(&mut inbound).await.map_err(for_now)? == 0 {
                return Err(Refusal::ForNow("closed before CONNACK".to_owned()));
            }
        }
        Ok(Self { stream, inbound, outbound: BytesMut::with_capacity(OUTBOUND_BYTES_MAX) })
    }

    pub async fn run(
        mut self,
        window: &mut Window,
        queue: &mut mpsc::Receiver<Message>,
        stats: &Mutex<PublisherStats>,
        clock: &dyn Clock,
        keep_alive: Duration,
        shutdown: &CancellationToken,
    ) -> Left {
        stats.lock().resent += window.resend(&mut self.outbound);
        let (mut reader, mut writer) = self.stream.into_split();
        let mut tick = clock.sleep(keep_alive / 2);
        let (mut open, mut answered) = (true, true);
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            if !open && window.is_empty() && self.outbound.is_empty() {
                // A failure here costs nothing: everything is acknowledged.
                let _ = writer.write_all(&packet::DISCONNECT).await;
                return Left::Done;
            }
            let room = if self.outbound.len() < OUTBOUND_BYTES_MAX { window.room().min(BATCH_MAX) } else { 0 };
            let woke = tokio::select! {
                read = reader.read_buf(&mut self.inbound) => Woke::Read(read),
                wrote = writer.write_buf(&mut self.outbound), if !self.outbound.is_empty() => Woke::Wrote(wrote),
                count = queue.recv_many(&mut batch, room), if open && room > 0 => Woke::Queued(count),
                () = &mut tick => Woke::Tick,
                () = shutdown.cancelled() => Woke::Cancelled,
            };
            match woke {
                Woke::Read(Ok(0)) => return Left::Lost("closed by the broker".to_owned()),
                Woke::Read(Err(error)) | Woke::Wrote(Err(error)) => return Left::Lost(error.to_string()),
                Woke::Read(Ok(_)) => {
                    answered = true;
                    if let Err(detail) = acknowledge(&mut self.inbound, window, stats, clock.elapsed()) {
                        return Left::Lost(detail);
                    }
                }
                Woke::Wrote(Ok(_)) => {}
                Woke::Queued(0) => open = false,
                Woke::Queued(count) => {
                    let now = clock.elapsed();
                    for message in batch.drain(..) {
                        self.outbound.extend_from_slice(window.push(&message.topic, &message.payload, now));
                    }
                    stats.lock().sent += count as u64;
                }
                Woke::Tick if !answered => return Left::Lost("no answer to PINGREQ".to_owned()),
                Woke::Tick => {
                    answered = false;
                    self.outbound.extend_from_slice(&packet::PINGREQ);
                    tick = clock.sleep(keep_alive / 2);
                }
                Woke::Cancelled => return Left::Cancelled,
            }
        }
    }
}

fn acknowledge(inbound: &mut BytesMut, window: &mut Window, stats: &Mutex<PublisherStats>, now: Duration) -> Result<(), String> {
    let mut stats = stats.lock();
    while let Some(packet) = packet::take(inbound)? {
        if let Inbound::PubAck { packet_id } = packet
            && let Some(waited) = window.acknowledge(packet_id, now)
        {
            stats.record(waited);
        }
    }
    Ok(())
}
