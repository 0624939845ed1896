//! Chance by address: what a device draws at its n-th event depends on (seed, device, n) and on nothing else.
//!
//! A million devices need no generator each, and adding a device or a draw shifts nothing for the others.

use domain::rng::Rng;

/// The generator of one event of one device.
pub fn draws(seed: u64, device: u64, event: u64) -> Rng {
    Rng::from_seed(mix(mix(mix(seed) ^ device) ^ event))
}

/// Smooth noise in [−1, 1] around 0 that is a function of `x` alone: cosine interpolation between drawn values at the whole numbers.
pub fn noise(seed: u64, channel: u64, x: f64) -> f64 {
    let knot = x.floor();
    let turn = (1.0 - ((x - knot) * std::f64::consts::PI).cos()) / 2.0;
    let left = value(seed, channel, knot as i64);
    let right = value(seed, channel, knot as i64 + 1);
    left + (right - left) * turn
}

fn value(seed: u64, channel: u64, knot: i64) -> f64 {
    let bits = mix(mix(mix(seed) ^ channel) ^ knot.cast_unsigned());
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_draws_the_same_whatever_the_others_do() {
        assert_eq!(draws(7, 3, 9).next_u64(), draws(7, 3, 9).next_u64());
        assert_ne!(draws(7, 3, 9).next_u64(), draws(7, 4, 9).next_u64());
        assert_ne!(draws(7, 3, 9).next_u64(), draws(7, 3, 10).next_u64());
    }

    #[test]
    fn noise_is_bounded_smooth_and_about_zero() {
        let values: Vec<f64> = (0..100_000).map(|i| noise(1, 2, f64::from(i) / 100.0)).collect();
        assert!(values.iter().all(|v| (-1.0..=1.0).contains(v)));
        assert!(values.windows(2).all(|w| (w[0] - w[1]).abs() < 0.04));
        assert!((values.iter().sum::<f64>() / values.len() as f64).abs() < 0.05);
    }
}
