//! Seeded randomness: the only file that names a random number generator.
//!
//! One seed gives one sequence on every machine (ChaCha8, whose output is specified). Parts that draw independently are
//! given streams of their own, so that adding a draw in one does not shift the others.

use rand::{Rng as _, RngExt as _, SeedableRng as _, TryRng as _};
use rand_chacha::ChaCha8Rng;

/// Bytes of the machine's entropy for keys, salts and passwords: no part of any simulation.
pub fn secret<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // A machine without entropy makes keys that anybody can guess; stopping is all that is left.
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).expect("the machine has entropy");
    bytes
}

/// A reproducible source of chance.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    pub fn from_seed(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A generator from the machine's entropy, for ids that must differ between runs.
    pub fn from_entropy() -> Self {
        Self(rand::make_rng())
    }

    /// An independent sequence of the same seed, chosen by number.
    pub fn stream(&self, number: u64) -> Self {
        let mut child = self.0.clone();
        child.set_stream(number);
        child.set_word_pos(0);
        Self(child)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Uniform in [0, bound); 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.random_range(0..bound) }
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Normal with the given mean and standard deviation (Box–Muller).
    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + deviation * radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Exponential with the given mean: the wait to the next event of a Poisson process.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_streams_differ() {
        let root = Rng::from_seed(7);
        let draw = |mut rng: Rng| (0..4).map(|_| rng.next_u64()).collect::<Vec<_>>();
        assert_eq!(draw(root.clone()), draw(Rng::from_seed(7)));
        assert_eq!(draw(root.stream(1)), draw(root.stream(1)));
        assert_ne!(draw(root.stream(1)), draw(root.stream(2)));
    }
}
