//! The journal's writer of one life, stepped in virtual time: a sync takes as long as the modelled disk says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Clock as _;
use journal::{Tail, Writer};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::note;
use crate::power::Power;
use crate::world::World;

pub struct Desk {
    writer: Mutex<Option<Writer>>,
    rests: AtomicBool,
    bell: Notify,
    power: Power,
}

impl Desk {
    pub fn new(writer: Writer, power: Power) -> Arc<Self> {
        Arc::new(Self { writer: Mutex::new(Some(writer)), rests: AtomicBool::new(false), bell: Notify::new(), power })
    }

    /// `true` when there is work and nobody was at it.
    pub fn wake(&self, now: Duration) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        let wakes = is_due && self.rests.swap(false, Ordering::Relaxed);
        if wakes {
            self.bell.notify_one();
        }
        wakes
    }

    /// Until the journal is closed or the power is gone.
    pub async fn serve(self: Arc<Self>, world: Arc<World>, mut tail: Tail, number: u64) {
        let mut rng = world.rng(10_000_000 + number);
        loop {
            match self.due() {
                None => {
                    self.rests.store(true, Ordering::Relaxed);
                    self.bell.notified().await;
                }
                Some(due) => world.clock.until(due).await,
            }
            let sync = Duration::from_micros(200 + rng.below(world.scenario.sync_ms * 1_000));
            world.clock.sleep(sync).await;
            let before = tail.after();
            let goes_on = self.writer.lock().as_mut().is_some_and(Writer::step);
            let heard = world.oracle.listen(&mut tail).await;
            if self.power.is_on() {
                world.judge(heard);
            }
            if tail.after() > before {
                note!(world.trace, "durable {}", tail.after());
            }
            if !goes_on || !self.power.is_on() {
                self.close();
                return;
            }
        }
    }

    /// Ends the writer as the end of its process does.
    pub fn close(&self) {
        let writer = self.writer.lock().take();
        drop(writer);
    }

    fn due(&self) -> Option<Duration> {
        self.writer.lock().as_ref().and_then(Writer::due)
    }
}
