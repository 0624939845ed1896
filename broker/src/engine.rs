//! Live QoS 0 fan-out through rumqttd's router: the only file that names it.
//!
//! The router runs without a listener on a thread of its own, and everything of it that may block is called from another thread of
//! ours. It is fed only with what a live subscriber wants, so that publishing without subscribers costs nothing. What it is not
//! trusted with:
//! * It overwrites unread messages silently. What each subscriber should get is counted where it is handed out; the dispatcher waits
//!   for one that lags, and it is cut off before its ring could turn over.
//! * It panics at a topic that begins with a multi-byte character and drops a publisher's link at some others: every topic and filter
//!   goes in under a level of our own. It gives one copy for each filter that matches: all but the first are left out.
//! * It frees neither links nor filters nor topics: it is replaced when it has seen too many.
//! * It can panic. Its subscribers are then disconnected and told, and publishers notice nothing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use domain::Clock;
use domain::limits::{LIVE_BATCHES_MAX, LIVE_ENGINE_AGE_MAX, LIVE_ENGINE_TOPICS_MAX, LIVE_FILTER_BYTES_MAX, LIVE_LAG_MAX};
use futures::FutureExt;
use hashbrown::HashSet;
use metrics::counter;
use parking_lot::Mutex;
use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::protocol::{Disconnect, DisconnectReasonCode, Packet};
use rumqttd::{Notification, Router, RouterConfig};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::message::Message;
use crate::meter::Meter;
use crate::metrics::ENGINE_RESTARTS;

/// The threads of the engine by name, the second of them named by rumqttd: a panic there is its subscribers' loss only.
pub const THREADS: [&str; 2] = ["kerbside-live", "router-0"];

/// The engine as the front uses it.
pub struct Engine {
    /// Bounded by `room` and by what clients subscribe.
    orders: mpsc::UnboundedSender<Order>,
    /// For batches of messages.
    room: Arc<Semaphore>,
    number: AtomicU64,
    meters: Mutex<Vec<Weak<Meter>>>,
    drained: Arc<Notify>,
}

enum Order {
    Feed(Vec<Message>, OwnedSemaphorePermit),
    Link { name: String, meter: Arc<Meter>, answer: oneshot::Sender<Link> },
    Subscribe { tx: Arc<Mutex<LinkTx>>, path: String, done: oneshot::Sender<()> },
    Unsubscribe { tx: Arc<Mutex<LinkTx>>, path: String },
    Unlink(Arc<Mutex<LinkTx>>),
}

/// One subscriber's end.
pub struct Link {
    pub meter: Arc<Meter>,
    tx: Arc<Mutex<LinkTx>>,
    rx: LinkRx,
    /// The engine that it belongs to is gone.
    dead: CancellationToken,
    orders: mpsc::UnboundedSender<Order>,
    paths: usize,
    recent: Recent,
    /// The router sends nothing more until it is told to.
    is_unscheduled: bool,
}

/// The newest messages that came, to know further copies by.
#[derive(Default)]
struct Recent {
    order: VecDeque<u64>,
    seen: HashSet<u64>,
}

/// Copies of one message come within one turn of the router over a link's filters.
const RECENT_MAX: usize = 32 * 1024;

impl Recent {
    /// `false` when it was there already.
    fn insert(&mut self, sequence: u64) -> bool {
        if !self.seen.insert(sequence) {
            return false;
        }
        self.order.push_back(sequence);
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

/// Why a link gives no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The subscriber does not keep up: that many messages are dropped with it.
    Lagged(u64),
    /// The engine was replaced.
    EngineGone,
}

impl Link {
    /// The next message, with all filters' copies but the first left out. Cancel-safe.
    pub async fn next(&mut self) -> Result<Message, Cut> {
        loop {
            if self.meter.is_cut() {
                return Err(Cut::Lagged(self.meter.missing()));
            }
            if self.is_unscheduled {
                // Only once it is through: this may be dropped while it waits.
                self.rx.wake().await.map_err(|_| Cut::EngineGone)?;
                self.is_unscheduled = false;
            }
            let notification = tokio::select! {
                notification = self.rx.next() => notification,
                () = self.dead.cancelled() => return Err(Cut::EngineGone),
                () = self.meter.until_cut() => continue,
            };
            match notification {
                Ok(Some(Notification::Forward(forward))) => {
                    if let Some(message) = self.unpack(forward.publish.payload) {
                        return Ok(message);
                    }
                }
                // The router waits until it is told that there is room again.
                Ok(Some(Notification::Unschedule)) => self.is_unscheduled = true,
                Ok(_) => {}
                Err(_) => return Err(Cut::EngineGone),
            }
        }
    }

