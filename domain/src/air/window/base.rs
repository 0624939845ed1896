//! The base windows, an hour or a minute each: sums of samples by how long each sample covers.

use std::collections::BTreeMap;

use super::span::Grid;
use super::{Window, elapsed};
use crate::air::sample::{Remarks, Sample};
use crate::time::Timestamp;

/// Samples of one averaging time in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sums {
    /// Of each of its samples, seconds.
    pub weight_s: u32,
    pub w: u64,
    pub wv: f64,
    pub n: u64,
    pub min: f64,
    pub max: f64,
    pub remarks: Remarks,
    pub received_at: Timestamp,
}

impl Sums {
    fn of(sample: &Sample) -> Self {
        let (weight_s, value) = (sample.weight_s(), sample.value);
        Self {
            weight_s,
            w: u64::from(weight_s),
            wv: f64::from(weight_s) * value,
            n: 1,
            min: value,
            max: value,
            remarks: sample.remarks,
            received_at: sample.received_at,
        }
    }

    fn add(&mut self, more: &Self) {
        self.w += more.w;
        self.wv += more.wv;
        self.n += more.n;
        self.min = self.min.min(more.min);
        self.max = self.max.max(more.max);
        self.remarks = self.remarks.and(more.remarks);
        self.received_at = self.received_at.max(more.received_at);
    }

    /// The window [from, to) with these sums.
    pub(super) fn window(&self, from: Timestamp, to: Timestamp, as_of: Timestamp, min_coverage: f64) -> Window {
        let (seconds, is_over) = elapsed(from, to, as_of);
        let w = self.w as f64;
        let is_enough = w / seconds >= min_coverage;
        Window {
            from,
            to,
            value: (is_enough || !is_over).then(|| self.wv / w),
            coverage: if seconds > 0.0 { (w / seconds).min(1.0) } else { 0.0 },
            valid: is_enough && is_over,
            n: self.n,
            min: Some(self.min),
            max: Some(self.max),
            remarks: self.remarks,
            received_at: Some(self.received_at),
        }
    }
}

/// The base windows of one station, quantity and layer, and the samples that are too long for them.
#[derive(Clone, Debug)]
pub struct Base {
    pub(super) grid: Grid,
    /// By the window's start; the shortest averaging time first.
    windows: BTreeMap<Timestamp, Vec<Sums>>,
    /// By their middle.
    longer: BTreeMap<Timestamp, Vec<Sample>>,
}

impl Base {
    pub fn new(grid: Grid) -> Self {
        Self { grid, windows: BTreeMap::new(), longer: BTreeMap::new() }
    }

    /// Samples come in the order of their time.
    pub fn take(&mut self, sample: &Sample) {
        if i64::from(sample.avg_s) > self.grid.length_s() {
            self.longer.entry(sample.middle()).or_default().push(*sample);
            return;
        }
        let sums = self.windows.entry(self.grid.start_of(sample.middle())).or_default();
        let more = Sums::of(sample);
        match sums.binary_search_by_key(&more.weight_s, |sums| sums.weight_s) {
            Ok(place) => sums[place].add(&more),
            Err(place) => sums.insert(place, more),
        }
    }

    /// The base window that begins at `from`.
    pub fn window(&self, from: Timestamp, as_of: Timestamp, min_coverage: f64) -> Window {
        let to = self.grid.end_of(from);
        let shortest = self.windows.get(&from).and_then(|sums| sums.first());
        shortest.map_or(Window::empty(from, to), |sums| sums.window(from, to, as_of, min_coverage))
    }

    /// Starts of windows with samples in [from, to).
    pub(super) fn starts(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        self.windows.range(from..to).map(|(start, _)| *start)
    }

    /// Of the samples that are longer than a base window and no longer than `length_s`, those with the shortest averaging time.
    pub(super) fn longer(&self, from: Timestamp, to: Timestamp, length_s: i64) -> Option<Sums> {
        let fitting = || {
            let within = self.longer.range(from..to).flat_map(|(_, samples)| samples);
            within.filter(|sample| i64::from(sample.avg_s) <= length_s)
        };
        let shortest = fitting().map(|sample| sample.avg_s).min()?;
        let mut found = fitting().filter(|sample| sample.avg_s == shortest).map(Sums::of);
        let first = found.next()?;
        Some(found.fold(first, |mut sum, more| {
            sum.add(&more);
            sum
        }))
    }
}
