//! A lot that counts at its gate: who comes and goes within a minute, told when the number changed, and once a heartbeat.

use std::time::Duration;

use domain::Timestamp;
use domain::rng::Rng;

use super::{after, arrival};
use crate::chance;
use crate::city::City;

/// How often the gate tells what changed.
const INTERVAL_S: f64 = 60.0;

pub struct CounterProcess {
    seed: u64,
    device: u64,
    next: Timestamp,
    /// The last report and what it said.
    reported: Option<(Timestamp, u32)>,
    inside: u32,
    steps: u64,
    reports: u32,
}

impl CounterProcess {
    pub fn start(seed: u64, device: u64, city: &City, index: usize, from: Timestamp, spread: Duration) -> Self {
        let mut rng = chance::draws(seed, device, 0);
        let counter = &city.counters[index];
        let first = after(from, rng.unit() * spread.as_secs_f64());
        let share = arrival::share_taken(counter.land_use, city.calendar().second_of_week(from));
        let inside = (f64::from(counter.capacity) * (share + rng.normal(0.0, 0.05)).clamp(0.0, 1.0)) as u32;
        Self { seed, device, next: first, reported: None, inside, steps: 0, reports: 0 }
    }

    pub fn due(&self) -> Timestamp {
        self.next
    }

    /// Walks minute by minute from this report to the next one that has something to say.
    pub fn step(&mut self, city: &City, index: usize, at: Timestamp, gateway: usize) -> (String, Timestamp) {
        let counter = &city.counters[index];
        self.reports += 1;
        let free = counter.capacity - self.inside;
        let payload = format!(
            "{{\"ts\":{},\"free\":{free},\"capacity\":{},\"seq\":{},\"gateway\":\"gw-{:02}\"}}",
            at.as_micros() / 1_000,
            counter.capacity,
            self.reports,
            gateway + 1,
        );
        self.reported = Some((at, self.inside));
        self.next = at;
        while self.is_silent(counter.heartbeat_s) {
            self.next = after(self.next, INTERVAL_S);
            self.minute(city, index);
        }
        (payload, self.next)
    }

    fn is_silent(&self, heartbeat_s: u32) -> bool {
        let Some((at, told)) = self.reported else { return false };
        told == self.inside && self.next.micros_since(at) < i64::from(heartbeat_s) * 1_000_000
    }

    fn minute(&mut self, city: &City, index: usize) {
        let counter = &city.counters[index];
        self.steps += 1;
        let mut rng = chance::draws(self.seed, self.device, self.steps);
        let second_of_week = city.calendar().second_of_week(self.next);
        let free = counter.capacity - self.inside;
        let coming = f64::from(free) * arrival::rate_per_s(counter.land_use, second_of_week) * INTERVAL_S;
        let going = f64::from(self.inside) * INTERVAL_S / arrival::mean_stay_s(counter.land_use);
        let arrived = poisson(coming, &mut rng).min(free);
        let left = poisson(going, &mut rng).min(self.inside);
        self.inside = self.inside + arrived - left;
    }
}

/// How many of a Poisson process with this mean: exponential waits counted; means of a minute are small.
fn poisson(mean: f64, rng: &mut Rng) -> u32 {
    let mut count = 0;
    let mut at = rng.exponential(1.0);
    while at < mean {
        count += 1;
        at += rng.exponential(1.0);
    }
    count
}
