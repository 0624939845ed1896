//! The way of a publish from a device to the server and of its answer back: slow, and lost now and then in either direction.
//!
//! A device has one message under way, keeps it until it is acknowledged, and sends it again over a new connection when it is in doubt.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use broker::Stream;
use domain::Clock as _;
use domain::access::Peer;
use domain::rng::Rng;
use domain::topic::Route;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use crate::device::Message;
use crate::mqtt::{self, Answer};
use crate::pipe::{Cutter, End, connection};
use crate::power::Power;
use crate::world::World;

/// Where a server takes connections.
#[derive(Clone)]
pub struct Door {
    pub streams: UnboundedSender<(Box<dyn Stream>, Peer)>,
    pub power: Power,
}

pub struct Net {
    world: Arc<World>,
    door: Mutex<Option<Door>>,
    /// Of connections that are, to break them with the server.
    cutters: Mutex<Vec<Cutter>>,
}

impl Net {
    pub fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self { world, door: Mutex::new(None), cutters: Mutex::default() })
    }

    /// The server takes connections again.
    pub fn open(&self, door: Door) {
        *self.door.lock() = Some(door);
    }

    /// It takes none any more; those that are may go on for a while.
    pub fn close(&self) {
        *self.door.lock() = None;
    }

    /// The machine is gone, and all of its connections.
    pub fn cut(&self) {
        self.close();
        for cutter in self.cutters.lock().drain(..) {
            cutter.cut();
        }
    }

    fn connect(&self, delay: Duration) -> Option<(End, Cutter)> {
        let door = self.door.lock().clone()?;
        let (device, server, cutter) = connection(&self.world.clock, delay, door.power);
        let here = |port| ([127, 0, 0, 1], port).into();
        door.streams.send((Box::new(server), Peer::plain(here(40_000), here(1_883)))).ok()?;
        let mut cutters = self.cutters.lock();
        if cutters.len() > 200 {
            cutters.drain(..100);
        }
        cutters.push(cutter.clone());
        Some((device, cutter))
    }
}

/// How far the message under way has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Unsent,
    /// Sent at least once.
    InDoubt,
    /// QoS 2: the server has it.
    Received,
}

/// What one device sends through.
pub struct Line {
    net: Arc<Net>,
    client: String,
    rng: Rng,
    /// The session outlives its connections.
    lasts: bool,
    stream: Option<(End, Cutter)>,
    next_id: u16,
}

/// An answer that does not come within this time never comes.
const PATIENCE: Duration = Duration::from_secs(20);

impl Line {
    pub fn new(client: &str, net: Arc<Net>, mut rng: Rng) -> Self {
        let lasts = rng.chance(0.5);
        Self { net, client: client.to_owned(), rng, lasts, stream: None, next_id: 0 }
    }

    /// Returns once it is acknowledged, however often it has to be sent.
    pub async fn deliver(&mut self, message: Message) {
        self.next_id = self.next_id % 60_000 + 1;
        let (mut stage, mut forgotten, id) = (Stage::Unsent, false, self.next_id);
        let world = self.net.world.clone();
        loop {
            let tried = tokio::select! {
                biased;
                tried = self.attempt(&message, id, &mut stage, &mut forgotten) => tried,
                () = world.clock.sleep(PATIENCE) => Err(io::ErrorKind::TimedOut.into()),
            };
            if tried.is_ok() {
                return;
            }
            self.stream = None;
            let pause = Duration::from_millis(500 + self.rng.below(20_000));
            world.clock.sleep(pause).await;
        }
    }

    async fn attempt(&mut self, message: &Message, id: u16, stage: &mut Stage, forgotten: &mut bool) -> io::Result<()> {
        if self.stream.is_none() {
            self.open(stage, forgotten).await?;
        }
        self.break_by_chance();
        let world = self.net.world.clone();
        let (stream, _) = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if *stage != Stage::Received {
            let again = *stage == Stage::InDoubt;
            *stage = Stage::InDoubt;
            mqtt::say(stream, &mqtt::publish(&message.topic, &message.payload, message.qos, id, again)).await?;
            let wanted = if message.qos == 2 { Answer::PubRec(id) } else { Answer::PubAck(id) };
            hear(stream, wanted).await?;
            // What no codec claims is kept in part and at a limited rate.
            if Route::of(&message.topic) != Route::Unknown {
                world.judge(world.oracle.acknowledge(&message.topic, &message.payload));
            }
            *stage = Stage::Received;
        }
        if message.qos == 2 {
            mqtt::say(stream, &mqtt::pubrel(id)).await?;
            hear(stream, Answer::PubComp(id)).await?;
            if self.lasts && !*forgotten {
                world.judge(world.oracle.once(&message.topic, &message.payload));
            }
        }
        Ok(())
    }

    async fn open(&mut self, stage: &mut Stage, forgotten: &mut bool) -> io::Result<()> {
        let delay = Duration::from_micros(1_000 + self.rng.below(80_000));
        let (mut stream, cutter) = self.net.connect(delay).ok_or(io::ErrorKind::ConnectionRefused)?;
        let keep_alive_s = [0, 60, 600][self.rng.below(3) as usize];
        mqtt::say(&mut stream, &mqtt::connect(&self.client, !self.lasts, keep_alive_s)).await?;
        match mqtt::answer(&mut stream).await? {
            Answer::ConnAck { session_present, code: 0 } => {
                if !session_present && *stage == Stage::InDoubt {
                    // Of a session that is gone the server knows no packet any more: it is sent as a new one.
                    *stage = Stage::Unsent;
                    *forgotten = true;
                }
                self.stream = Some((stream, cutter));
                Ok(())
            }
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    /// Now and then the connection breaks or falls silent just when it is needed.
    fn break_by_chance(&mut self) {
        let scenario = self.net.world.scenario;
        if self.net.world.is_calm() || !self.rng.chance(scenario.disconnects / 60.0) {
            return;
        }
        if let Some((_, cutter)) = &self.stream {
            if self.rng.chance(scenario.half_open) { cutter.silence() } else { cutter.cut() }
        }
    }

    pub async fn leave(mut self) {
        if let Some((stream, _)) = &mut self.stream {
            // Who does not hear it notices by itself.
            let _ = mqtt::say(stream, &mqtt::disconnect()).await;
        }
    }
}

/// Waits for one answer; none other is expected.
async fn hear(stream: &mut End, wanted: Answer) -> io::Result<()> {
    match mqtt::answer(stream).await? {
        answer if answer == wanted => Ok(()),
        answer => Err(io::Error::other(format!("{answer:?} instead of {wanted:?}"))),
    }
}
