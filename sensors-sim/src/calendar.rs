//! Local time as the city's people live it: hour of the week, day of the year, the start of an hour.

use domain::Timestamp;
use domain::time::MICROS_PER_SECOND;
use jiff::tz::TimeZone;

use crate::error::Error;

pub const SECONDS_PER_WEEK: i64 = 7 * 86_400;

/// A time zone by IANA name, or a fixed offset (`+07:00`).
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    pub fn new(zone: &str) -> Result<Self, Error> {
        let found = fixed_offset(zone).map_or_else(|| TimeZone::get(zone), Ok);
        found.map(|zone| Self { zone }).map_err(|error| Error::Options(format!("time zone {zone:?}: {error}")))
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Seconds since local Monday 00:00.
    pub fn second_of_week(&self, at: Timestamp) -> i64 {
        // 1970-01-01 was a Thursday, three days after a Monday.
        (self.local_seconds(at) + 3 * 86_400).rem_euclid(SECONDS_PER_WEEK)
    }

    /// Hour of the local day with its fraction, 0 to 24.
    pub fn hour_of_day(&self, at: Timestamp) -> f64 {
        self.local_seconds(at).rem_euclid(86_400) as f64 / 3_600.0
    }

    /// The last start of a local hour at or before `at`.
    pub fn hour_start(&self, at: Timestamp) -> Timestamp {
        let into = self.local_seconds(at).rem_euclid(3_600);
        Timestamp::from_micros((at.as_micros().div_euclid(MICROS_PER_SECOND) - into) * MICROS_PER_SECOND)
    }

    /// Saturday or Sunday.
    pub fn is_weekend(&self, at: Timestamp) -> bool {
        self.second_of_week(at) >= 5 * 86_400
    }

    fn local_seconds(&self, at: Timestamp) -> i64 {
        let seconds = at.as_micros().div_euclid(MICROS_PER_SECOND);
        let offset = jiff::Timestamp::from_second(seconds).map_or(0, |instant| self.zone.to_offset(instant).seconds());
        seconds + i64::from(offset)
    }
}

/// `+HH:MM` or `-HH:MM`.
fn fixed_offset(text: &str) -> Option<TimeZone> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = sign * (hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60);
    jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_begins_on_local_monday() {
        let hanoi = Calendar::new("Asia/Ho_Chi_Minh").expect("a known zone");
        let monday = Timestamp::parse_rfc3339("2026-11-23T00:00:00+07:00").expect("valid");
        assert_eq!(hanoi.second_of_week(monday), 0);
        assert!((hanoi.hour_of_day(Timestamp::parse_rfc3339("2026-11-23T00:30:00Z").expect("valid")) - 7.5).abs() < 1e-9);
    }

    #[test]
    fn an_hour_starts_where_the_local_clock_says() {
        let kathmandu = Calendar::new("+05:45").expect("a fixed offset");
        let at = Timestamp::parse_rfc3339("2026-11-24T12:10:00+05:45").expect("valid");
        assert_eq!(kathmandu.hour_start(at), Timestamp::parse_rfc3339("2026-11-24T12:00:00+05:45").expect("valid"));
    }
}
