//! A client has to be heard within one and a half times the interval it named (MQTT 5, 3.1.2.10).
//!
//! The timer is armed once an interval, not once a packet: when it fires, the time of the last packet decides.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use domain::Clock;
use domain::time::Sleep;

pub struct KeepAlive {
    clock: Arc<dyn Clock>,
    /// Zero: the client may be silent for ever.
    limit: Duration,
    heard: Duration,
    timer: Option<Sleep>,
}

impl KeepAlive {
    pub fn new(clock: Arc<dyn Clock>, seconds: u16) -> Self {
        let limit = Duration::from_millis(u64::from(seconds) * 1_500);
        let heard = clock.elapsed();
        Self { clock, limit, heard, timer: None }
    }

    pub fn heard(&mut self) {
        if !self.limit.is_zero() {
            self.heard = self.clock.elapsed();
        }
    }

    /// Resolves once the client was silent for too long. Cancel-safe.
    pub async fn over(&mut self) {
        if self.limit.is_zero() {
            return std::future::pending().await;
        }
        loop {
            let timer = self.timer.get_or_insert_with(|| {
                let left = (self.heard + self.limit).saturating_sub(self.clock.elapsed());
                self.clock.sleep(left)
            });
            poll_fn(|context| timer.as_mut().poll(context)).await;
            self.timer = None;
            if self.clock.elapsed() >= self.heard + self.limit {
                return;
            }
        }
    }
}
