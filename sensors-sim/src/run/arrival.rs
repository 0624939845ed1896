//! When people come and how long they stay.
//!
//! A day curve gives the share of places taken, by hour of the week and land use. Arrivals at a free place are a Poisson process whose rate
//! follows it: with share ρ and mean stay T the rate λ = ρ / ((1 − ρ)·T) holds the balance. Stays are log-normal, as measured ones are
//! (many short, few very long). Curves are invented in the shape that such uses have.

use domain::rng::Rng;

use crate::calendar::SECONDS_PER_WEEK;
use crate::city::LandUse;

/// Percent of places taken, by hour of the day.
type Day = [u8; 24];

struct Curve {
    weekday: Day,
    weekend: Day,
    mean_stay_s: f64,
}

/// Standard deviation of the logarithm of a stay.
const STAY_SIGMA: f64 = 0.8;
const STAY_MIN_S: f64 = 45.0;

const OFFICE: Curve = Curve {
    weekday: [8, 7, 6, 6, 7, 12, 30, 62, 85, 92, 93, 90, 80, 82, 90, 91, 86, 65, 38, 25, 18, 14, 11, 9],
    weekend: [7, 6, 6, 5, 5, 6, 8, 12, 18, 24, 27, 27, 24, 23, 24, 23, 21, 18, 16, 15, 13, 11, 9, 8],
    mean_stay_s: 4.0 * 3_600.0,
};
const SHOP: Curve = Curve {
    weekday: [6, 4, 3, 3, 4, 8, 20, 38, 52, 64, 72, 78, 74, 66, 68, 74, 82, 90, 92, 86, 68, 42, 22, 11],
    weekend: [8, 5, 4, 3, 4, 8, 18, 34, 54, 72, 84, 90, 88, 84, 86, 90, 93, 95, 95, 90, 74, 50, 28, 14],
    mean_stay_s: 50.0 * 60.0,
};
const HOME: Curve = Curve {
    weekday: [93, 94, 94, 94, 93, 88, 74, 55, 42, 37, 36, 40, 44, 40, 38, 40, 46, 60, 74, 82, 87, 90, 92, 93],
    weekend: [93, 94, 94, 94, 94, 92, 87, 78, 68, 62, 60, 62, 65, 64, 62, 61, 62, 66, 72, 78, 84, 88, 91, 92],
    mean_stay_s: 7.0 * 3_600.0,
};
const LEISURE: Curve = Curve {
    weekday: [16, 10, 6, 4, 4, 8, 18, 26, 32, 36, 42, 56, 60, 48, 40, 42, 50, 64, 80, 90, 88, 74, 50, 30],
    weekend: [24, 16, 10, 6, 5, 8, 18, 30, 46, 60, 70, 78, 80, 76, 74, 76, 82, 88, 94, 96, 94, 84, 62, 40],
    mean_stay_s: 110.0 * 60.0,
};

const fn curve(land_use: LandUse) -> &'static Curve {
    match land_use {
        LandUse::Office => &OFFICE,
        LandUse::Shop => &SHOP,
        LandUse::Home => &HOME,
        LandUse::Leisure => &LEISURE,
    }
}

/// Share of places taken, 0 to 1, at a second of the local week.
pub fn share_taken(land_use: LandUse, second_of_week: i64) -> f64 {
    let second = second_of_week.rem_euclid(SECONDS_PER_WEEK);
    let (day, hour) = (second / 86_400, (second % 86_400 / 3_600) as usize);
    let curve = curve(land_use);
    f64::from(if day < 5 { curve.weekday[hour] } else { curve.weekend[hour] }) / 100.0
}

/// Arrivals a second at one free place.
pub fn rate_per_s(land_use: LandUse, second_of_week: i64) -> f64 {
    let share = share_taken(land_use, second_of_week);
    share / ((1.0 - share) * mean_stay_s(land_use))
}

pub fn mean_stay_s(land_use: LandUse) -> f64 {
    curve(land_use).mean_stay_s
}

/// Seconds until somebody comes to a free place: an exponential of mean 1 walked along the rate, which is constant within an hour.
pub fn next_arrival_s(land_use: LandUse, second_of_week: i64, rng: &mut Rng) -> f64 {
    let mut left = rng.exponential(1.0);
    let mut waited = 0.0;
    let mut second = second_of_week;
    // Two weeks bound the walk; every curve brings somebody long before.
    for _ in 0..336 {
        let until_hour = (3_600 - second.rem_euclid(3_600)) as f64;
        let rate = rate_per_s(land_use, second);
        if left < rate * until_hour {
            return waited + left / rate;
        }
        left -= rate * until_hour;
        waited += until_hour;
        second += until_hour as i64;
    }
    waited
}

/// How long somebody stays, seconds.
pub fn stay_s(land_use: LandUse, rng: &mut Rng) -> f64 {
    // The mean of a log-normal is exp(μ + σ²/2).
    let mu = mean_stay_s(land_use).ln() - STAY_SIGMA * STAY_SIGMA / 2.0;
    rng.normal(mu, STAY_SIGMA).exp().max(STAY_MIN_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_have_the_mean_of_their_land_use() {
        let mut rng = Rng::from_seed(3);
        for land_use in LandUse::ALL {
            let mean = (0..20_000).map(|_| stay_s(land_use, &mut rng)).sum::<f64>() / 20_000.0;
            assert!((mean / mean_stay_s(land_use) - 1.0).abs() < 0.05, "{land_use:?}: {mean}");
        }
    }

    #[test]
    fn more_people_come_to_offices_in_the_morning_than_at_night() {
        let hour = |h: i64| rate_per_s(LandUse::Office, h * 3_600);
        assert!(hour(9) > 20.0 * hour(3));
    }

    #[test]
    fn the_wait_for_an_arrival_is_the_inverse_of_a_constant_rate() {
        let mut rng = Rng::from_seed(4);
        // Within the hour from 10:00 of a weekday the rate is constant; waits that leave the hour are few for shops.
        let waits: Vec<f64> = (0..20_000).map(|_| next_arrival_s(LandUse::Shop, 10 * 3_600, &mut rng)).collect();
        let rate = rate_per_s(LandUse::Shop, 10 * 3_600);
        let within = waits.iter().filter(|wait| **wait < 600.0).count() as f64 / 20_000.0;
        assert!((within - (1.0 - (-rate * 600.0).exp())).abs() < 0.02);
    }
}
