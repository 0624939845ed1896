//! The time of a shutdown: one limit for all that is still done, counted from when it was asked for.
//!
//! Half of it is for taking what is durable, the rest for committing that. What does not get done is in the journal, and the next start
//! does it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::Clock;
use tokio_util::sync::CancellationToken;

pub(super) struct Leaving {
    asked: CancellationToken,
    clock: Arc<dyn Clock>,
    since: OnceLock<Duration>,
    limit: Duration,
}

impl Leaving {
    pub fn new(shutdown: &CancellationToken, clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self { asked: shutdown.child_token(), clock, since: OnceLock::new(), limit }
    }

    /// As if a shutdown had been asked for.
    pub fn begin(&self) {
        self.asked.cancel();
    }

    pub async fn asked(&self) {
        self.asked.cancelled().await;
        self.since();
    }

    /// From then on nothing more is taken from the journal.
    pub async fn taking_is_over(&self) {
        self.passed(self.limit / 2).await;
    }

    /// From then on nothing is done any more.
    pub async fn is_over(&self) {
        self.passed(self.limit).await;
    }

    async fn passed(&self, span: Duration) {
        self.asked.cancelled().await;
        self.clock.sleep((self.since() + span).saturating_sub(self.clock.elapsed())).await;
    }

    fn since(&self) -> Duration {
        *self.since.get_or_init(|| self.clock.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use domain::time::Sleep;
    use parking_lot::Mutex;

    use super::*;

    /// Whoever sleeps on it moves it.
    #[derive(Default)]
    struct Jumping(Mutex<Duration>);

    impl Clock for Jumping {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            *self.0.lock()
        }

        fn sleep(&self, duration: Duration) -> Sleep {
            *self.0.lock() += duration;
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn all_of_a_shutdown_has_one_limit_from_when_it_was_asked_for() {
        let clock = Arc::new(Jumping::default());
        let leaving = Leaving::new(&CancellationToken::new(), clock.clone(), Duration::from_secs(30));
        clock.sleep(Duration::from_secs(100)).await;
        leaving.begin();
        leaving.asked().await;
        leaving.taking_is_over().await;
        assert_eq!(clock.elapsed(), Duration::from_secs(115));
        leaving.is_over().await;
        leaving.is_over().await;
        assert_eq!(clock.elapsed(), Duration::from_secs(130));
    }
}
