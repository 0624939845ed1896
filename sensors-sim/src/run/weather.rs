//! The air over the city as a function of time and place: the same instant gives the same air, however often it is asked.
//!
//! A slow background (days), the hours of the day, the traffic nearby and fast noise multiply. Levels are those of Hanoi's winter and summer
//! in size; the shapes (rush hours, ozone against nitrogen dioxide, humidity against temperature) are those of any city. PM1 ≤ PM2.5 ≤ PM10 by construction.

use domain::time::MICROS_PER_SECOND;
use domain::{Quantity, Timestamp};

use crate::calendar::Calendar;
use crate::chance::noise;

/// The air is one for the whole city but for what stands beside the station.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The city's seed.
    pub seed: u64,
    /// The station's own channel of noise.
    pub channel: u64,
    /// 0 (a park) to 1 (a crossing).
    pub traffic: f64,
    /// South of the equator the seasons are turned.
    pub south: bool,
}

/// Channels of noise that all stations share.
const BACKGROUND: u64 = 1;
const TEMPERATURE: u64 = 2;
const WIND: u64 = 3;
const PRESSURE: u64 = 4;
const HUMIDITY: u64 = 5;
/// A station's own channels begin above these.
const OWN: u64 = 1_000;

const YEAR_S: f64 = 365.2425 * 86_400.0;

/// What all quantities of one instant are made from.
struct Hour {
    /// Seconds since 1970.
    seconds: f64,
    /// 0 to 24, local.
    of_day: f64,
    weekend: bool,
    /// 1 in mid-winter, −1 in mid-summer.
    winter: f64,
}

/// The value of a quantity at an instant, in its canonical unit.
pub fn value(place: Place, quantity: Quantity, at: Timestamp, calendar: &Calendar) -> f64 {
    let seconds = at.as_micros() as f64 / MICROS_PER_SECOND as f64;
    let turn = if place.south { 0.5 } else { 0.0 };
    let winter = (std::f64::consts::TAU * (seconds / YEAR_S - 15.0 / 365.0 + turn)).cos();
    let hour = Hour { seconds, of_day: calendar.hour_of_day(at), weekend: calendar.is_weekend(at), winter };
    place.quantity(quantity, &hour)
}

impl Place {
    fn quantity(self, quantity: Quantity, hour: &Hour) -> f64 {
        let own = |n: u64| noise(self.seed, OWN + self.channel * 16 + n, hour.seconds / 60.0);
        match quantity {
            Quantity::Pm1 => self.pm25(hour) * (0.7 + 0.05 * own(0)),
            Quantity::Pm25 => self.pm25(hour),
            Quantity::Pm10 => self.pm25(hour) + (6.0 + 18.0 * self.rush(hour)) * (1.0 + 0.3 * own(1)),
            Quantity::No2 => self.no2(hour),
            Quantity::No => self.no2(hour) * (0.15 + 0.4 * self.rush(hour)),
            Quantity::O3 => {
                (20.0 + 130.0 * sun(hour.of_day) * (1.0 - 0.3 * hour.winter) - 0.35 * self.no2(hour)).max(2.0)
                    * (1.0 + 0.04 * own(2))
            }
            Quantity::So2 => 8.0 * self.background(hour) * (1.0 + 0.2 * own(3)),
            Quantity::Co => (350.0 * self.background(hour) + 1_100.0 * self.rush(hour)) * (1.0 + 0.05 * own(4)),
            Quantity::Co2 => 425.0 + 60.0 * self.rush(hour) + 3.0 * own(5),
            Quantity::NoiseDb => 48.0 + 24.0 * self.rush(hour).sqrt() + 2.0 * own(6),
            Quantity::TempC => self.temperature(hour) + 0.2 * own(7),
            Quantity::RhPct => self.humidity(hour),
            Quantity::PressureHpa => 1_011.0 + 7.0 * hour.winter + 4.0 * noise(self.seed, PRESSURE, hour.seconds / 200_000.0),
            Quantity::WindMps => self.wind(hour) * (1.0 + 0.25 * own(8)),
            Quantity::WindDeg => {
                (135.0 - 90.0 * hour.winter + 60.0 * noise(self.seed, WIND + 100, hour.seconds / 20_000.0)).rem_euclid(360.0)
            }
            Quantity::RainMm => (noise(self.seed, HUMIDITY, hour.seconds / 9_000.0) - 0.8).max(0.0) * 3.0,
        }
    }

    /// Stagnant and washed-out days: about 0.4 to 2.5, higher in winter and with little wind.
    fn background(self, hour: &Hour) -> f64 {
        let slow = noise(self.seed, BACKGROUND, hour.seconds / 250_000.0);
        let faster = noise(self.seed, BACKGROUND + 100, hour.seconds / 40_000.0);
        (0.45 * slow + 0.25 * faster + 0.35 * hour.winter).exp()
    }