    /// A further message that is there already.
    pub fn try_next(&mut self) -> Option<Result<Message, Cut>> {
        self.next().now_or_never()
    }

    fn unpack(&mut self, mut bytes: Bytes) -> Option<Message> {
        let sequence = bytes.try_get_u64_le().ok()?;
        if self.paths > 1 && !self.recent.insert(sequence) {
            return None;
        }
        let message = Message::decode(bytes)?;
        self.meter.got(&message);
        Some(message)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Nobody waits for who is gone.
        self.meter.cut();
        let _ = self.orders.send(Order::Unlink(self.tx.clone()));
    }
}

impl Engine {
    /// The handle and the work of its thread; `work` ends with the handle.
    pub fn new() -> (Self, impl FnOnce() + Send + 'static) {
        let (orders, incoming) = mpsc::unbounded_channel();
        let work = {
            let orders = orders.downgrade();
            move || serve(incoming, &orders)
        };
        let engine = Self {
            orders,
            room: Arc::new(Semaphore::new(LIVE_BATCHES_MAX)),
            number: AtomicU64::new(0),
            meters: Mutex::default(),
            drained: Arc::default(),
        };
        (engine, work)
    }

    /// Hands messages to the engine; waits while it or one of its subscribers does not keep up.
    pub async fn feed(&self, messages: Vec<Message>, clock: &dyn Clock) {
        let room = self.room.clone().acquire_owned().await.expect("the semaphore is never closed");
        let _ = self.orders.send(Order::Feed(messages, room));
        let lagging = self.lagging();
        if lagging.is_empty() {
            return;
        }
        let caught_up = async {
            while lagging.iter().any(|meter| meter.lags()) {
                self.drained.notified().await;
            }
        };
        tokio::select! {
            () = caught_up => {}
            () = clock.sleep(LIVE_LAG_MAX) => {
                lagging.iter().filter(|meter| meter.lags()).for_each(|meter| meter.cut());
            }
        }
        lagging.iter().for_each(|meter| meter.no_longer_await_it());
    }

    /// Subscribers that the dispatcher has to wait for; marks them as awaited.
    fn lagging(&self) -> Vec<Arc<Meter>> {
        let mut meters = self.meters.lock();
        meters.retain(|meter| meter.strong_count() > 0);
        let lagging: Vec<_> = meters.iter().filter_map(Weak::upgrade).filter(|meter| meter.lags()).collect();
        lagging.iter().for_each(|meter| meter.await_it());
        lagging
    }

    /// Announcements: waits for room, not for subscribers that lag; those are cut off before they would miss one.
    pub async fn announce(&self, messages: Vec<Message>) {
        let room = self.room.clone().acquire_owned().await.expect("the semaphore is never closed");
        let _ = self.orders.send(Order::Feed(messages, room));
    }

    pub async fn link(&self) -> Option<Link> {
        // A name of our own: a client's could hold characters that kill the router.
        let name = format!("live-{}", self.number.fetch_add(1, Ordering::Relaxed));
        let (answer, link) = oneshot::channel();
        let meter = Arc::new(Meter::new(self.drained.clone()));
        self.meters.lock().push(Arc::downgrade(&meter));
        self.orders.send(Order::Link { name, meter, answer }).ok()?;
        link.await.ok()
    }

    /// Resolves once every later feed reaches the subscriber.
    pub async fn subscribe(&self, link: &mut Link, path: &str) {
        link.paths += 1;
        let (done, is_done) = oneshot::channel();
        let order = Order::Subscribe { tx: link.tx.clone(), path: under_our_level(path), done };
        if self.orders.send(order).is_ok() {
            let _ = is_done.await;
        }
    }

