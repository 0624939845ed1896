//! Time that passes only when nobody has anything to do.
//!
//! The runtime calls [`VirtualClock::advance`] before its thread would park: then the earliest sleeper is woken and it is that late. Timers
//! of one instant go off one after the other, in the order in which they were set, with everything that one brings about done before the
//! next: so one seed gives one order. The wall clock may stand wrong by a skew, as a server's may.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::time::Sleep;
use domain::{Clock, Timestamp};
use parking_lot::Mutex;

pub struct VirtualClock {
    epoch: Timestamp,
    timers: Arc<Mutex<Timers>>,
}

#[derive(Default)]
struct Timers {
    now: Duration,
    skew_us: i64,
    number: u64,
    waiting: BTreeMap<(Duration, u64), Waker>,
}

impl VirtualClock {
    pub fn starting_at(epoch: Timestamp) -> Arc<Self> {
        Arc::new(Self { epoch, timers: Arc::default() })
    }

    /// Moves to the earliest timer and wakes its owner; `false` when nobody waits.
    pub fn advance(&self) -> bool {
        let waker = {
            let mut timers = self.timers.lock();
            let Some(((deadline, _), waker)) = timers.waiting.pop_first() else {
                return false;
            };
            timers.now = timers.now.max(deadline);
            waker
        };
        waker.wake();
        true
    }

    /// Sets the wall clock wrong by so much from now on.
    pub fn skew(&self, micros: i64) {
        self.timers.lock().skew_us = micros;
    }

    /// The true time, which no skew moves.
    pub fn truth(&self) -> Timestamp {
        self.epoch.plus(self.elapsed())
    }

    pub async fn until(&self, at: Duration) {
        self.sleep(at.saturating_sub(self.elapsed())).await;
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let timers = self.timers.lock();
        Timestamp::from_micros(self.epoch.plus(timers.now).as_micros() + timers.skew_us)
    }

    fn elapsed(&self) -> Duration {
        self.timers.lock().now
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let timers = self.timers.clone();
        let deadline = self.elapsed() + duration;
        Box::pin(Timer { timers, deadline, key: None })
    }
}

struct Timer {
    timers: Arc<Mutex<Timers>>,
    deadline: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let key = {
            let mut timers = self.timers.lock();
            if timers.now >= self.deadline {
                return Poll::Ready(());
            }
            let key = self.key.unwrap_or((self.deadline, timers.number));
            timers.number += u64::from(self.key.is_none());
            timers.waiting.insert(key, context.waker().clone());
            key
        };
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.timers.lock().waiting.remove(&key);
        }
    }
}
