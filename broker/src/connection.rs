//! One client's connection: the loop between its socket, the journal and its subscriptions.
//!
//! ```text
//! socket ─read─► decode ─► publisher ─► journal
//!    ▲                        │            │ durable
//!    └──write── output ◄── acks ◄──────────┘
//! ```
//!
//! Reading, writing and waiting for the disk go on side by side in one task. What holds a client back is that its socket is no longer
//! read: nothing that was read is ever dropped. The task ends only after every record of it has met its fate, so that
//! whoever takes over the client finds nothing in flight.

use std::pin::pin;
use std::sync::Arc;

use bytes::BytesMut;
use domain::limits::{CONNECTION_OUTPUT_BYTES_MAX, FAREWELL_MAX, RECEIVE_MAXIMUM};
use journal::Journal;
use metrics::counter;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::acks::{Acks, Then, Unwritten};
use crate::codec::Codec;
use crate::handshake::Admitted;
use crate::hub::Hub;
use crate::keep_alive::KeepAlive;
use crate::metrics::{OVERSIZED, Tally, UNWRITTEN};
use crate::packet::{Fault, Incoming, Publish, Reason, Text, Version};
use crate::publisher::Publisher;
use crate::sessions::Claim;

/// A client that was let in.
pub struct Connection<S> {
    hub: Arc<Hub>,
    claim: Claim,
    client: Text,
    read: ReadHalf<S>,
    write: WriteHalf<S>,
    codec: Codec,
    /// Read and not yet decoded.
    input: BytesMut,
    /// Said and not yet written.
    output: BytesMut,
    publisher: Publisher,
    acks: Acks,
    keep_alive: KeepAlive,
    tally: Tally,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client said goodbye and wants no will.
    Left,
    /// The client said goodbye and wants its will.
    LeftWithWill,
    /// The socket is gone.
    Lost,
    /// The front ends it and says why.
    Ended(Reason),
}

impl<S: AsyncRead + AsyncWrite + Send> Connection<S> {
    pub fn new(hub: Arc<Hub>, stream: S, admitted: Admitted) -> Self {
        let Admitted { codec, client, principal, claim, resumed, expiry_s, keep_alive_s, input, output, .. } = admitted;
        let mut publisher = Publisher::new(codec.version(), client.clone(), principal, expiry_s > 0);
        publisher.resume(resumed.iter().flat_map(|kept| kept.open.iter().copied()));
        let keep_alive = KeepAlive::new(hub.clock.clone(), keep_alive_s);
        let (read, write) = tokio::io::split(stream);
        let (acks, tally) = (Acks::default(), Tally::default());
        Self { hub, claim, client, read, write, codec, input, output, publisher, acks, keep_alive, tally }
    }

    /// Serves the client until it ends, and settles everything that it sent before.
    pub async fn run(mut self, shutdown: &CancellationToken) -> End {
        let end = self.serve(shutdown).await.unwrap_or_else(|end| end);
        self.farewell(end).await;
        self.hub.meters.add(&mut self.tally);
        debug!(client = %self.client, ?end, "connection ended");
        end
    }

    async fn serve(&mut self, shutdown: &CancellationToken) -> Result<End, End> {
        let hub = self.hub.clone();
        let mut durable = hub.journal.durable();
        let mut kicked = pin!(self.claim.kicked());
        let mut shutdown = pin!(shutdown.cancelled());
        loop {
            // Marked as seen before looking, so that what becomes durable while looking wakes again.
            durable.borrow_and_update();
            let mut reading = self.take_input()?;
            self.release()?;
            while !reading && !self.is_held_back() {
                reading = self.take_input()?;
                self.release()?;
            }
            if !reading {
                self.keep_alive.heard();
            }
            hub.meters.add(&mut self.tally);
            tokio::select! {
                read = read_more(&hub.journal, &mut self.read, &mut self.input), if reading => match read {
                    Ok(1..) => self.keep_alive.heard(),
                    _ => return Err(End::Lost),
                },
                written = self.write.write_buf(&mut self.output), if !self.output.is_empty() => match written {
                    Ok(1..) => {}
                    _ => return Err(End::Lost),
                },
                changed = durable.changed(), if !self.acks.is_empty() => {
                    // The journal closed: what is pending has its fate by now.
                    changed.or_else(|_| self.release().and(Err(End::Ended(Reason::SERVER_UNAVAILABLE))))?;
                }
                // A client that is not read is not silent.
                () = self.keep_alive.over(), if reading => return Err(End::Ended(Reason::KEEP_ALIVE_TIMEOUT)),
                reason = &mut kicked => return Err(End::Ended(reason)),
                () = &mut shutdown => return Err(End::Ended(Reason::SERVER_SHUTTING_DOWN)),
            }
        }
    }

