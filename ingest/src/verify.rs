//! What `kerbside verify` says of ingest, at rest: the journal reads back, and the ledger is what the tables hold.
//!
//! The ledger is that of the newest checkpoint. After a stop nothing is beyond it and the numbers must be equal; after a kill
//! the tables may be ahead of it by what the next start replays, and a table with retention holds less: then only
//! what must hold all the same is asked. Changes nothing.

use std::path::Path;

use domain::{JournalId, Position};
use hashbrown::HashMap;
use lake::Lake;
use lake::contract::Counts;
use lake::table::Table;
use lake::verify::Verification;
use serde::Serialize;

use crate::checkpoint::{Checkpoint, Checkpoints};
use crate::error::Error;
use crate::pipeline::State;

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub checkpoint: Position,
    /// Totals at the checkpoint.
    pub counts: Counts,
    /// Ledger and tables stand at one position, so that their numbers were compared one by one.
    pub exact: bool,
    /// A broken promise each: its id and what is wrong.
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub promise: &'static str,
    pub detail: String,
}

impl Report {
    fn add(&mut self, promise: domain::Promise, detail: String) {
        self.findings.push(Finding { promise: promise.id(), detail });
    }
}

/// Readings of one sensor that differ are told of so many sensors at most.
const SENSORS_TOLD_MAX: usize = 20;

/// Compares the checkpoint in `data_dir` with the journal and with what [`Lake::verify`] counted. `journal` is `None` where there is none.
pub async fn verify(
    data_dir: &Path,
    journal: Option<&journal::Report>,
    lake: &Lake,
    tables: &Verification,
) -> Result<Report, Error> {
    let mut report = Report::default();
    let Some(journal) = journal else {
        return Ok(report);
    };
    for damage in &journal.damages {
        report.add(domain::Promise::Ack1, damage.to_string());
    }
    let found = Checkpoints::read_only(data_dir.join("checkpoint")).load()?;
    for error in &found.damaged {
        report.add(domain::Promise::Sum1, error.to_string());
    }
    let state = match found.newest {
        Some(checkpoint) => of_journal(&mut report, checkpoint, journal),
        None => State::default(),
    };
    report.checkpoint = state.position;
    report.counts = state.ledger.counts.clone();
    if journal.first > state.position.next() {
        let detail =
            format!("records {} to {} are in no checkpoint and not in the journal", state.position.next(), journal.first);
        report.add(domain::Promise::Ack1, detail);
    }
    ledger(&mut report, &state);
    report.exact = is_exact(lake, journal.id, state.position).await?;
    if report.exact {
        compare(&mut report, &state, tables);
    }
    Ok(report)
}

fn of_journal(report: &mut Report, checkpoint: Checkpoint, journal: &journal::Report) -> State {
    if checkpoint.journal != journal.id {
        report.add(domain::Promise::Ack1, format!("the checkpoint is of journal {}, not of {}", checkpoint.journal, journal.id));
    }
    if checkpoint.state.position > journal.last {
        let detail = format!("the checkpoint is at {}, the journal ends at {}", checkpoint.state.position, journal.last);
        report.add(domain::Promise::Ack1, detail);
    }
    checkpoint.state
}

fn ledger(report: &mut Report, state: &State) {
    if !state.ledger.counts.adds_up() {
        report.add(domain::Promise::Sum1, format!("the totals do not add up: {:?}", state.ledger.counts));
    }
    for sensor in state.sensors.iter().filter(|sensor| !sensor.counts.adds_up()).take(SENSORS_TOLD_MAX) {
        report.add(domain::Promise::Sum1, format!("the counts of {} do not add up: {:?}", sensor.id, sensor.counts));
    }
    let of_sensors: u64 = state.sensors.iter().map(|sensor| sensor.counts.accepted).sum();
    if of_sensors != state.ledger.counts.accepted {
        let detail = format!("{} readings are accepted, {of_sensors} of all sensors together", state.ledger.counts.accepted);
        report.add(domain::Promise::Sum1, detail);
    }
}

/// Nothing is in a table that the checkpoint does not know, and nothing was removed by age.
async fn is_exact(lake: &Lake, journal: JournalId, checkpoint: Position) -> Result<bool, Error> {
    for table in Table::ALL {
        let expires = lake.first_kept_day(table, domain::Timestamp::UNIX_EPOCH).is_some();
        if expires || lake.committed(table, journal).await? > checkpoint {
            return Ok(false);
        }
    }
    Ok(true)
}

fn compare(report: &mut Report, state: &State, tables: &Verification) {
    let mut stored: HashMap<&str, u64> = HashMap::new();
    for count in [Table::ParkingReadings, Table::AirReadings].into_iter().filter_map(|table| tables.count(table)) {
        for (sensor, rows) in &count.by_sensor {
            *stored.entry(sensor).or_default() += rows;
        }
    }
    let mut differing = 0;
    for sensor in state.sensors.iter() {
        let rows = stored.remove(sensor.id.as_str()).unwrap_or(0);
        if rows != sensor.rows {
            differing += 1;
            if differing <= SENSORS_TOLD_MAX {
                report.add(
                    domain::Promise::Sum1,
                    format!("{}: {} rows were accepted, {rows} are in the lake", sensor.id, sensor.rows),
                );
            }
        }
    }
    for (sensor, rows) in stored.into_iter().take(SENSORS_TOLD_MAX) {
        report.add(domain::Promise::Sum1, format!("{sensor}: {rows} rows are in the lake, and nobody accepted one"));
    }
    let standing: u64 = tables.count(Table::DeadLetters).map_or(0, |count| count.standing.values().sum());
    if standing != state.ledger.letters {
        let detail = format!("{} dead letters were kept, {standing} stand in the lake", state.ledger.letters);
        report.add(domain::Promise::Sum1, detail);
    }
}
