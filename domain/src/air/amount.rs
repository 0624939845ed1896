//! A concentration as a decimal number, to nine places: what tables print and texts of law cut.
//!
//! 0.0549 ppm is cut to 0.054 and a mean of 9.1 that was summed up to 9.099999999999998 is 9.1: binary fractions are rounded to the
//! billionth once, and from there on all is whole numbers. Means of values with three decimals lie much farther apart than that.

/// Billionths of the unit it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// Decimal places that are kept.
pub const PLACES: u32 = 9;

const ONE: f64 = 1e9;

impl Amount {
    pub const ZERO: Self = Self(0);

    /// To the nearest billionth; beyond nine billion either way, that; 0 for what is no number.
    pub fn of(value: f64) -> Self {
        Self((value * ONE).round() as i64)
    }

    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE
    }

    pub const fn billionths(self) -> i64 {
        self.0
    }

    /// The unit of the last of so many decimals.
    pub const fn step(decimals: u32) -> Self {
        Self(10_i64.pow(PLACES.saturating_sub(decimals)))
    }

    /// Cut after so many decimals, towards zero.
    pub const fn cut(self, decimals: u32) -> Self {
        let step = Self::step(decimals).0;
        Self(self.0 / step * step)
    }

    /// Rounded to so many decimals, halves up.
    pub const fn rounded(self, decimals: u32) -> Self {
        let step = Self::step(decimals).0;
        Self(self.0.saturating_add(step / 2).div_euclid(step) * step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_is_of_the_decimal_number_and_not_of_its_binary_neighbour() {
        for (value, decimals, cut) in [
            (54.9, 0, 54.0),
            (0.0549, 3, 0.054),
            (0.29, 2, 0.29),
            (1.005, 3, 1.005),
            (4.35, 2, 4.35),
            (9.099999999999998, 1, 9.1),
            (9.0999, 1, 9.0),
            (604.999, 0, 604.0),
            (-0.7, 0, 0.0),
        ] {
            assert_eq!(Amount::of(value).cut(decimals), Amount::of(cut), "{value} to {decimals}");
        }
    }

    #[test]
    fn a_mean_of_equal_values_is_that_value() {
        for tenths in 0..6_000 {
            let value = f64::from(tenths) / 10.0;
            let mean = [value; 24].iter().sum::<f64>() / 24.0;
            assert_eq!(Amount::of(mean).cut(1), Amount::of(value), "{value}");
        }
    }

    #[test]
    fn halves_are_rounded_up() {
        for (value, rounded) in [(44.5, 45.0), (44.499, 44.0), (-0.5, 0.0), (-0.51, -1.0)] {
            assert_eq!(Amount::of(value).rounded(0), Amount::of(rounded), "{value}");
        }
    }
}
