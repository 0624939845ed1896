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
        let rules = self.rules.iter().map(Rule::parse).collect::<Option<Vec<_>>>()?;
        let end = Timestamp::from_micros(start.as_micros() + i64::from(stay_min) * 60 * MICROS_PER_SECOND);
        let mut periods = periods(&rules, start, end, zone)?;
        share_out(&mut periods, start, end);
        let total: f64 = periods.iter().map(|period| rules[period.rule].of(period.used_micros)).sum();
        // Sums of decimal prices such as 0.1 would show the noise of binary fractions.
        Some((total * 10_000.0).round() / 10_000.0)
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
    fn parse(value: &Value) -> Option<Self> {
        let map = value.as_object()?;
        if !map.keys().all(|key| ["days", "from", "to", "per_min", "amount", "max"].contains(&key.as_str())) {
            return None;
        }
        let money = |value: &Value| value.as_f64().filter(|amount| *amount >= 0.0);
        let unit = |value: &Value| value.as_u64().filter(|minutes| (1..=u64::from(STAY_MIN_MAX)).contains(minutes));
        Some(Self {
            days: map.get("days").map_or(Some([true; 7]), |days| days_of(days.as_str()?))?,
            from: map.get("from").map_or(Some(Time::midnight()), |from| time_of(from.as_str()?))?,
            to: match map.get("to").map(|to| to.as_str()) {
                None | Some(Some("24:00")) => None,
                Some(to) => Some(time_of(to?)?),
            },
            unit_micros: map
                .get("per_min")
                .map(unit)
                .map_or(Some(None), |minutes| Some(Some(minutes? as i64 * 60 * MICROS_PER_SECOND)))?,
            amount: money(map.get("amount")?)?,
            max: map.get("max").map_or(Some(f64::INFINITY), money)?,
        })
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
