//! The ledger against the tables, number by number.

use domain::Promise;
use hashbrown::HashMap;
use lake::table::Table;
use lake::verify::Verification;

use super::Report;
use super::waiting::Waiting;
use crate::erase::Leftovers;
use crate::pipeline::State;

/// Of so many sensors at most the difference is told; the others are counted.
pub const SENSORS_TOLD_MAX: usize = 20;

/// What the tables must hold: what was accepted, less what waits, and what an erasure has not taken away yet.
pub struct Held<'a> {
    rows: HashMap<&'a str, u64>,
    letters: u64,
}

impl<'a> Held<'a> {
    pub fn of(state: &'a State, waiting: &Waiting, left: &Leftovers) -> Self {
        let rows = state.sensors.iter().map(|sensor| {
            let id = sensor.id.as_str();
            let left = left.get(id).map_or(0, |left| left.readings);
            (id, sensor.rows.saturating_sub(waiting.of_sensor(id)) + left)
        });
        let left: u64 = left.values().map(|left| left.letters).sum();
        let letters = state.ledger.letters.saturating_add_signed(-waiting.letters) + left;
        Self { rows: rows.collect(), letters }
    }
}

/// A table with a retention may hold less, and never more.
pub fn compare(report: &mut Report, held: &Held<'_>, tables: &Verification, expires: impl Fn(Table) -> bool) {
    const READINGS: [Table; 2] = [Table::ParkingReadings, Table::AirReadings];
    let differs = |expires: bool, stored: u64, held: u64| if expires { stored > held } else { stored != held };
    let mut stored: HashMap<&str, u64> = HashMap::new();
    for count in READINGS.into_iter().filter_map(|table| tables.count(table)) {
        for (sensor, rows) in &count.by_sensor {
            *stored.entry(sensor).or_default() += rows;
        }
    }
    let readings_expire = READINGS.into_iter().any(&expires);
    let mut differing = Vec::new();
    for (sensor, held) in &held.rows {
        let rows = stored.remove(sensor).unwrap_or(0);
        if differs(readings_expire, rows, *held) {
            differing.push(format!("{sensor}: {held} rows were accepted and committed, {rows} are in the lake"));
        }
    }
    let unknown =
        stored.into_iter().map(|(sensor, rows)| format!("{sensor}: {rows} rows are in the lake, and nobody accepted one"));
    differing.extend(unknown);
    differing.sort_unstable();
    let more = differing.len().saturating_sub(SENSORS_TOLD_MAX);
    differing.truncate(SENSORS_TOLD_MAX);
    differing.into_iter().for_each(|detail| report.add(Promise::Sum1, detail));
    if more > 0 {
        report.add(Promise::Sum1, format!("the rows of {more} more sensors differ"));
    }
    let standing: u64 = tables.count(Table::DeadLetters).map_or(0, |count| count.standing.values().sum());
    if differs(expires(Table::DeadLetters), standing, held.letters) {
        let detail = format!("{} dead letters were kept and committed, {standing} stand in the lake", held.letters);
        report.add(Promise::Sum1, detail);
    }
}
