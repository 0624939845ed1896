//! What a publisher counts.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Highest latency that is told exactly; more is counted as this.
const LATENCY_MICROS_MAX: u64 = 600 * 1_000_000;

/// Counts of one publisher, or the sum of several.
#[derive(Clone, Debug)]
pub struct PublisherStats {
    /// Messages sent for the first time.
    pub sent: u64,
    pub acknowledged: u64,
    /// Messages sent again after a reconnect.
    pub resent: u64,
    pub connections_lost: u64,
    /// Left without PUBACK when the publisher was cancelled.
    pub unacknowledged: u64,
    /// From the first send to the PUBACK, microseconds.
    pub latency_us: Histogram<u64>,
}

impl Default for PublisherStats {
    fn default() -> Self {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, 3).expect("bounds and digits are constants in range");
        Self { sent: 0, acknowledged: 0, resent: 0, connections_lost: 0, unacknowledged: 0, latency_us }
    }
}

impl PublisherStats {
    pub(crate) fn record(&mut self, waited: Duration) {
        self.acknowledged += 1;
        self.latency_us.saturating_record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.resent += other.resent;
        self.connections_lost += other.connections_lost;
        self.unacknowledged += other.unacknowledged;
        self.latency_us.add(&other.latency_us).expect("all are built with the same bounds");
    }

    /// Latency at a quantile in [0, 1]; zero while nothing is acknowledged.
    pub fn latency(&self, quantile: f64) -> Duration {
        if self.latency_us.is_empty() {
            Duration::ZERO
        } else {
            Duration::from_micros(self.latency_us.value_at_quantile(quantile))
        }
    }
}
