//! What happened at one bay: its readings, of whichever sensors spoke for it, into arrivals and departures.
//!
//! An event depends on what came before it: whether the bay was vacant, and since when it is occupied. So the readings before
//! the span are read back, a day first and then further, until one of them settles the bay as vacant by itself: nothing older
//! can matter then. A bay that never is vacant is read back for a year: of a stay that began before it is not known when.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use datafusion::logical_expr::Expr;
use domain::bay::{Era, Event, Rules, Seen, Timeline};
use domain::kind::parking::BayState;
use domain::limits::{BAY_LOOK_BACK_MAX, BAY_READINGS_MAX, OBSERVED_MICROS_MIN};
use domain::registry::{BayHistory, BayRules, Registry, Span};
use domain::time::{MICROS_PER_DAY, MICROS_PER_SECOND};
use domain::{Flag, Flags, ObjectId, SensorId, Timestamp, live};
use lake::contract::View;
use lake::table::Table;

use crate::engine::{DayWalk, Direction, Engine, EngineError, Question, Sought};
use crate::spoken::spoken_by;

/// Whose events, in [from, to).
pub struct Wish<'a> {
    pub bay: &'a ObjectId,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// `None` for a bay that never was. Judged at the view's `as_of`.
pub async fn of(engine: &Engine, view: &View, registry: &Registry, wish: &Wish<'_>) -> Result<Option<Vec<Event>>, EngineError> {
    engine.bounded(in_turn(engine, view, registry, wish)).await
}

async fn in_turn(engine: &Engine, view: &View, registry: &Registry, wish: &Wish<'_>) -> Result<Option<Vec<Event>>, EngineError> {
    let first = wish.from.minus(BAY_LOOK_BACK_MAX).max(Timestamp::from_micros(OBSERVED_MICROS_MIN));
    let Some(BayHistory { rules, .. }) = registry.bay_history(wish.bay, wish.from, wish.to) else {
        return Ok(None);
    };
    // A state that is new just before the end may still have to stand.
    let end = Timestamp::from_micros(wish.to.as_micros().saturating_add(dwell_micros(&rules))).min(view.as_of);
    let history = registry.bay_history(wish.bay, first, Timestamp::from_micros(end.as_micros().saturating_add(1)));
    let speakers = history.map(|history| history.sensors).unwrap_or_default();
    let readings = readings(engine, view, &speakers, &rules, wish.from).await?;
    // Of two devices at one instant the lower id counts.
    let mut seen: Vec<Seen> = readings.into_iter().map(|(seen, _)| seen).collect();
    seen.dedup_by_key(|seen| seen.at);
    let asked = wish.from..wish.to;
    Ok(Some(events(&seen, &rules, end).into_iter().filter(|event| asked.contains(&event.at)).collect()))
}

/// Readings by their time and sensor, back to where nothing older can matter to what happened from `from` on.
async fn readings(
    engine: &Engine,
    view: &View,
    speakers: &[(SensorId, Span)],
    rules: &[BayRules],
    from: Timestamp,
) -> Result<Vec<(Seen, SensorId)>, EngineError> {
    let Some(filter) = speakers.iter().map(|(sensor, span)| spoken_by(sensor, *span)).reduce(Expr::or) else {
        return Ok(Vec::new());
    };
    let question = Question {
        table: Table::ParkingReadings,
        columns: Some(vec!["sensor", "observed_at", "state", "flags"]),
        filter,
        order: &["observed_at"],
        direction: Direction::Descending,
        fetch: Some(BAY_READINGS_MAX),
    };
    let keys: Vec<_> = speakers.iter().map(|(sensor, _)| sensor.as_str()).collect();
    let sought = Sought {
        keys: Some(&keys),
        from: speakers.iter().filter_map(|(_, span)| span.from).min(),
        to: speakers.iter().filter_map(|(_, span)| span.to).max(),
    };
    let days = view.as_of.utc_day().saturating_sub(from.utc_day()).saturating_add(1);
    let mut walk = DayWalk::new(view, &question, sought).beginning_with(usize::try_from(days).unwrap_or(1));
    let mut readings: Vec<_> = engine.hot_rows(&question, view).await?.iter().flat_map(seen_in).collect();
    loop {
        readings.sort_by(|(a, by), (b, other)| a.at.cmp(&b.at).then_with(|| by.cmp(other)));
        // What is in memory may be older than files that were not read.
        let read_from = walk.unread().map_or(i64::MIN, |unread| (i64::from(unread) + 1) * MICROS_PER_DAY);
        let known = readings.partition_point(|(seen, _)| seen.at.as_micros() < read_from);
        let is_enough = readings.len() - known >= BAY_READINGS_MAX;
        if is_enough && readings[known].0.at > from {
            return Err(EngineError::TooCostly(format!(
                "more than {BAY_READINGS_MAX} readings of the bay: ask for a shorter time"
            )));
        }
        if is_enough || is_anchored(&readings[known..], rules, from) {
            return Ok(readings.split_off(known));
        }
        match walk.next(engine).await? {
            Some(rows) => readings.extend(rows.iter().flat_map(seen_in)),
            None => return Ok(readings),
        }
    }
}

