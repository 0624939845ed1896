//! The way of a publish from a device to the server and of its answer back: slow, and lost now and then in either direction.

use std::sync::Arc;
use std::time::Duration;

use domain::Clock as _;
use domain::record::{Publish, Source, kind};
use domain::rng::Rng;
use journal::Journal;
use parking_lot::Mutex;

use crate::device::Message;
use crate::world::World;

pub struct Net {
    world: Arc<World>,
    door: Mutex<Option<Journal>>,
}

impl Net {
    pub fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self { world, door: Mutex::new(None) })
    }

    /// The server is there, or gone.
    pub fn open(&self, door: Option<Journal>) {
        *self.door.lock() = door;
    }
}

/// What one device sends through.
pub struct Line {
    net: Arc<Net>,
    client: String,
    rng: Rng,
}

impl Line {
    pub fn new(client: &str, net: Arc<Net>, rng: Rng) -> Self {
        Self { net, client: client.to_owned(), rng }
    }

    /// Returns once it is acknowledged, however often it has to be sent.
    pub async fn deliver(&mut self, message: Message) {
        let world = self.net.world.clone();
        let loss = world.scenario.disconnects / 100.0;
        loop {
            let way = Duration::from_micros(2_000 + self.rng.below(150_000));
            world.clock.sleep(way).await;
            let door = self.net.door.lock().clone();
            if let Some(journal) = door.filter(|_| !self.rng.chance(loss)) {
                let mut publish = Publish::new(Source::Mqtt, &message.topic, message.payload.clone());
                publish.qos = message.qos;
                publish.client = self.client.clone().into();
                let append = journal.append_with(kind::PUBLISH, publish.encoded_len(), |body| publish.encode(body));
                drop(journal);
                let answered = append.await.is_ok();
                if answered && !self.rng.chance(loss) {
                    world.judge(world.oracle.acknowledge(&message.topic, &message.payload));
                    return;
                }
            }
            let pause = Duration::from_millis(500 + self.rng.below(30_000));
            world.clock.sleep(pause).await;
        }
    }

    pub async fn leave(self) {}
}
