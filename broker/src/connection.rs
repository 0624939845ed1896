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

mod reading;

use std::pin::pin;
use std::sync::Arc;

use bytes::BytesMut;
use domain::access::Principal;
use domain::limits::CONNECTION_OUTPUT_BYTES_MAX;
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use self::reading::{READ_BYTES_FEW, read_more};
use crate::acks::{Acks, Then, Unwritten};
use crate::change::Change;
use crate::codec::Codec;
use crate::durable::Kept;
use crate::end::{End, ended};
use crate::engine::{Cut, Link};
use crate::farewell::{Client, farewell};
use crate::handshake::Admitted;
use crate::hub::Hub;
use crate::keep_alive::KeepAlive;
use crate::limit::Limit;
use crate::message::Message;
use crate::metrics::{DROPPED, OVERSIZED, Tally, UNWRITTEN};
use crate::packet::{Ending, Fault, Incoming, Publish, Reason, Text, Version};
use crate::publisher::Publisher;
use crate::rate::Rate;
use crate::sessions::Claim;
use crate::subscriber::{Subscriber, Terms};

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
    read_at_once: usize,
    /// Said and not yet written.
    output: BytesMut,
    publisher: Publisher,
    rate: Rate,
    subscriber: Subscriber,
    acks: Acks,
    /// Seconds that the session outlives the connection, as last agreed.
    expiry_s: u32,
    resumed: Option<Kept>,
    keep_alive: KeepAlive,
    tally: Tally,
}

impl<S: AsyncRead + AsyncWrite + Send> Connection<S> {
    pub fn new(hub: Arc<Hub>, stream: S, admitted: Box<Admitted>) -> Self {
        let Admitted { codec, connect, client, principal, claim, resumed, expiry_s, keep_alive_s, publish_rate, input, output } =
            *admitted;
        let is_anonymous = principal == Principal::Anonymous;
        let mut publisher = Publisher::new(codec.version(), client.clone(), principal, expiry_s > 0);
        publisher.resume(resumed.iter().flat_map(|kept| kept.open.iter().copied()));
        let terms = Terms { client: client.clone(), is_anonymous, receive_max: connect.receive_max, is_lasting: expiry_s > 0 };
        let subscriber = Subscriber::new(hub.clone(), terms, resumed.as_ref());
        let keep_alive = KeepAlive::new(hub.clock.clone(), keep_alive_s);
        let (read, write) = tokio::io::split(stream);
        let (acks, tally) = (Acks::default(), Tally::default());
        Self {
            hub,
            claim,
            client,
            read,
            write,
            codec,
            input,
            read_at_once: READ_BYTES_FEW,
            output,
            publisher,
            rate: Rate::new(publish_rate),
            subscriber,
            acks,
            expiry_s,
            resumed,
            keep_alive,
            tally,
        }
    }

    /// Serves the client until it ends, and settles everything that it sent before.
    pub async fn run(mut self, shutdown: &CancellationToken) -> End {
        let end = self.serve(shutdown).await.unwrap_or_else(|end| end);
        self.settle().await;
        self.leave(end);
        self.hub.meters.add(&mut self.tally);
        debug!(client = %self.client, ?end, "connection ended");
        let Self { hub, claim, mut codec, mut read, mut write, mut output, .. } = self;
        // Nothing of it is in flight any more: who takes the client over need not wait for the socket.
        drop(claim);
        if let End::Ended(ending) = end {
            if let Ending::Limit(limit) = ending {
                limit.reached();
            }
            codec.disconnect(ending.reason(), ending.text(), &mut output);
        }
        if end != End::Lost {
            let client = if let End::Ended(_) = end { Client::Speaks } else { Client::Left };
            Box::pin(farewell((&mut read, &mut write), &mut output, client, &*hub.clock, shutdown)).await;
        }
        end
    }

