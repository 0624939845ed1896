//! What a load run came to, as a bench prints and writes it.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::LoadOptions;
use super::lane::LaneReport;

/// Lateness of the generator's own making up to which a schedule counts as held: a few turns of a busy scheduler.
const HELD_MICROS_MAX: u64 = 50_000;

#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    pub connections: usize,
    pub window: usize,
    pub payload_bytes: usize,
    /// Publishes a second asked for; `null`: as fast as acknowledged.
    pub rate: Option<f64>,
    pub sent: u64,
    pub acknowledged: u64,
    /// From the first scheduled send to the last PUBACK.
    pub seconds: f64,
    pub acknowledged_per_s: f64,
    /// From the scheduled send to the PUBACK.
    pub latency_p50_us: u64,
    pub latency_p99_us: u64,
    pub latency_max_us: u64,
    /// Whether the generator sent at the instants it was told to; if not, the latencies measure it too.
    pub schedule_held: bool,
    pub generator_late_max_us: u64,
    /// Held back by full windows: the server's doing.
    pub window_late_max_us: u64,
    /// This process's CPU while it ran, where the system tells.
    pub generator_cpu_s: Option<f64>,
    /// Why connections ended early, the first few.
    pub lost: Vec<String>,
    pub connections_lost: usize,
}

impl LoadReport {
    pub(super) fn of(options: &LoadOptions, start: Duration, lanes: &[LaneReport], generator_cpu_s: Option<f64>) -> Self {
        let mut latency: Histogram<u64> =
            Histogram::new_with_bounds(1, 600_000_000, 3).expect("bounds and digits are constants in range");
        for lane in lanes {
            latency.add(&lane.latency_us).expect("all are built with the same bounds");
        }
        let start_us = start.as_micros() as u64;
        let last_us = lanes.iter().map(|lane| lane.last_ack_us).max().unwrap_or(start_us);
        let seconds = last_us.saturating_sub(start_us) as f64 / 1e6;
        let acknowledged: u64 = lanes.iter().map(|lane| lane.acknowledged).sum();
        let generator_late_max_us = lanes.iter().map(|lane| lane.generator_late_us).max().unwrap_or(0);
        let lost: Vec<String> = lanes.iter().filter_map(|lane| lane.lost.clone()).collect();
        let at = |quantile: f64| if latency.is_empty() { 0 } else { latency.value_at_quantile(quantile) };
        Self {
            connections: options.connections,
            window: options.window,
            payload_bytes: options.payload_bytes,
            rate: options.rate,
            sent: lanes.iter().map(|lane| lane.sent).sum(),
            acknowledged,
            seconds,
            acknowledged_per_s: if seconds > 0.0 { acknowledged as f64 / seconds } else { 0.0 },
            latency_p50_us: at(0.5),
            latency_p99_us: at(0.99),
            latency_max_us: latency.max(),
            schedule_held: options.rate.is_none() || (generator_late_max_us <= HELD_MICROS_MAX && lost.is_empty()),
            generator_late_max_us,
            window_late_max_us: lanes.iter().map(|lane| lane.window_late_us).max().unwrap_or(0),
            generator_cpu_s,
            connections_lost: lost.len(),
            lost: lost.into_iter().take(5).collect(),
        }
    }
}
