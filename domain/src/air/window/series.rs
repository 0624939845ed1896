//! From base windows to the buckets that are asked for.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::base::Base;
use super::span::{Grid, after_day, after_month, after_year, date_of, start_of_date};
use super::{Window, elapsed};
use crate::air::sample::Remarks;
use crate::time::{MICROS_PER_SECOND, Timestamp};

/// How long a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    Minute,
    Hour,
    /// Running, one an hour: the eight hours that end with it.
    Hours8,
    Day,
    Month,
    Year,
}

/// What months and years are the mean of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    Days,
    Hours,
}

const HOUR: i64 = 3_600 * MICROS_PER_SECOND;
const HOURS_8: usize = 8;
const DAY_S: i64 = 86_400;

/// Questions about one station, quantity and layer.
pub struct Series<'a> {
    pub base: &'a Base,
    /// Of days, months and years.
    pub zone: &'a TimeZone,
    pub basis: Basis,
    pub min_coverage: f64,
    pub as_of: Timestamp,
}

impl Bucket {
    pub const ALL: [Self; 6] = [Self::Minute, Self::Hour, Self::Hours8, Self::Day, Self::Month, Self::Year];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::Hour => "1h",
            Self::Hours8 => "8h",
            Self::Day => "24h",
            Self::Month => "1mo",
            Self::Year => "1y",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| bucket.name() == name)
    }

    /// The buckets that reach into [from, to), in order, as [start, end); of running ones those that end with an hour in it. `None`: they
    /// are more than `most`. `base`: of the grid that the bucket is made of.
    pub fn spans(
        self,
        base: &Grid,
        zone: &TimeZone,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Option<Vec<(Timestamp, Timestamp)>> {
        let mut spans = Vec::new();
        if to <= from {
            return Some(spans);
        }
        let first = date_of(zone, from);
        let (mut start, mut date) = match self {
            Self::Minute | Self::Hour | Self::Hours8 => (base.start_of(from), first),
            Self::Day => (start_of_date(zone, first), first),
            Self::Month => (start_of_date(zone, first.first_of_month()), first.first_of_month()),
            Self::Year => (start_of_date(zone, first.first_of_year()), first.first_of_year()),
        };
        while start < to {
            let next = match self {
                Self::Minute | Self::Hour | Self::Hours8 => base.end_of(start),
                Self::Day | Self::Month | Self::Year => {
                    date = self.after(date);
                    start_of_date(zone, date)
                }
            };
            if spans.len() >= most {
                return None;
            }
            // The calendar ends.
            if next <= start {
                break;
            }
            let begin = if self == Self::Hours8 { hours_before(next, HOURS_8) } else { start };
            spans.push((begin, next));
            start = next;
        }
        Some(spans)
    }

    fn after(self, date: Date) -> Date {
        match self {
            Self::Month => after_month(date),
            Self::Year => after_year(date),
            _ => after_day(date),
        }
    }
}

fn hours_before(end: Timestamp, hours: usize) -> Timestamp {
    Timestamp::from_micros(end.as_micros() - hours as i64 * HOUR)
}

impl Series<'_> {
    pub const fn grid(&self) -> &Grid {
        &self.base.grid
    }

    /// One of the bucket's [spans](Bucket::spans).
    pub fn window(&self, bucket: Bucket, from: Timestamp, to: Timestamp) -> Window {
        match bucket {
            Bucket::Minute | Bucket::Hour => self.base.window(from, self.as_of, self.min_coverage),
            Bucket::Hours8 => self.of_hours(from, to, HOURS_8 as i64 * 3_600),
            Bucket::Day => self.of_hours(from, to, DAY_S),
            Bucket::Month | Bucket::Year if self.basis == Basis::Hours => self.of_hours(from, to, seconds(from, to)),
            Bucket::Month | Bucket::Year => self.of_days(from, to),
        }
    }

    /// Of each hour in [from, to) the valid mean, in order.
    pub fn valid_hours(&self, from: Timestamp, to: Timestamp) -> Vec<Option<f64>> {
        let starts = hours(from, to);
        starts.map(|start| self.base.window(start, self.as_of, self.min_coverage).valid_value()).collect()
    }

    /// `length_s`: the longest averaging time that it takes.
    fn of_hours(&self, from: Timestamp, to: Timestamp, length_s: i64) -> Window {
        if self.base.starts(from, to).next().is_none() {
            return self.of_longer(from, to, length_s);
        }
        // Hours without samples are no part of it: only those that have any are looked at.
        let parts = self.base.starts(from, to).map(|start| self.base.window(start, self.as_of, self.min_coverage));
        self.mean(from, to, parts, to.micros_since(from) as f64 / HOUR as f64)
    }

    fn of_days(&self, from: Timestamp, to: Timestamp) -> Window {
        if self.base.starts(from, to).next().is_none() {
            return self.of_longer(from, to, seconds(from, to));
        }
        let days = Bucket::Day.spans(&self.base.grid, self.zone, from, to, usize::MAX).unwrap_or_default();
        let count = days.len() as f64;
        self.mean(from, to, days.into_iter().map(|(start, end)| self.of_hours(start, end, DAY_S)), count)
    }

    fn of_longer(&self, from: Timestamp, to: Timestamp, length_s: i64) -> Window {
        let sums = self.base.longer(from, to, length_s);
        sums.map_or(Window::empty(from, to), |sums| sums.window(from, to, self.as_of, self.min_coverage))
    }

    /// Mean of the valid ones of its parts, which are `of` when it is over.
    fn mean(&self, from: Timestamp, to: Timestamp, parts: impl Iterator<Item = Window>, of: f64) -> Window {
        let (mut window, mut sum) = (Window::empty(from, to), 0.0);
        let mut remarks = Remarks::NONE;
        for part in parts {
            remarks = remarks.and(part.remarks);
            window.received_at = window.received_at.max(part.received_at);
            let Some(value) = part.valid_value() else {
                continue;
            };
            sum += value;
            window.n += 1;
            window.min = Some(window.min.map_or(value, |min| min.min(value)));
            window.max = Some(window.max.map_or(value, |max| max.max(value)));
        }
        let (elapsed_s, is_over) = elapsed(from, to, self.as_of);
        let whole_s = to.micros_since(from) as f64 / MICROS_PER_SECOND as f64;
        let parts = if is_over { of } else { of * elapsed_s / whole_s };
        // The quotient is rounded as the share that was asked for is, a product would not be.
        let is_enough = window.n > 0 && window.n as f64 / parts >= self.min_coverage;
        window.remarks = remarks;
        window.coverage = if parts > 0.0 { (window.n as f64 / parts).min(1.0) } else { 0.0 };
        window.value = (window.n > 0 && (is_enough || !is_over)).then(|| sum / window.n as f64);
        window.valid = is_enough && is_over;
        window
    }
}

fn hours(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
    let count = to.micros_since(from) / HOUR;
    (0..count).map(move |hour| Timestamp::from_micros(from.as_micros() + hour * HOUR))
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.micros_since(from) / MICROS_PER_SECOND
}