    async fn serve(&mut self, shutdown: &CancellationToken) -> Result<End, End> {
        let hub = self.hub.clone();
        let mut durable = hub.journal.durable();
        let mut kicked = pin!(self.claim.kicked());
        let mut shutdown = pin!(shutdown.cancelled());
        let wake = self.subscriber.wake.clone();
        if let Some(kept) = self.resumed.take() {
            let (principal, codec, output) = (self.publisher.principal(), &mut self.codec, &mut self.output);
            Box::pin(self.subscriber.resume(&kept, principal, codec, output)).await.map_err(ended)?;
        }
        loop {
            // Marked as seen before looking, so that what becomes durable while looking wakes again.
            durable.borrow_and_update();
            let mut reading = self.take_input().await?;
            self.release()?;
            while !reading && !self.is_held_back() {
                reading = self.take_input().await?;
                self.release()?;
            }
            self.pump()?;
            if !reading {
                self.keep_alive.heard();
            }
            hub.meters.add(&mut self.tally);
            let is_too_fast = self.is_too_fast();
            // In the order of what may not wait for a client that never pauses; reading spends the task's budget, so that the rest has its turn.
            tokio::select! {
                biased;
                ending = &mut kicked => return Err(ended(ending)),
                () = &mut shutdown => return Err(ended(Reason::SERVER_SHUTTING_DOWN)),
                written = self.write.write_buf(&mut self.output), if !self.output.is_empty() => match written {
                    Ok(1..) => {}
                    _ => return Err(End::Lost),
                },
                changed = durable.changed(), if !self.acks.is_empty() || self.subscriber.waits_for_disk() => {
                    // The journal closed: what is pending has its fate by now.
                    changed.or_else(|_| self.release().and(Err(ended(Reason::SERVER_UNAVAILABLE))))?;
                }
                () = self.acks.settled(), if self.acks.waits_for_sum() => {}
                () = wake.notified(), if !self.subscriber.is_idle() => {}
                read = read_more(&hub.journal, &mut self.read, &mut self.input, &mut self.read_at_once), if reading => match read {
                    Ok(1..) => self.keep_alive.heard(),
                    _ => return Err(End::Lost),
                },
                // Taken whether or not the socket takes it, so that a slow client keeps nobody else waiting.
                message = next_live(&mut self.subscriber.live) => self.take_live(message)?,
                // A client that is not read is not silent.
                () = self.keep_alive.over(), if reading => return Err(ended(Reason::KEEP_ALIVE_TIMEOUT)),
                () = self.rate.slow_down(&*hub.clock), if is_too_fast => {}
            }
        }
    }

    /// Handles what was read. `false`: the client has to wait, and its socket is not read.
    async fn take_input(&mut self) -> Result<bool, End> {
        loop {
            if self.is_held_back() {
                if !self.is_too_fast() {
                    self.hub.meters.stalls.increment(1);
                }
                return Ok(false);
            }
            match self.codec.decode(&mut self.input) {
                Ok(Some(Incoming::Publish(publish))) => self.publish(publish)?,
                // Seldom and large: in a box while it lasts.
                Ok(Some(packet @ (Incoming::Subscribe(_) | Incoming::Unsubscribe { .. }))) => {
                    Box::pin(self.change_subscriptions(packet)).await?;
                }
                Ok(Some(packet)) => self.handle(packet)?,
                Ok(None) => return Ok(true),
                Err(fault) => {
                    if fault == Fault::TooLarge {
                        counter!(OVERSIZED).increment(1);
                    }
                    return Err(ended(fault.ending()));
                }
            }
        }
    }

    fn is_held_back(&self) -> bool {
        self.acks.is_full() || self.output.len() >= CONNECTION_OUTPUT_BYTES_MAX || self.is_too_fast()
    }

    fn is_too_fast(&self) -> bool {
        self.rate.is_limited() && !self.rate.wait(self.hub.clock.elapsed()).is_zero()
    }

    fn handle(&mut self, packet: Incoming) -> Result<(), End> {
        match packet {
            Incoming::Publish(publish) => self.publish(publish),
            Incoming::PubAck { id } => {
                self.subscriber.puback(id);
                Ok(())
            }
            Incoming::PubRec { id, refused } => {
                if let Some(reason) = self.subscriber.pubrec(id, refused, &mut self.acks) {
                    self.codec.pubrel(id, reason, &mut self.output);
                }
                Ok(())
            }
            Incoming::PubComp { id } => {
                self.subscriber.pubcomp(id);
                Ok(())
            }
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
            Incoming::Disconnect { reason, session_expiry_s } => self.disconnect(reason, session_expiry_s),
            Incoming::Connect(_) | Incoming::Auth | Incoming::Subscribe(_) | Incoming::Unsubscribe { .. } => {
                Err(ended(Reason::PROTOCOL_ERROR))
            }
        }
    }

    async fn change_subscriptions(&mut self, packet: Incoming) -> Result<(), End> {
        let (codec, output) = (&mut self.codec, &mut self.output);
        let changed = match packet {
            Incoming::Subscribe(subscribe) => {
                self.subscriber.subscribe(subscribe, self.publisher.principal(), codec, output).await
            }
            Incoming::Unsubscribe { id, filters } => self.subscriber.unsubscribe(id, filters, codec, output).await,
            _ => Err(Reason::PROTOCOL_ERROR),
        };
        changed.map_err(ended)
    }