    /// Traffic by the hour, 0 to about 1.
    fn rush(self, hour: &Hour) -> f64 {
        let bell = |at: f64, width: f64| (-((hour.of_day - at) / width).powi(2) / 2.0).exp();
        let day = bell(8.0, 1.3) + bell(17.8, 1.6) + 0.5 * bell(13.0, 4.0);
        let local = 1.0 + 0.15 * noise(self.seed, OWN + self.channel * 16 + 9, hour.seconds / 600.0);
        (if hour.weekend { 0.6 } else { 1.0 }) * day.min(1.0) * (0.25 + 0.75 * self.traffic) * local
    }

    fn pm25(self, hour: &Hour) -> f64 {
        // The night's shallow air holds more than the afternoon's.
        let mixing = 1.0 + 0.3 * (std::f64::consts::TAU * (hour.of_day - 5.0) / 24.0).cos();
        let local = 1.0 + 0.12 * noise(self.seed, OWN + self.channel * 16 + 10, hour.seconds / 900.0);
        let fast = 1.0 + 0.05 * noise(self.seed, OWN + self.channel * 16 + 11, hour.seconds / 60.0);
        (26.0 * self.background(hour) * mixing + 14.0 * self.rush(hour)) * local * fast
    }

    fn no2(self, hour: &Hour) -> f64 {
        (9.0 + 12.0 * self.background(hour) + 55.0 * self.rush(hour)) * (1.0 - 0.35 * sun(hour.of_day))
    }

    fn temperature(self, hour: &Hour) -> f64 {
        24.0 - 6.5 * hour.winter
            + 3.5 * (std::f64::consts::TAU * (hour.of_day - 14.5) / 24.0).cos()
            + 2.5 * noise(self.seed, TEMPERATURE, hour.seconds / 150_000.0)
    }

    fn humidity(self, hour: &Hour) -> f64 {
        let warmer = self.temperature(hour) - (24.0 - 6.5 * hour.winter);
        (78.0 - 3.5 * warmer + 8.0 * noise(self.seed, HUMIDITY + 100, hour.seconds / 60_000.0)).clamp(20.0, 100.0)
    }

    fn wind(self, hour: &Hour) -> f64 {
        (1.8 + 0.8 * sun(hour.of_day) + 1.2 * noise(self.seed, WIND, hour.seconds / 30_000.0)).max(0.1)
    }
}

/// Height of the sun, 0 at night to 1 at noon.
fn sun(hour_of_day: f64) -> f64 {
    (std::f64::consts::PI * (hour_of_day - 6.0) / 12.0).sin().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { seed: 1, channel: 3, traffic: 0.8, south: false }
    }

    /// Every 20 minutes of two years.
    fn instants() -> impl Iterator<Item = Timestamp> {
        (0..52_560).map(|n| Timestamp::from_micros(1_700_000_000_000_000 + n * 1_200 * MICROS_PER_SECOND))
    }

    #[test]
    fn the_air_is_physically_possible_at_every_instant() {
        let hanoi = Calendar::new("Asia/Ho_Chi_Minh").expect("a known zone");
        for at in instants() {
            let of = |quantity| value(place(), quantity, at, &hanoi);
            assert!(0.0 < of(Quantity::Pm1) && of(Quantity::Pm1) <= of(Quantity::Pm25), "{at}");
            assert!(of(Quantity::Pm25) <= of(Quantity::Pm10) && of(Quantity::Pm10) < 600.0, "{at}");
            assert!((0.0..=100.0).contains(&of(Quantity::RhPct)) && (0.0..360.0).contains(&of(Quantity::WindDeg)), "{at}");
            assert!((0.0..50.0).contains(&of(Quantity::TempC)) && of(Quantity::WindMps) >= 0.0 && of(Quantity::O3) > 0.0, "{at}");
        }
    }

    #[test]
    fn nitrogen_dioxide_peaks_in_the_rush_hour_and_ozone_at_noon() {
        let utc = Calendar::new("UTC").expect("a known zone");
        let mean = |quantity, hour: i64| {
            let at = |day: i64| Timestamp::from_micros((day * 86_400 + hour * 3_600) * MICROS_PER_SECOND);
            (19_000..19_365).map(|day| value(place(), quantity, at(day), &utc)).sum::<f64>() / 365.0
        };
        assert!(mean(Quantity::No2, 8) > 1.5 * mean(Quantity::No2, 3));
        assert!(mean(Quantity::O3, 12) > 3.0 * mean(Quantity::O3, 3));
    }
}
