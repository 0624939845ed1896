//! How much of what sensors promise came within the last day.

use arrow::array::AsArray as _;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use domain::limits::COUNTED_READINGS_MAX;
use domain::registry::Span;
use domain::time::{MICROS_PER_DAY, MICROS_PER_SECOND};
use domain::{Kind, Timestamp};
use hashbrown::HashMap;
use lake::contract::{SensorStatus, View};
use lake::table::Table;

use crate::engine::{DayWalk, Direction, Engine, EngineError, Question, Sought};
use crate::spoken;

/// Of each sensor the instants within the 24 hours before `now` of which it has a reading, in the share that its interval promises, at
/// most 1. `None` for one that promises nothing.
pub async fn of(engine: &Engine, view: &View, sensors: &[SensorStatus], now: Timestamp) -> Result<Vec<Option<f64>>, EngineError> {
    engine.bounded(in_turn(engine, view, sensors, now)).await
}

async fn in_turn(
    engine: &Engine,
    view: &View,
    sensors: &[SensorStatus],
    now: Timestamp,
) -> Result<Vec<Option<f64>>, EngineError> {
    let places: HashMap<&str, usize> =
        sensors.iter().enumerate().map(|(place, sensor)| (sensor.heard.sensor.as_str(), place)).collect();
    let mut instants: Vec<(usize, i64)> = Vec::new();
    for kind in Kind::ALL {
        let of_kind = |sensor: &&SensorStatus| sensor.heard.last.is_some_and(|last| last.kind == kind);
        let keys: Vec<_> = sensors.iter().filter(of_kind).map(|sensor| sensor.heard.sensor.as_str()).collect();
        if keys.is_empty() {
            continue;
        }
        let from = Timestamp::from_micros(now.as_micros().saturating_sub(MICROS_PER_DAY));
        let question = Question {
            table: Table::of(kind),
            columns: Some(vec!["sensor", "observed_at"]),
            filter: spoken::by_any(&keys, Span { from: Some(from), to: Some(now) }),
            order: &["observed_at"],
            direction: Direction::Ascending,
            fetch: Some(COUNTED_READINGS_MAX),
        };
        let mut walk = DayWalk::new(view, &question, Sought { keys: Some(&keys), from: Some(from), to: Some(now) });
        let mut batches = engine.hot_rows(&question, view).await?;
        while let Some(rows) = walk.next(engine).await? {
            batches.extend(rows);
        }
        if batches.iter().map(RecordBatch::num_rows).sum::<usize>() >= COUNTED_READINGS_MAX {
            return Err(EngineError::TooCostly("too many readings to be counted: ask for fewer sensors".to_owned()));
        }
        instants.extend(batches.iter().flat_map(|batch| instants_in(batch, &places)));
    }
    instants.sort_unstable();
    // An air station may tell of one instant in several rows.
    instants.dedup();
    let mut counts = vec![0_u32; sensors.len()];
    instants.iter().for_each(|(place, _)| counts[*place] += 1);
    let share = |(sensor, count): (&SensorStatus, u32)| {
        let promised = MICROS_PER_DAY / MICROS_PER_SECOND / i64::from(sensor.interval_s.filter(|interval| *interval > 0)?);
        Some((f64::from(count) / promised.max(1) as f64).min(1.0))
    };
    Ok(sensors.iter().zip(counts).map(share).collect())
}

fn instants_in(batch: &RecordBatch, places: &HashMap<&str, usize>) -> Vec<(usize, i64)> {
    let sensors = batch.column_by_name("sensor").and_then(|column| column.as_string_opt::<i32>());
    let observed = batch.column_by_name("observed_at").and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let rows = sensors.zip(observed).into_iter().flat_map(|(sensors, observed)| sensors.iter().zip(observed.values()));
    rows.filter_map(|(sensor, at)| Some((*places.get(sensor?)?, *at))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::kind::parking::BayState;
    use domain::registry::{CityOptions, Registry};
    use lake::contract::{LastHeard, SensorHeard};

    use super::*;
    use crate::tests::fixture::{Fixture, at, sensor};

    fn status(name: &str, interval_s: Option<u32>) -> SensorStatus {
        let instant = at("2026-11-24T11:00:00Z");
        let last = Some(LastHeard { kind: Kind::Parking, observed_at: instant, received_at: instant });
        let heard =
            SensorHeard { sensor: sensor(name), last, battery_mv: None, battery_pct: None, rssi_dbm: None, gateway: None };
        let unknown = heard.status(&Registry::empty(CityOptions::default()), instant);
        SensorStatus { interval_s, ..unknown }
    }

    #[tokio::test]
    async fn completeness_is_of_the_last_24_hours_wherever_the_readings_lie() {
        let now = at("2026-11-24T12:00:00Z");
        let mut fixture = Fixture::new().await;
        // Hourly for two days; only the second counts. The other one misses every second hour.
        for hour in 0..48_u64 {
            let observed = now.minus(Duration::from_secs((48 - hour) * 3_600));
            fixture.parking(1 + hour, "whole", observed, BayState::Vacant);
            if hour % 2 == 0 {
                fixture.parking(1 + hour, "half", observed, BayState::Vacant);
            }
        }
        let asked = [status("half", Some(3_600)), status("whole", Some(3_600)), status("whole", None), status("mute", Some(60))];
        for committed in [0, 30, 48] {
            fixture.commit(committed).await;
            let shares = of(&fixture.engine, &fixture.view(), &asked[..2], now).await.expect("an answer");
            assert_eq!(shares, [Some(0.5), Some(1.0)], "{committed} committed");
            let shares = of(&fixture.engine, &fixture.view(), &asked[2..], now).await.expect("an answer");
            assert_eq!(shares, [None, Some(0.0)], "{committed} committed");
        }
    }
}
