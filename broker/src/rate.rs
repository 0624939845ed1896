//! How many publishes of one client are taken a second. Who sends faster is not read meanwhile: nothing is lost, and a device that was
//! offline catches up at the rate.

use std::time::Duration;

use domain::Clock;
use domain::limits::PUBLISH_BURST_S;

/// A bucket as one instant: the time at which everything that was taken would have been taken at the rate.
pub struct Rate {
    /// `None`: as fast as it can.
    interval: Option<Duration>,
    taken_until: Duration,
    paused_until: Duration,
}

impl Rate {
    pub fn new(per_second: Option<u32>) -> Self {
        let interval = per_second.filter(|&rate| rate > 0).map(|rate| Duration::from_secs(1) / rate);
        Self { interval, taken_until: Duration::ZERO, paused_until: Duration::ZERO }
    }

    pub fn is_limited(&self) -> bool {
        self.interval.is_some()
    }

    /// Whether a pause begins with it.
    pub fn take(&mut self, now: Duration) -> bool {
        let Some(interval) = self.interval else { return false };
        self.taken_until = self.taken_until.max(now.saturating_sub(BURST)) + interval;
        let ahead = self.taken_until.saturating_sub(now);
        if !ahead.is_zero() {
            self.paused_until = now + ahead.max(PAUSE_MIN);
        }
        !ahead.is_zero()
    }

    /// How long nothing more is taken.
    pub fn wait(&self, now: Duration) -> Duration {
        self.paused_until.saturating_sub(now)
    }

    pub async fn slow_down(&self, clock: &dyn Clock) {
        clock.sleep(self.wait(clock.elapsed())).await;
    }
}

const BURST: Duration = Duration::from_secs(PUBLISH_BURST_S);
/// A flood wakes its connection 20 times a second, not once a publish.
const PAUSE_MIN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_at_once_and_then_the_rate() {
        let start = Duration::from_secs(1_000);
        let mut rate = Rate::new(Some(10));
        for _ in 0..10 * PUBLISH_BURST_S {
            assert!(!rate.take(start));
            assert_eq!(rate.wait(start), Duration::ZERO);
        }
        assert!(rate.take(start));
        assert_eq!(rate.wait(start), Duration::from_millis(100));
        assert_eq!(rate.wait(start + Duration::from_millis(100)), Duration::ZERO);
    }

    #[test]
    fn a_flood_is_taken_at_the_rate_in_few_pauses() {
        let (mut rate, mut now) = (Rate::new(Some(1_000)), Duration::from_secs(1_000));
        let (mut taken, mut pauses) = (0, 0);
        while now < Duration::from_secs(1_060) {
            pauses += usize::from(rate.take(now));
            taken += 1;
            now += rate.wait(now);
        }
        assert!((69_000..71_000).contains(&taken), "{taken}");
        assert!(pauses <= 60 * 20 + 1, "{pauses}");
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        for none in [None, Some(0)] {
            let mut rate = Rate::new(none);
            assert!((0..1_000_000).all(|_| !rate.take(Duration::ZERO)));
            assert!(!rate.is_limited() && rate.wait(Duration::ZERO).is_zero());
        }
    }
}
