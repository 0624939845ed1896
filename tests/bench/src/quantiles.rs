//! p50, p99 and the most of some durations, in microseconds.

use std::time::Duration;

use serde::Serialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    pub n: usize,
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl Quantiles {
    /// Nearest rank: the smallest value with at least that share of all at or below it.
    pub fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let at = |share: f64| {
            let rank = (share * durations.len() as f64).ceil().max(1.0) as usize;
            durations.get(rank - 1).map_or(0, |duration| duration.as_micros() as u64)
        };
        Self { n: durations.len(), p50_us: at(0.5), p99_us: at(0.99), max_us: at(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let quantiles = Quantiles::of((1..=200).rev().map(Duration::from_micros).collect());
        assert_eq!(quantiles, Quantiles { n: 200, p50_us: 100, p99_us: 198, max_us: 200 });
        assert_eq!(Quantiles::of(Vec::new()), Quantiles::default());
    }
}
