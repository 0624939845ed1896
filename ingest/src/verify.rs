//! What `kerbside verify` says of ingest, at rest: the journal reads back, and the ledger is what the tables hold.
//!
//! After a kill the tables are ahead of the newest checkpoint, each at a position of its own. So the journal after the checkpoint is
//! taken in again, in memory, by the very pipeline: what it accepts and a table does not hold yet is told apart, and everything else
//! must be in the tables, sensor by sensor. Changes nothing.

mod compare;
mod replay;
mod waiting;

use std::path::Path;

use domain::registry::CityOptions;
use domain::{JournalId, Position, Promise};
use lake::Lake;
use lake::contract::Counts;
use lake::table::Table;
use lake::verify::Verification;
use serde::Serialize;

use crate::checkpoint::{CHECKPOINTS, Checkpoint, Checkpoints};
use crate::erase::leftovers;
use crate::error::Error;
use crate::options::Options;
use crate::pipeline::{Committed, State};
use compare::{Held, compare};
use replay::{Replay, Replayed};
use waiting::Waiting;

/// What is verified, and how it was configured: the next start would take in the journal by the same rules.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub data_dir: &'a Path,
    pub journal_dir: &'a Path,
    pub options: &'a Options,
    pub city: &'a CityOptions,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Of the newest checkpoint.
    pub checkpoint: Position,
    /// Up to where the journal was taken in for this report.
    pub position: Position,
    /// Totals at that position.
    pub counts: Counts,
    /// Ledger and tables were compared number by number.
    pub exact: bool,
    /// Why they were not.
    pub inexact: Option<String>,
    /// What a table does not hold yet and the next start writes: no loss. Tables that hold everything are left out.
    pub uncommitted: Vec<Uncommitted>,
    /// Durable records after `position`: the next start takes them.
    pub untaken: u64,
    /// Readings and dead letters that were erased on request.
    pub erased: (u64, u64),
    /// Of erasures that did not end: counted off, and still in the tables. Doing them again ends them.
    pub unfinished: Vec<Unfinished>,
    /// A broken promise each: its id and what is wrong.
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uncommitted {
    pub table: &'static str,
    /// The table holds everything up to here.
    pub committed: Position,
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    pub sensor: String,
    pub readings: u64,
    pub letters: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub promise: &'static str,
    pub detail: String,
}

impl Report {
    fn add(&mut self, promise: Promise, detail: String) {
        self.findings.push(Finding { promise: promise.id(), detail });
    }
}

/// Compares checkpoint and journal with what [`Lake::verify`] counted. `journal` is `None` where there is none.
pub async fn verify(
    subject: &Subject<'_>,
    journal: Option<&journal::Report>,
    lake: &Lake,
    tables: &Verification,
) -> Result<Report, Error> {
    let mut report = Report::default();
    let Some(journal) = journal else {
        return Ok(report);
    };
    for damage in &journal.damages {
        report.add(Promise::Ack1, damage.to_string());
    }
    let found = Checkpoints::read_only(subject.data_dir.join(CHECKPOINTS)).load()?;
    for error in &found.damaged {
        report.add(Promise::Sum1, error.to_string());
    }
    let is_ours = found.newest.as_ref().is_none_or(|checkpoint| checkpoint.journal == journal.id);
    let state = match found.newest {
        Some(checkpoint) => of_journal(&mut report, checkpoint, journal),
        None => State::default(),
    };
    report.checkpoint = state.position;
    if journal.first > state.position.next() {
        let detail =
            format!("records {} to {} are in no checkpoint and not in the journal", state.position.next(), journal.first);
        report.add(Promise::Ack1, detail);
    }
    let committed = committed(lake, journal.id).await?;
    let replayed = match is_ours {
        true => Replay { subject, lake, committed }.run(state).await?,
        false => Replayed { state, waiting: Waiting::default(), stopped: None },
    };
    let Replayed { state, waiting, stopped } = replayed;
    report.position = state.position;
    report.counts = state.ledger.counts.clone();
    report.erased = (state.erasures.readings, state.erasures.letters);
    report.untaken = journal.last.0.saturating_sub(state.position.0);
    ledger(&mut report, &state);
    report.uncommitted = waiting.uncommitted(&committed);
    report.inexact = match is_ours {
        true => inexact(&state, &committed, stopped),
        false => Some("the checkpoint is of another journal".to_owned()),
    };
    report.exact = report.inexact.is_none();
    if report.exact {
        let expires = |table| lake.first_kept_day(table, state.now).is_some();
        let left = leftovers(lake, &state).await?;
        let held = Held::of(&state, &waiting, &left);
        compare(&mut report, &held, tables, expires);
        let unfinished =
            left.into_iter().map(|(sensor, left)| Unfinished { sensor, readings: left.readings, letters: left.letters });
        report.unfinished.extend(unfinished);
        report.unfinished.sort_unstable_by(|a, b| a.sensor.cmp(&b.sensor));
    }
    Ok(report)
}

fn of_journal(report: &mut Report, checkpoint: Checkpoint, journal: &journal::Report) -> State {
    if checkpoint.journal != journal.id {
        report.add(Promise::Ack1, format!("the checkpoint is of journal {}, not of {}", checkpoint.journal, journal.id));
    }
    if checkpoint.state.position > journal.last {
        let detail = format!("the checkpoint is at {}, the journal ends at {}", checkpoint.state.position, journal.last);
        report.add(Promise::Ack1, detail);
    }
    checkpoint.state
}

/// How far this journal is in each table.
async fn committed(lake: &Lake, journal: JournalId) -> Result<Committed, Error> {
    let mut committed = Committed::default();
    for table in Table::ALL {
        committed.set(table, lake.committed(table, journal).await?);
    }
    Ok(committed)
}

/// A table may hold rows of records that could not be taken in again.
fn inexact(state: &State, committed: &Committed, stopped: Option<String>) -> Option<String> {
    let ahead = Table::ALL.into_iter().find(|table| committed.of(*table) > state.position)?;
    let why = stopped.unwrap_or_else(|| format!("the journal ends at {}", state.position));
    Some(format!("{} holds rows up to {}, and {why}", ahead.name(), committed.of(ahead)))
}

fn ledger(report: &mut Report, state: &State) {
    if !state.ledger.counts.adds_up() {
        report.add(Promise::Sum1, format!("the totals do not add up: {:?}", state.ledger.counts));
    }
    for sensor in state.sensors.iter().filter(|sensor| !sensor.counts.adds_up()).take(compare::SENSORS_TOLD_MAX) {
        report.add(Promise::Sum1, format!("the counts of {} do not add up: {:?}", sensor.id, sensor.counts));
    }
    let of_sensors: u64 = state.sensors.iter().map(|sensor| sensor.counts.accepted).sum();
    if of_sensors != state.ledger.counts.accepted {
        let detail = format!("{} readings are accepted, {of_sensors} of all sensors together", state.ledger.counts.accepted);
        report.add(Promise::Sum1, detail);
    }
}
