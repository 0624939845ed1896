//! One station: minute means of what it measures; at the start the hours of the last day and the minutes of the last hour.

use std::fmt::Write as _;
use std::time::Duration;

use domain::{Quantity, Timestamp};

use super::weather::{self, Place};
use super::{after, millisecond};
use crate::chance;
use crate::city::{City, Station};

/// Full hours told at the start: what a daily mean needs.
const BACKLOG_HOURS: u32 = 24;
const HOUR: Duration = Duration::from_secs(3_600);
/// Instants from which an hourly mean is taken.
const SAMPLES_PER_HOUR: u32 = 12;

pub struct AirProcess {
    place_channel: u64,
    seed: u64,
    next: Timestamp,
    reports: u32,
}

impl AirProcess {
    pub fn start(seed: u64, device: u64, from: Timestamp, spread: Duration) -> Self {
        let first = after(from, chance::draws(seed, device, 0).unit() * spread.as_secs_f64());
        Self { place_channel: device, seed, next: first, reports: 0 }
    }

    pub fn due(&self) -> Timestamp {
        self.next
    }

    pub fn step(&mut self, city: &City, index: usize, at: Timestamp, gateway: usize) -> (String, Timestamp) {
        let station = &city.stations[index];
        let place = Place {
            seed: self.seed,
            channel: self.place_channel,
            traffic: station.traffic,
            south: city.options().center_lat < 0.0,
        };
        let writer = Writer { city, station, place, gateway };
        let first = self.reports == 0;
        let interval = Duration::from_secs(u64::from(station.interval_s));
        let payload = if first { self.backlog(&writer, at, interval) } else { self.minute(&writer, at) };
        self.next = millisecond(at).plus(interval);
        (payload, self.next)
    }

    fn minute(&mut self, writer: &Writer<'_>, at: Timestamp) -> String {
        self.reports += 1;
        writer.element(at, writer.station.interval_s, self.reports, |quantity| writer.at(quantity, at))
    }

    /// An array: full hours up to an hour ago, then the minutes up to now.
    fn backlog(&mut self, writer: &Writer<'_>, at: Timestamp, interval: Duration) -> String {
        let minutes = (HOUR.as_secs() / interval.as_secs().max(1)) as u32;
        let first_minute = at.minus(HOUR);
        let last_hour = writer.city.calendar().hour_start(first_minute);
        let hours = (0..BACKLOG_HOURS).rev().map(|n| last_hour.minus(HOUR * n));
        let mut elements = Vec::new();
        for end in hours {
            self.reports += 1;
            elements.push(writer.element(end, HOUR.as_secs() as u32, self.reports, |quantity| writer.hourly_mean(quantity, end)));
        }
        for n in (0..minutes).rev() {
            elements.push(self.minute(writer, millisecond(at).minus(interval * n)));
        }
        format!("[{}]", elements.join(","))
    }
}

/// What is the same for all readings of one step.
struct Writer<'a> {
    city: &'a City,
    station: &'a Station,
    place: Place,
    gateway: usize,
}

impl Writer<'_> {
    fn at(&self, quantity: Quantity, at: Timestamp) -> f64 {
        weather::value(self.place, quantity, at, self.city.calendar())
    }

    fn hourly_mean(&self, quantity: Quantity, end: Timestamp) -> f64 {
        let step = HOUR / SAMPLES_PER_HOUR;
        let sum: f64 = (0..SAMPLES_PER_HOUR).map(|n| self.at(quantity, end.minus(step * n))).sum();
        sum / f64::from(SAMPLES_PER_HOUR)
    }

    fn element(&self, ts: Timestamp, avg_s: u32, seq: u32, value: impl Fn(Quantity) -> f64) -> String {
        let mut text = String::with_capacity(256);
        let _ = write!(text, "{{\"ts\":{},\"avg_s\":{avg_s},\"seq\":{seq}", ts.as_micros() / 1_000);
        for quantity in self.station.class.measures() {
            let _ = write!(text, ",\"{}\":{:.1}", quantity.name(), value(*quantity));
        }
        let _ = write!(text, ",\"gateway\":\"gw-{:02}\"}}", self.gateway + 1);
        text
    }
}
