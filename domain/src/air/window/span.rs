//! Where windows begin and end in a zone: hours by its offset from UTC, days, months and years by its calendar.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::time::{MICROS_PER_SECOND, Timestamp};

/// Base windows of equal length.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    length_s: i64,
    zone: TimeZone,
}

impl Grid {
    /// Hours of a zone's clocks.
    pub fn hours(zone: TimeZone) -> Self {
        Self { length_s: 3_600, zone }
    }

    pub fn minutes(zone: TimeZone) -> Self {
        Self { length_s: 60, zone }
    }

    pub const fn length_s(&self) -> i64 {
        self.length_s
    }

    pub fn start_of(&self, at: Timestamp) -> Timestamp {
        let (length, offset) = (self.length_s * MICROS_PER_SECOND, offset_micros(&self.zone, at));
        Timestamp::from_micros((at.as_micros() + offset).div_euclid(length) * length - offset)
    }

    pub fn end_of(&self, start: Timestamp) -> Timestamp {
        Timestamp::from_micros(start.as_micros() + self.length_s * MICROS_PER_SECOND)
    }
}

/// Whether clocks of two zones show the same minute all through [from, to): hours begin together then.
pub fn share_hours(one: &TimeZone, other: &TimeZone, from: Timestamp, to: Timestamp) -> bool {
    let shared = |at: Timestamp| (offset_micros(one, at) - offset_micros(other, at)) % (3_600 * MICROS_PER_SECOND) == 0;
    let changes = |zone: &'_ TimeZone| {
        let later = zone.following(instant(from)).map(|change| Timestamp::from_micros(change.timestamp().as_microsecond()));
        later.take_while(|at| *at < to).all(shared)
    };
    shared(from) && changes(one) && changes(other)
}

fn offset_micros(zone: &TimeZone, at: Timestamp) -> i64 {
    i64::from(zone.to_offset(instant(at)).seconds()) * MICROS_PER_SECOND
}

fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// The local date of an instant.
pub fn date_of(zone: &TimeZone, at: Timestamp) -> Date {
    zone.to_datetime(instant(at)).date()
}

/// The first instant of a local date.
pub fn start_of_date(zone: &TimeZone, date: Date) -> Timestamp {
    let first = date.to_zoned(zone.clone()).map(|first| first.timestamp().as_microsecond());
    Timestamp::from_micros(first.unwrap_or(i64::MAX))
}

/// The first date of the next month, or year.
pub fn after_month(date: Date) -> Date {
    date.first_of_month().checked_add(1.month()).unwrap_or(Date::MAX)
}

pub fn after_year(date: Date) -> Date {
    date.first_of_year().checked_add(1.year()).unwrap_or(Date::MAX)
}

pub fn after_day(date: Date) -> Date {
    date.tomorrow().unwrap_or(Date::MAX)
}
