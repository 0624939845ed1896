//! What a stay costs by a price's rules, where they have the shape that is understood here.
//!
//! ```json
//! [{"days": "Mo-Fr", "from": "07:00", "to": "22:00", "per_min": 60, "amount": 20000, "max": 100000}, {"amount": 50000}]
//! ```
//!
//! A rule holds on its `days` (OSM style: `Mo-Fr`, `Sa,Su`; every day unless given) from `from` to `to` local time (`24:00` is the end
//! of the day, an end before the start lies on the next day, the whole day unless given). Every begun `per_min` minutes cost
//! `amount`; without `per_min` each day's period costs `amount` once. `max` is the most that one such period costs. Of several rules that
//! hold at once the first counts; when none holds, parking is free. A rule with anything else in it is not understood: then
//! there is no cost, and the price's text still tells the driver.

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::object::Price;
use super::span::Span;
use crate::limits::STAY_MIN_MAX;
use crate::time::{MICROS_PER_SECOND, Timestamp};

impl Price {
    /// In units of `currency`, for a stay of `stay_min` minutes from `start`; `None` where the rules are absent or not understood, or
    /// the stay is longer than [`STAY_MIN_MAX`].
    pub fn cost(&self, start: Timestamp, stay_min: u32, zone: &TimeZone) -> Option<f64> {
        if self.rules.is_empty() || stay_min > STAY_MIN_MAX {
            return None;
        }
        let rules = self.rules.iter().map(Rule::parse).collect::<Result<Vec<_>, _>>().ok()?;
        let end = Timestamp::from_micros(start.as_micros() + i64::from(stay_min) * 60 * MICROS_PER_SECOND);
        let mut periods = periods(&rules, start, end, zone)?;
        share_out(&mut periods, start, end);
        let total: f64 = periods.iter().map(|period| rules[period.rule].of(period.used_micros)).sum();
        // Sums of decimal prices such as 0.1 would show the noise of binary fractions.
        Some((total * 10_000.0).round() / 10_000.0)
    }
}

/// What may stand in a rule.
const KEYS: [&str; 6] = ["days", "from", "to", "per_min", "amount", "max"];

/// Why a rule is not understood.
pub(super) struct Odd {
    /// Of the rule; empty for the rule as such.
    pub key: String,
    pub why: String,
}

impl Price {
    /// Of each rule that is not understood, by its place, the first reason.
    pub(super) fn oddities(&self) -> impl Iterator<Item = (usize, Odd)> + '_ {
        self.rules.iter().enumerate().filter_map(|(place, rule)| Some((place, Rule::parse(rule).err()?)))
    }
}

struct Rule {
    days: [bool; 7],
    from: Time,
    /// `None` is the end of the day.
    to: Option<Time>,
    /// `None` is once a period.
    unit_micros: Option<i64>,
    amount: f64,
    max: f64,
}

/// One rule on one day.
struct Period {
    rule: usize,
    span: Span,
    used_micros: i64,
}

