//! What happened at one bay: its readings, of whichever sensors spoke for it, into arrivals and departures.
//!
//! An event depends on what came before it: whether the bay was vacant, and since when it is occupied. So the readings before
//! the span are read back, a day first and then further, until one of them settles the bay as vacant by itself: nothing older
//! can matter then.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{col, lit};
use domain::bay::{Era, Event, Rules, Seen, Timeline};
use domain::kind::parking::BayState;
use domain::limits::OBSERVED_MICROS_MIN;
use domain::registry::{BayHistory, BayRules};
use domain::time::{MICROS_PER_DAY, MICROS_PER_SECOND};
use domain::{Flag, Flags, ObjectId, SensorId, Timestamp, live};
use lake::contract::{Live, View};
use lake::snapshot::DataFile;
use lake::table::Table;

use crate::engine::{Direction, Engine, EngineError, Question};

/// Whose events, in [from, to).
pub struct Wish<'a> {
    pub bay: &'a ObjectId,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// How far back readings are looked for, days; then all there are.
const LOOK_BACK_DAYS: [i64; 3] = [1, 8, 64];

/// `None` for a bay that never was. Judged at the view's `as_of`.
pub async fn of(engine: &Engine, view: &View, live: &dyn Live, wish: &Wish<'_>) -> Result<Option<Vec<Event>>, EngineError> {
    let Some(BayHistory { rules, .. }) = live.bay_history(wish.bay, wish.from, wish.to) else {
        return Ok(None);
    };
    // A state that is new just before the end may still have to stand.
    let end = Timestamp::from_micros(wish.to.as_micros().saturating_add(dwell_micros(&rules))).min(view.as_of);
    let first = Timestamp::from_micros(OBSERVED_MICROS_MIN);
    let starts = LOOK_BACK_DAYS.map(|days| Timestamp::from_micros(wish.from.as_micros().saturating_sub(days * MICROS_PER_DAY)));
    let mut readings: Vec<(Seen, SensorId)> = Vec::new();
    let mut read_from = Timestamp::from_micros(end.as_micros().saturating_add(1));
    for start in starts.into_iter().map(|start| start.max(first)).chain([first]) {
        let history = live.bay_history(wish.bay, start, read_from);
        for (sensor, span) in history.into_iter().flat_map(|history| history.sensors) {
            let (from, to) = (span.from.unwrap_or(start), span.to.unwrap_or(read_from));
            readings.extend(seen_by(engine, view, &sensor, from, to).await?.into_iter().map(|seen| (seen, sensor.clone())));
        }
        read_from = start.min(read_from);
        readings.sort_by(|(a, by), (b, other)| a.at.cmp(&b.at).then_with(|| by.cmp(other)));
        if is_anchored(&readings, &rules, wish.from) {
            break;
        }
    }
    // Of two devices at one instant the lower id counts.
    let mut seen: Vec<Seen> = readings.into_iter().map(|(seen, _)| seen).collect();
    seen.dedup_by_key(|seen| seen.at);
    let asked = wish.from..wish.to;
    Ok(Some(events(&seen, &rules, end).into_iter().filter(|event| asked.contains(&event.at)).collect()))
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

/// A sensor's bay readings in [from, to), in any order.
async fn seen_by(
    engine: &Engine,
    view: &View,
    sensor: &SensorId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Seen>, EngineError> {
    let Some(table) = view.table(Table::ParkingReadings).filter(|_| from < to) else {
        return Ok(Vec::new());
    };
    let instant = |at: Timestamp| lit(ScalarValue::TimestampMicrosecond(Some(at.as_micros()), Some("UTC".into())));
    let filter = col("sensor").eq(lit(sensor.as_str()));
    let filter = filter.and(col("observed_at").gt_eq(instant(from))).and(col("observed_at").lt(instant(to)));
    let direction = Direction::Ascending;
    let question = Question { table: Table::ParkingReadings, filter, order: &[], direction, fetch: None };
    let holds = |file: &&DataFile| {
        file.key_min.as_deref().is_none_or(|min| min <= sensor.as_str())
            && file.key_max.as_deref().is_none_or(|max| sensor.as_str() <= max)
            && file.time_max.is_none_or(|max| from.as_micros() <= max)
            && file.time_min.is_none_or(|min| min < to.as_micros())
    };
    let files = table.lake.files.iter().filter(holds).cloned().collect();
    let mut batches = engine.file_rows(&question, files).await?;
    batches.extend(engine.hot_rows(&question, view).await?);
    Ok(batches.iter().flat_map(seen_in).collect())
}

/// Rows that tell a bay's state; what a network server simulated is no history.
fn seen_in(batch: &RecordBatch) -> Vec<Seen> {
    let columns = || {
        let observed = batch.column_by_name("observed_at")?.as_primitive_opt::<TimestampMicrosecondType>()?;
        let states = batch.column_by_name("state")?.as_string_opt::<i32>()?;
        let flags = batch.column_by_name("flags")?.as_primitive_opt::<Int32Type>()?;
        Some((observed, states, flags))
    };
    let Some((observed, states, flags)) = columns() else {
        return Vec::new();
    };
    let rows = observed.values().iter().zip(states).zip(flags.values());
    rows.filter_map(|((at, state), flags)| {
        let flags = Flags::from_bits(u32::try_from(*flags).unwrap_or_default());
        let state = BayState::by_name(state?).filter(|_| !flags.has(Flag::Simulated))?;
        Some(Seen { at: Timestamp::from_micros(*at), state })
    })
    .collect()
}

#[cfg(test)]
mod tests;
