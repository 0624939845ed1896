//! Means of hours, valid from a share of them on.

use super::nowcast::{NOWCAST_HOURS, nowcast};

/// What hours come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    Value(Counted),
    /// Some hours are there, and too few of them.
    TooFew,
    /// No hour is there.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counted {
    pub value: f64,
    /// Valid hours that it is made of, or was chosen from.
    pub valid: usize,
    /// Hours that could be.
    pub of: usize,
}

/// Hourly means, the oldest first; an hour that is not in them is missing.
pub(super) type Hours<'a> = &'a [Option<f64>];

/// Mean of the `of` hours that end with the last one.
pub(super) fn mean(hours: Hours<'_>, of: usize, valid_percent: u32) -> Statistic {
    let (mut sum, mut valid) = (0.0, 0);
    for value in last(hours, of).iter().flatten() {
        sum += value;
        valid += 1;
    }
    match valid {
        0 => Statistic::Nothing,
        _ if reaches(valid, of, valid_percent) => Statistic::Value(Counted { value: sum / valid as f64, valid, of }),
        _ => Statistic::TooFew,
    }
}

/// NowCast of the hour that is the last one.
pub(super) fn nowcast_of(hours: Hours<'_>) -> Statistic {
    let seen = last(hours, NOWCAST_HOURS);
    let valid = seen.iter().flatten().count();
    match nowcast(seen.iter().rev().copied()) {
        Some(value) => Statistic::Value(Counted { value, valid, of: NOWCAST_HOURS }),
        None if valid == 0 => Statistic::Nothing,
        None => Statistic::TooFew,
    }
}

/// What a day's largest value is looked for among.
#[derive(Clone, Copy, Debug)]
pub(super) struct Largest {
    /// Hours of the day, the last ones.
    pub day_hours: usize,
    /// Hours that each value is the mean of.
    pub span: usize,
    /// Of the hours of such a mean.
    pub mean_valid_percent: u32,
    /// Of the hours of the day, each with its mean.
    pub day_valid_percent: u32,
}

/// The largest of the means that end with an hour of the day. Hours before the day belong to the first ones of them.
pub(super) fn largest(hours: Hours<'_>, ask: Largest) -> Statistic {
    let (mut largest, mut valid, mut is_any) = (f64::NEG_INFINITY, 0, false);
    for before_end in 0..ask.day_hours.min(hours.len()) {
        match mean(&hours[..hours.len() - before_end], ask.span, ask.mean_valid_percent) {
            Statistic::Value(of_hour) => {
                largest = largest.max(of_hour.value);
                valid += 1;
            }
            Statistic::TooFew => is_any = true,
            Statistic::Nothing => {}
        }
    }
    match valid {
        0 if is_any => Statistic::TooFew,
        0 => Statistic::Nothing,
        _ if reaches(valid, ask.day_hours, ask.day_valid_percent) => {
            Statistic::Value(Counted { value: largest, valid, of: ask.day_hours })
        }
        _ => Statistic::TooFew,
    }
}

fn last(hours: Hours<'_>, of: usize) -> Hours<'_> {
    &hours[hours.len().saturating_sub(of)..]
}

fn reaches(valid: usize, of: usize, percent: u32) -> bool {
    valid * 100 >= of * percent as usize
}