impl Rule {
    fn parse(value: &Value) -> Result<Self, Odd> {
        let odd = |key: &str, why: String| Odd { key: key.to_owned(), why };
        let map = value.as_object().ok_or_else(|| odd("", "is no object".to_owned()))?;
        if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(odd(key, format!("is none of {}", KEYS.join(", "))));
        }
        let read = |key: &str| map.get(key).map(|value| (value, odd(key, format!("is {value}"))));
        let of =
            |(value, odd): (&Value, Odd), what: &str| (value.clone(), Odd { why: format!("{}, not {what}", odd.why), ..odd });
        let days = match read("days").map(|days| of(days, "days such as Mo-Fr or Sa,Su")) {
            Some((days, odd)) => days.as_str().and_then(days_of).ok_or(odd)?,
            None => [true; 7],
        };
        let time = |key: &str| read(key).map(|time| of(time, "a time such as 07:00"));
        let from = match time("from") {
            Some((from, odd)) => from.as_str().and_then(time_of).ok_or(odd)?,
            None => Time::midnight(),
        };
        let to = match time("to") {
            Some((to, _)) if to == "24:00" => None,
            Some((to, odd)) => Some(to.as_str().and_then(time_of).ok_or(odd)?),
            None => None,
        };
        let unit_micros = match read("per_min")
            .map(|minutes| of(minutes, &format!("a number of minutes from 1 to {STAY_MIN_MAX}")))
        {
            Some((minutes, odd)) => {
                let minutes = minutes.as_u64().filter(|minutes| (1..=u64::from(STAY_MIN_MAX)).contains(minutes)).ok_or(odd)?;
                Some(minutes as i64 * 60 * MICROS_PER_SECOND)
            }
            None => None,
        };
        let money = |key: &str| {
            let (value, odd) = of(read(key)?, "an amount of money");
            Some(value.as_f64().filter(|amount| *amount >= 0.0).ok_or(odd))
        };
        let amount = money("amount").ok_or_else(|| odd("amount", "is missing".to_owned()))??;
        Ok(Self { days, from, to, unit_micros, amount, max: money("max").unwrap_or(Ok(f64::INFINITY))? })
    }

    fn of(&self, used_micros: i64) -> f64 {
        let units = match self.unit_micros {
            _ if used_micros == 0 => 0,
            Some(unit) => (used_micros + unit - 1) / unit,
            None => 1,
        };
        (units as f64 * self.amount).min(self.max)
    }

    /// The period that begins on a local day.
    fn on(&self, day: Date, zone: &TimeZone) -> Option<Span> {
        let instant = |day: Date, time: Time| {
            let zoned = day.to_datetime(time).to_zoned(zone.clone()).ok()?;
            Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
        };
        let next = day.tomorrow().ok()?;
        let to = match self.to {
            None => instant(next, Time::midnight()),
            Some(to) if to <= self.from => instant(next, to),
            Some(to) => instant(day, to),
        };
        Some(Span { from: Some(instant(day, self.from)?), to: Some(to?) })
    }
}

/// All periods that may touch the stay: those of the day before it too, which may last past midnight.
fn periods(rules: &[Rule], start: Timestamp, end: Timestamp, zone: &TimeZone) -> Option<Vec<Period>> {
    let local_day = |at: Timestamp| {
        let instant = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        Some(zone.to_datetime(instant).date())
    };
    let (mut day, last) = (local_day(start)?.checked_sub(1.day()).ok()?, local_day(end)?);
    let mut periods = Vec::new();
    while day <= last {
        for (index, rule) in rules.iter().enumerate() {
            if rule.days[day.weekday().to_monday_zero_offset() as usize] {
                periods.push(Period { rule: index, span: rule.on(day, zone)?, used_micros: 0 });
            }
        }
        day = day.tomorrow().ok()?;
    }
    Some(periods)
}

/// Gives each part of the stay to the period of the first rule that holds then.
fn share_out(periods: &mut [Period], start: Timestamp, end: Timestamp) {
    let inside = |edge: &Timestamp| start < *edge && *edge < end;
    let mut edges: Vec<Timestamp> = periods.iter().flat_map(|period| period.span.edges()).filter(inside).collect();
    edges.extend([start, end]);
    edges.sort_unstable();
    edges.dedup();
    for pair in edges.windows(2) {
        let holding = periods.iter_mut().filter(|period| period.span.holds(pair[0]));
        if let Some(period) = holding.min_by_key(|period| period.rule) {
            period.used_micros += pair[1].micros_since(pair[0]);
        }
    }
}

/// `Mo-Fr`, `Sa,Su`, `Fr-Mo`.
fn days_of(text: &str) -> Option<[bool; 7]> {
    let day = |name: &str| ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"].iter().position(|known| *known == name.trim());
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        for step in 0..=(last + 7 - first) % 7 {
            days[(first + step) % 7] = true;
        }
    }
    Some(days)
}

/// `07:00`
fn time_of(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests;