    /// To be called when nothing is expected under the path any more.
    pub fn unsubscribe(&self, link: &mut Link, path: &str) {
        link.paths -= 1;
        link.meter.settle();
        let _ = self.orders.send(Order::Unsubscribe { tx: link.tx.clone(), path: under_our_level(path) });
    }
}

fn under_our_level(topic: &str) -> String {
    format!("k/{topic}")
}

/// One router's life.
struct Running {
    connect: Box<dyn Fn(&str) -> Option<(LinkTx, LinkRx)>>,
    source: (LinkTx, LinkRx),
    dead: CancellationToken,
    age: u64,
    sequence: u64,
    /// Hashes of the topics that it has seen.
    topics: HashSet<u64>,
}

impl Running {
    fn start() -> Option<Self> {
        let config = RouterConfig {
            // Links ever made in one engine, and its source.
            max_connections: LIVE_ENGINE_AGE_MAX as usize + 2,
            max_outgoing_packet_count: 200,
            max_segment_size: LIVE_FILTER_BYTES_MAX / 4,
            max_segment_count: 4,
            ..RouterConfig::default()
        };
        let router = Router::new(0, config).spawn();
        let connect = move |name: &str| {
            let (tx, rx, _) = LinkBuilder::new(name, router.clone()).build().ok()?;
            Some((tx, rx))
        };
        let source = connect("source")?;
        Some(Self {
            connect: Box::new(connect),
            source,
            dead: CancellationToken::new(),
            age: 0,
            sequence: 0,
            topics: HashSet::new(),
        })
    }

    /// Blocks while the router is behind: back-pressure down to the dispatcher, never loss.
    #[expect(clippy::result_large_err, reason = "the error is rumqttd's own")]
    fn publish(&mut self, message: &Message) -> Result<(), rumqttd::local::LinkError> {
        self.sequence += 1;
        let topic = message.publish.topic();
        self.topics.insert(xxhash_rust::xxh3::xxh3_64(topic.as_bytes()));
        let mut bytes = BytesMut::with_capacity(8 + message.bytes());
        bytes.put_u64_le(self.sequence);
        message.encode(&mut bytes);
        self.source.0.publish(under_our_level(topic), bytes.freeze()).map(drop)
    }

    /// The router took the source's link away or died.
    fn is_dead(&mut self) -> bool {
        loop {
            match self.source.1.next().now_or_never() {
                None => return false,
                Some(Ok(Some(Notification::Disconnect(..))) | Err(_)) => return true,
                Some(Ok(_)) => {}
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.dead.cancel();
    }
}

fn serve(mut incoming: mpsc::UnboundedReceiver<Order>, orders: &mpsc::WeakUnboundedSender<Order>) {
    let mut running: Option<Running> = None;
    while let Some(order) = incoming.blocking_recv() {
        let is_dead = running.as_mut().is_some_and(Running::is_dead);
        let cause = match &running {
            Some(_) if is_dead => Some("dead"),
            Some(engine) if engine.age >= LIVE_ENGINE_AGE_MAX || engine.topics.len() >= LIVE_ENGINE_TOPICS_MAX => Some("age"),
            _ => None,
        };
        if let Some(cause) = cause {
            counter!(ENGINE_RESTARTS, "cause" => cause).increment(1);
            warn!(cause, "live engine is replaced, its subscribers are disconnected");
            running = None;
        }
        if running.is_none() {
            running = Running::start();
        }
        match &mut running {
            Some(engine) => obey(engine, order, orders),
            None => error!("live engine does not start"),
        }
    }
}

fn obey(engine: &mut Running, order: Order, orders: &mpsc::WeakUnboundedSender<Order>) {
    match order {
        Order::Feed(messages, _room) => {
            for message in messages {
                if engine.publish(&message).is_err() {
                    return;
                }
            }
        }
        Order::Link { name, meter, answer } => {
            engine.age += 1;
            if let (Some((tx, rx)), Some(orders)) = ((engine.connect)(&name), orders.upgrade()) {
                let (tx, dead) = (Arc::new(Mutex::new(tx)), engine.dead.clone());
                let link = Link { meter, tx, rx, dead, orders, paths: 0, recent: Recent::default(), is_unscheduled: false };
                let _ = answer.send(link);
            }
        }
        Order::Subscribe { tx, path, done } => {
            engine.age += 1;
            let _ = tx.lock().subscribe(path);
            let _ = done.send(());
        }
        Order::Unsubscribe { tx, path } => {
            let _ = tx.lock().unsubscribe(path);
        }
        Order::Unlink(tx) => {
            let goodbye = Disconnect { reason_code: DisconnectReasonCode::NormalDisconnection };
            let mut tx = tx.lock();
            // Its future blocks instead of waiting, so that it is done after one poll.
            let _ = tx.send(Packet::Disconnect(goodbye, None)).now_or_never();
        }
    }
}

#[cfg(test)]
mod tests;
