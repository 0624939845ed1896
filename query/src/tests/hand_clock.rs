//! A clock that a test moves by hand, and that wakes who sleeps on it.

use std::time::Duration;

use domain::time::Sleep;
use domain::{Clock, Timestamp};
use tokio::sync::watch;

use super::fixture::at;

pub struct HandClock(watch::Sender<Duration>);

impl Default for HandClock {
    fn default() -> Self {
        Self(watch::Sender::new(Duration::ZERO))
    }
}

impl HandClock {
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|elapsed| *elapsed += by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        at(super::served::NOW).plus(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        *self.0.borrow()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let due = self.elapsed() + duration;
        let mut elapsed = self.0.subscribe();
        Box::pin(async move {
            if elapsed.wait_for(|elapsed| *elapsed >= due).await.is_err() {
                // A clock that is gone never strikes.
                std::future::pending::<()>().await;
            }
        })
    }
}
