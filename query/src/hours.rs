//! Opening hours as OpenStreetMap writes them, on the city's clock.
//!
//! Holidays (`PH`) and sunrise are not known here: rules that need them never hold.

use std::sync::Arc;

use arrow::temporal_conversions::timestamp_us_to_datetime;
use domain::Timestamp;
use domain::time::MICROS_PER_SECOND;
use opening_hours::{OpeningHours, RuleKind};

use crate::city::City;

/// When a site takes vehicles.
#[derive(Clone)]
pub enum Opening {
    /// It says nothing of hours.
    Always,
    Hours(Arc<OpeningHours>),
    /// The text is of no known syntax: the driver has to read it.
    Unreadable,
}

impl Opening {
    pub fn of(text: &str) -> Self {
        text.parse().map_or(Self::Unreadable, |hours| Self::Hours(Arc::new(hours)))
    }

    /// `None` where that cannot be told.
    pub fn is_open(&self, at: Timestamp, city: &City) -> Option<bool> {
        match self {
            Self::Always => Some(true),
            Self::Unreadable => None,
            Self::Hours(hours) => {
                let instant = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
                let local = at.as_micros() + i64::from(city.zone.to_offset(instant).seconds()) * MICROS_PER_SECOND;
                // The crate wants the date-time without a zone of another crate, which arrow makes as well.
                match hours.state(timestamp_us_to_datetime(local)?).0 {
                    RuleKind::Open => Some(true),
                    RuleKind::Closed => Some(false),
                    RuleKind::Unknown => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::registry::CityOptions;

    use super::*;

    fn open(text: &str, at: &str) -> Option<bool> {
        let city = City::new(CityOptions::default()).expect("the default zone exists");
        Opening::of(text).is_open(Timestamp::parse_rfc3339(at).expect("valid"), &city)
    }

    #[test]
    fn hours_are_on_the_citys_clock() {
        let weekdays = "Mo-Fr 07:00-22:00";
        assert_eq!(open(weekdays, "2026-11-24T00:00:00Z"), Some(true), "07:00 in Hanoi");
        assert_eq!(open(weekdays, "2026-11-23T23:59:59Z"), Some(false));
        assert_eq!(open(weekdays, "2026-11-24T15:00:00Z"), Some(false), "22:00");
        assert_eq!(open(weekdays, "2026-11-28T03:00:00Z"), Some(false), "a Saturday");
        assert_eq!(open("Mo-Su 18:00-02:00", "2026-11-24T18:30:00Z"), Some(true), "01:30 of the next day");
        assert_eq!(open("24/7", "2026-11-24T18:30:00Z"), Some(true));
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        assert_eq!(open("when the gate is up", "2026-11-24T00:00:00Z"), None);
        assert_eq!(open("24/7 unknown \"ask the guard\"", "2026-11-24T00:00:00Z"), None);
    }
}
