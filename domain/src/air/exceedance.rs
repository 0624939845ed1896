//! Means that lie above what a text of law allows, each as the text averages it.
//!
//! An hour and a day count by themselves, of the running means of eight hours the largest of each local day, of a year its mean. Only valid
//! means count, and a mean belongs to where it ends: by then it was known. Which text and which limit holds is asked for the last day of it.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::averaging::Averaging;
use super::limit::{Judgment, Limit, Limits};
use super::window::{Bucket, Series, Window, date_of, start_of_date};
use crate::quantity::Quantity;
use crate::time::{MICROS_PER_DAY, Timestamp};

/// One mean above its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Exceedance<'a> {
    pub text: &'a Limits,
    pub limit: &'a Limit,
    pub window: Window,
    pub judgment: Judgment,
}

/// The averagings that means are made of here.
pub const JUDGED: [Averaging; 4] = [Averaging::Hour, Averaging::Hours8, Averaging::Hours24, Averaging::Year];

/// Of one station and quantity, of the means that end in (from, to], by averaging and time.
pub struct Judge<'s, F> {
    /// The text in force on a day.
    pub text_on: F,
    pub quantity: Quantity,
    pub series: Series<'s>,
    pub reference_temperature_c: f64,
}

impl<'a, F: Fn(Date) -> Option<&'a Limits>> Judge<'_, F> {
    pub fn exceedances(&self, from: Timestamp, to: Timestamp) -> Vec<Exceedance<'a>> {
        JUDGED.into_iter().flat_map(|averaging| self.of(averaging, from, to)).collect()
    }

    fn of(&self, averaging: Averaging, from: Timestamp, to: Timestamp) -> Vec<Exceedance<'a>> {
        let bucket = match averaging {
            Averaging::Hour => Bucket::Hour,
            Averaging::Year => Bucket::Year,
            _ => Bucket::Day,
        };
        let spans = bucket.spans(self.series.grid(), self.series.zone, from, to, usize::MAX).unwrap_or_default();
        let ended = spans.into_iter().filter(|(_, end)| from < *end && *end <= to);
        ended.filter_map(|span| self.judged(averaging, bucket, span)).collect()
    }

    fn judged(&self, averaging: Averaging, bucket: Bucket, (from, to): (Timestamp, Timestamp)) -> Option<Exceedance<'a>> {
        let date = date_of(self.series.zone, Timestamp::from_micros(to.as_micros() - 1));
        let text = (self.text_on)(date)?;
        let limit = text.limit(self.quantity, averaging, date)?;
        let window = match averaging {
            Averaging::Hours8 => self.largest_of_eight(from, to)?,
            _ => self.series.window(bucket, from, to),
        };
        let judgment = text.judge(limit, window.valid_value()?, self.reference_temperature_c);
        judgment.is_exceeded.then_some(Exceedance { text, limit, window, judgment })
    }

    /// Of the running means that end in a day; the first of equal ones.
    fn largest_of_eight(&self, from: Timestamp, to: Timestamp) -> Option<Window> {
        let spans = Bucket::Hours8.spans(self.series.grid(), self.series.zone, from, to, usize::MAX).unwrap_or_default();
        let windows = spans.into_iter().map(|(start, end)| self.series.window(Bucket::Hours8, start, end));
        windows.filter(|window| window.valid).reduce(|largest, next| if next.value > largest.value { next } else { largest })
    }
}

/// When samples were observed that are needed for what ends in (from, to]: the day before, and a year where one ends there. Half of the
/// longest of these means may be told after its end.
pub fn reach(zone: &TimeZone, from: Timestamp, to: Timestamp) -> (Timestamp, Timestamp) {
    let year = start_of_date(zone, date_of(zone, to).first_of_year());
    let days = |at: Timestamp, days: i64| Timestamp::from_micros(at.as_micros().saturating_add(days * MICROS_PER_DAY));
    if from < year && year <= to {
        let first = start_of_date(zone, date_of(zone, days(from, -1)).first_of_year());
        (days(first, -1), days(to, 183))
    } else {
        (days(from, -2), days(to, 1))
    }
}

#[cfg(test)]
mod tests;
