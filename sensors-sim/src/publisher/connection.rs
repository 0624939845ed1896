//! One connection of a publisher: reads PUBACKs, fills the window from the queue, writes, keeps alive, all at once.

use std::time::Duration;

use bytes::BytesMut;
use domain::Clock;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
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

/// With or without TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub struct Connection {
    stream: Box<dyn Stream>,
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
    Wrote(std::io::Result<()>),
    Queued(usize),
    Tick,
    Cancelled,
}

impl Connection {
    pub async fn open(mut stream: Box<dyn Stream>, connect: &[u8]) -> Result<Self, Refusal> {
        let for_now = |error: std::io::Error| Refusal::ForNow(error.to_string());
        stream.write_all(connect).await.map_err(for_now)?;
        stream.flush().await.map_err(for_now)?;
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
        let (mut reader, mut writer) = tokio::io::split(self.stream);
        let mut tick = clock.sleep(keep_alive / 2);
        let (mut open, mut answered, mut unflushed) = (true, true, false);
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let is_writing = unflushed || !self.outbound.is_empty();
            if !open && window.is_empty() && !is_writing {
                // A failure here costs nothing: everything is acknowledged.
                let _ = writer.write_all(&packet::DISCONNECT).await;
                let _ = writer.shutdown().await;
                return Left::Done;
            }
            let room = if self.outbound.len() < OUTBOUND_BYTES_MAX { window.room().min(BATCH_MAX) } else { 0 };
            let woke = tokio::select! {
                read = reader.read_buf(&mut self.inbound) => Woke::Read(read),
                wrote = write(&mut writer, &mut self.outbound, &mut unflushed), if is_writing => Woke::Wrote(wrote),
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
                Woke::Wrote(Ok(())) => {}
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

/// TLS may keep what was written until it is told to let go. Cancel-safe: `unflushed` remembers how far it came.
async fn write(writer: &mut (impl AsyncWrite + Unpin), outbound: &mut BytesMut, unflushed: &mut bool) -> std::io::Result<()> {
    if !outbound.is_empty() {
        writer.write_buf(outbound).await?;
        *unflushed = true;
    }
    writer.flush().await?;
    *unflushed = false;
    Ok(())
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