fn events(seen: &[Seen], rules: &[BayRules], as_of: Timestamp) -> Vec<Event> {
    let of = |rule: &BayRules| Rules { heartbeat_s: rule.heartbeat_s, min_dwell_s: rule.min_dwell_s, closed: &[] };
    let Some((first, later)) = rules.split_first() else {
        return Vec::new();
    };
    let later: Vec<_> = later.iter().filter_map(|rule| Some(Era { from: rule.from?, rules: of(rule) })).collect();
    Timeline::through(seen, &of(first), &later, as_of).events().to_vec()
}

fn dwell_micros(rules: &[BayRules]) -> i64 {
    rules.iter().map(|rule| i64::from(rule.min_dwell_s) * MICROS_PER_SECOND).max().unwrap_or(0)
}

/// Whether the bay was settled as vacant before `at`, whatever came before these readings: it reported vacant, and nothing else,
/// for as long as its dwell may be and without falling silent.
fn is_anchored(readings: &[(Seen, SensorId)], rules: &[BayRules], at: Timestamp) -> bool {
    let dwell = dwell_micros(rules);
    let silence = rules.iter().map(|rule| live::silence_micros(rule.heartbeat_s)).min().unwrap_or(0);
    let before = &readings[..readings.partition_point(|(seen, _)| seen.at < at)];
    let ends = before.iter().skip(1).map(|(seen, _)| seen.at).chain([at]);
    let mut vacant_since = None;
    for ((seen, _), next) in before.iter().zip(ends) {
        if seen.state != BayState::Vacant {
            vacant_since = None;
            continue;
        }
        let since = *vacant_since.get_or_insert(seen.at);
        let quiet = Timestamp::from_micros(seen.at.as_micros().saturating_add(silence));
        if next.min(quiet).micros_since(since) >= dwell {
            return true;
        }
        if next > quiet {
            vacant_since = None;
        }
    }
    false
}

/// Rows that tell a bay's state; what a network server simulated is no history.
fn seen_in(batch: &RecordBatch) -> Vec<(Seen, SensorId)> {
    let columns = || {
        let sensors = batch.column_by_name("sensor")?.as_string_opt::<i32>()?;
        let observed = batch.column_by_name("observed_at")?.as_primitive_opt::<TimestampMicrosecondType>()?;
        let states = batch.column_by_name("state")?.as_string_opt::<i32>()?;
        let flags = batch.column_by_name("flags")?.as_primitive_opt::<Int32Type>()?;
        Some((sensors, observed, states, flags))
    };
    let Some((sensors, observed, states, flags)) = columns() else {
        return Vec::new();
    };
    let rows = sensors.iter().zip(observed.values()).zip(states).zip(flags.values());
    rows.filter_map(|(((sensor, at), state), flags)| {
        let flags = Flags::from_bits(u32::try_from(*flags).unwrap_or_default());
        let state = BayState::by_name(state?).filter(|_| !flags.has(Flag::Simulated))?;
        Some((Seen { at: Timestamp::from_micros(*at), state }, SensorId::new(sensor?).ok()?))
    })
    .collect()
}

#[cfg(test)]
mod tests;
