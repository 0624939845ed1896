//! One bay: free, taken, free again; it tells each change, and its state once a heartbeat.

use std::fmt::Write as _;
use std::time::Duration;

use domain::Timestamp;
use domain::rng::Rng;

use super::{after, arrival};
use crate::chance;
use crate::city::City;

/// A free bay stays free for a moment at least: one car leaves before the next comes.
const VACANT_MIN_S: f64 = 15.0;

/// Small, since there may be a million.
pub struct BayProcess {
    seed: u64,
    device: u64,
    next_change: Timestamp,
    next_report: Timestamp,
    /// Reports so far: the device's counter, and the address of its next draw.
    reports: u32,
    occupied: bool,
}

impl BayProcess {
    /// Its first report falls into `spread` after `from`.
    pub fn start(seed: u64, device: u64, from: Timestamp, spread: Duration) -> Self {
        let first = after(from, chance::draws(seed, device, 0).unit() * spread.as_secs_f64());
        Self { seed, device, next_change: first, next_report: first, reports: 0, occupied: false }
    }

    pub fn due(&self) -> Timestamp {
        self.next_change.min(self.next_report)
    }

    /// What it sends at `at`, and when it speaks next.
    pub fn step(&mut self, city: &City, index: usize, at: Timestamp, gateway: usize) -> (String, Timestamp) {
        let site = &city.sites[city.bays[index].site as usize];
        self.reports += 1;
        let mut rng = chance::draws(self.seed, self.device, u64::from(self.reports));
        let second_of_week = city.calendar().second_of_week(at);
        let first = self.reports == 1;
        if first {
            self.occupied = rng.chance(arrival::share_taken(site.land_use, second_of_week));
        } else if at >= self.next_change {
            self.occupied = !self.occupied;
        }
        if first || at >= self.next_change {
            let wait = if self.occupied {
                let stay = arrival::stay_s(site.land_use, &mut rng);
                // Who is there at the start has been there for a part of the stay.
                if first { stay * rng.unit() } else { stay }
            } else {
                arrival::next_arrival_s(site.land_use, second_of_week, &mut rng).max(VACANT_MIN_S)
            };
            self.next_change = after(at, wait);
        }
        // Heartbeats of a city do not come in step: the first falls anywhere into the interval.
        let heartbeat = f64::from(site.heartbeat_s);
        self.next_report = after(at, if first { heartbeat * rng.unit() } else { heartbeat });
        (self.payload(at, gateway, &mut rng), self.due())
    }

    fn payload(&self, at: Timestamp, gateway: usize, rng: &mut Rng) -> String {
        let state = if self.occupied { "occupied" } else { "vacant" };
        // A cell of 3.6 V that loses a millivolt in a hundred reports, from a level of its own.
        let battery_mv = 3_650 - (self.device % 400) as i64 - i64::from(self.reports / 100);
        let rssi_dbm = -70 - (self.device % 41) as i64 - rng.below(8) as i64;
        let snr_db = rng.below(160) as f64 / 10.0 - 6.0;
        let mut text = String::with_capacity(160);
        let _ = write!(
            text,
            "{{\"ts\":{},\"state\":\"{state}\",\"seq\":{},\"battery_mv\":{battery_mv},\"rssi_dbm\":{rssi_dbm},\"snr_db\":{snr_db:.1},\
             \"gateway\":\"gw-{:02}\"}}",
            at.as_micros() / 1_000,
            self.reports,
            gateway + 1,
        );
        text
    }
}
