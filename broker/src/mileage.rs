//! How many bytes, and since when, the journal holds back for a cursor.
//!
//! A coarse table of positions, sampled as records pass: exact enough for limits of gigabytes and days.

use std::collections::VecDeque;

use domain::{Position, Timestamp};
use parking_lot::Mutex;

#[derive(Default)]
pub struct Mileage(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    bytes: u64,
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy)]
struct Sample {
    position: Position,
    at: Timestamp,
    /// Passed up to here.
    bytes: u64,
}

/// What a cursor holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    pub bytes: u64,
    /// When the oldest of it came; `None` when there is nothing.
    pub since: Option<Timestamp>,
}

const SAMPLE_BYTES: u64 = 1024 * 1024;
const SAMPLES_MAX: usize = 8_192;

impl Mileage {
    /// Records up to `position` passed, `bytes` of them since the last call.
    pub fn passed(&self, position: Position, at: Timestamp, bytes: u64) {
        let mut inner = self.0.lock();
        inner.bytes += bytes;
        let total = inner.bytes;
        let is_due =
            inner.samples.back().is_none_or(|last| total - last.bytes >= SAMPLE_BYTES || at.micros_since(last.at) >= 60_000_000);
        if !is_due {
            return;
        }
        if inner.samples.len() >= SAMPLES_MAX {
            inner.thin_out();
        }
        inner.samples.push_back(Sample { position, at, bytes: total });
    }

    pub fn behind(&self, cursor: Position, head: Position) -> Backlog {
        if cursor >= head {
            return Backlog::default();
        }
        let inner = self.0.lock();
        let passed = inner.samples.partition_point(|sample| sample.position <= cursor);
        let before = passed.checked_sub(1).map_or(0, |at| inner.samples[at].bytes);
        let since = inner.samples.get(passed).or(inner.samples.back()).map(|sample| sample.at);
        Backlog { bytes: inner.bytes - before, since }
    }
}

impl Inner {
    fn thin_out(&mut self) {
        let mut index = 0;
        self.samples.retain(|_| {
            index += 1;
            index % 2 == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_back_what_passed_after_it() {
        let mileage = Mileage::default();
        for step in 1..=10u64 {
            mileage.passed(Position(step * 100), Timestamp::from_micros(step as i64), SAMPLE_BYTES);
        }
        let head = Position(1_000);
        assert_eq!(mileage.behind(head, head), Backlog::default());
        assert_eq!(
            mileage.behind(Position(300), head),
            Backlog { bytes: 7 * SAMPLE_BYTES, since: Some(Timestamp::from_micros(4)) }
        );
        assert_eq!(mileage.behind(Position(0), head).bytes, 10 * SAMPLE_BYTES);
    }

    #[test]
    fn the_table_stays_small() {
        let mileage = Mileage::default();
        for step in 1..=30_000u64 {
            mileage.passed(Position(step), Timestamp::from_micros(step as i64), SAMPLE_BYTES);
        }
        assert!(mileage.0.lock().samples.len() <= SAMPLES_MAX);
        let backlog = mileage.behind(Position(15_000), Position(30_000)).bytes / SAMPLE_BYTES;
        assert!((14_900..15_100).contains(&backlog), "{backlog}");
    }
}