    /// Handles what was read. `false`: the client has to wait, and its socket is not read.
    fn take_input(&mut self) -> Result<bool, End> {
        loop {
            if self.is_held_back() {
                self.hub.meters.stalls.increment(1);
                return Ok(false);
            }
            match self.codec.decode(&mut self.input) {
                Ok(Some(packet)) => self.handle(packet)?,
                Ok(None) => return Ok(true),
                Err(fault) => {
                    if fault == Fault::TooLarge {
                        counter!(OVERSIZED).increment(1);
                    }
                    return Err(End::Ended(fault.reason()));
                }
            }
        }
    }

    fn is_held_back(&self) -> bool {
        self.acks.is_full() || self.output.len() >= CONNECTION_OUTPUT_BYTES_MAX
    }

    fn handle(&mut self, packet: Incoming) -> Result<(), End> {
        match packet {
            Incoming::Publish(publish) => self.publish(publish),
            Incoming::PubRel { id } => {
                if let Some(reason) = self.publisher.release(id, &self.hub, &mut self.acks) {
                    self.codec.pubcomp(id, reason, &mut self.output);
                }
                Ok(())
            }
            Incoming::PingReq => {
                self.codec.pingresp(&mut self.output);
                Ok(())
            }
            Incoming::Disconnect { reason: Reason::DISCONNECT_WITH_WILL, .. } => Err(End::LeftWithWill),
            Incoming::Disconnect { reason: Reason::SUCCESS, .. } => Err(End::Left),
            Incoming::Disconnect { .. } => Err(End::LeftWithWill),
            _ => Err(End::Ended(Reason::PROTOCOL_ERROR)),
        }
    }

    fn publish(&mut self, publish: Publish) -> Result<(), End> {
        let limited = publish.qos > 0 && self.codec.version() == Version::V5;
        if limited && self.acks.owed() + self.publisher.open_ids() >= usize::from(RECEIVE_MAXIMUM) {
            return Err(End::Ended(Reason::RECEIVE_MAX_EXCEEDED));
        }
        self.publisher.take(publish, &self.hub, &mut self.acks, &mut self.tally).map_err(End::Ended)
    }

    /// Says everything that may be said by now.
    fn release(&mut self) -> Result<(), End> {
        loop {
            match self.acks.release(&mut self.codec, &mut self.output) {
                Ok(released) => {
                    self.tally.acks += released as u64;
                    return Ok(());
                }
                Err(unwritten) => self.unwritten(unwritten)?,
            }
        }
    }

    /// The journal could not keep a record: never acknowledged, and said so where the protocol has a word for it.
    fn unwritten(&mut self, unwritten: Unwritten) -> Result<(), End> {
        let Unwritten { then, error } = unwritten;
        let can_tell = self.codec.version() == Version::V5;
        let qos = match then {
            Then::Nothing => "0",
            Then::PubAck { .. } => "1",
            Then::PubRec { .. } | Then::PubComp { .. } => "2",
        };
        counter!(UNWRITTEN, "qos" => qos).increment(1);
        warn!(client = %self.client, %error, qos, "publish could not be kept and is not acknowledged");
        match then {
            Then::Nothing => Ok(()),
            Then::PubAck { id, .. } if can_tell => {
                self.codec.puback(id, Reason::QUOTA_EXCEEDED, &mut self.output);
                Ok(())
            }
            Then::PubRec { id, .. } => {
                self.publisher.forget(id, &self.hub);
                if can_tell {
                    self.codec.pubrec(id, Reason::QUOTA_EXCEEDED, &mut self.output);
                    return Ok(());
                }
                Err(End::Ended(Reason::QUOTA_EXCEEDED))
            }
            Then::PubAck { .. } | Then::PubComp { .. } => Err(End::Ended(Reason::QUOTA_EXCEEDED)),
        }
    }

    /// Waits for the fate of every record, answers, and says why the front leaves.
    async fn farewell(&mut self, end: End) {
        while !self.acks.is_empty() {
            self.acks.settled().await;
            // A failure ends the connection, which it does already.
            let _ = self.release();
        }
        if end == End::Lost {
            return;
        }
        if let End::Ended(reason) = end {
            self.codec.disconnect(reason, &mut self.output);
        }
        let clock = self.hub.clock.clone();
        let (write, output) = (&mut self.write, &mut self.output);
        let last_words = async {
            write.write_all_buf(output).await?;
            write.shutdown().await
        };
        tokio::select! {
            _ = last_words => {}
            () = clock.sleep(FAREWELL_MAX) => {}
        }
    }
}

const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// Reads once the journal has room. Cancel-safe.
async fn read_more<S: AsyncRead>(journal: &Journal, read: &mut ReadHalf<S>, input: &mut BytesMut) -> std::io::Result<usize> {
    journal.ready().await;
    if input.capacity() - input.len() < READ_BYTES_MIN {
        input.reserve(READ_BYTES);
    }
    read.read_buf(input).await
}