    fn disconnect(&mut self, reason: Reason, session_expiry_s: Option<u32>) -> Result<(), End> {
        match session_expiry_s {
            Some(1..) if self.expiry_s == 0 => return Err(ended(Reason::PROTOCOL_ERROR)),
            Some(wanted) => self.expiry_s = self.hub.options.expiry_s(&self.client, wanted),
            None => {}
        }
        Err(if reason == Reason::SUCCESS { End::Left } else { End::LeftWithWill })
    }

    fn pump(&mut self) -> Result<(), End> {
        if self.subscriber.is_broken() {
            return Err(ended(Limit::Backlog));
        }
        let pumped = self.subscriber.pump(&mut self.codec, &mut self.output, &mut self.tally);
        pumped.map_err(|error| {
            warn!(client = %self.client, %error, "deliveries could not be recorded");
            ended(Reason::QUOTA_EXCEEDED)
        })
    }

    /// Takes what the live engine has for this client.
    fn take_live(&mut self, first: Result<Message, Cut>) -> Result<(), End> {
        let mut taken = first;
        for _ in 0..LIVE_TAKEN_AT_ONCE {
            taken.and_then(|message| self.subscriber.queue_live(message)).map_err(|cut| self.cut(cut))?;
            match self.subscriber.live.as_mut().and_then(Link::try_next) {
                Some(next) => taken = next,
                None => return Ok(()),
            }
        }
        taken.and_then(|message| self.subscriber.queue_live(message)).map_err(|cut| self.cut(cut))
    }

    fn cut(&self, cut: Cut) -> End {
        let Cut::Lagged(dropped) = cut else { return ended(Reason::ADMINISTRATIVE) };
        counter!(DROPPED, "cause" => "lagged").increment(dropped);
        warn!(client = %self.client, dropped, "live subscriber does not keep up and is disconnected");
        ended(Limit::LiveQueue)
    }

    fn publish(&mut self, publish: Publish) -> Result<(), End> {
        let limited = publish.qos > 0 && self.codec.version() == Version::V5;
        if limited && self.acks.owed() + self.publisher.open_ids() >= usize::from(self.hub.options.receive_maximum) {
            return Err(ended(Limit::Inflight));
        }
        if self.rate.is_limited() && self.rate.take(self.hub.clock.elapsed()) {
            Limit::PublishRate.reached();
        }
        self.publisher.take(publish, &self.hub, &mut self.acks, &mut self.tally).map_err(ended)
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
            Then::PubRec { .. } | Then::PubComp { .. } | Then::PubRel { .. } => "2",
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
                Err(ended(Reason::QUOTA_EXCEEDED))
            }
            Then::PubAck { .. } | Then::PubComp { .. } | Then::PubRel { .. } => Err(ended(Reason::QUOTA_EXCEEDED)),
        }
    }

    /// Waits for the fate of every record and answers.
    async fn settle(&mut self) {
        while !self.acks.is_empty() {
            self.acks.settled().await;
            // A failure ends the connection, which it does already.
            let _ = self.release();
        }
    }

    /// Leaves the session in order, so that whoever comes next finds it whole.
    fn leave(&mut self, end: End) {
        let is_broken = self.subscriber.is_broken();
        self.subscriber.leave(self.expiry_s);
        match end {
            // Whoever may no longer be here publishes nothing any more, a will included.
            End::Left | End::Ended(Ending::Reason(Reason::NOT_AUTHORISED)) => self.hub.silence_will(&self.client),
            // It is kept for the next start, which gives its client a moment to come back.
            End::Ended(Ending::Reason(Reason::SERVER_SHUTTING_DOWN)) => {}
            _ => self.hub.rouse_will(&self.client, self.expiry_s),
        }
        let is_known = || self.hub.store.read(|durable| durable.sessions.contains_key(&self.client));
        if (self.expiry_s == 0 || is_broken) && is_known() {
            let _unawaited = self.hub.store.change(Change::Ended { client: self.client.clone() });
        }
    }
}

/// Live messages that are taken before the connection looks around.
const LIVE_TAKEN_AT_ONCE: usize = 512;
/// Never resolves without a link. Cancel-safe.
async fn next_live(link: &mut Option<Link>) -> Result<Message, Cut> {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}
