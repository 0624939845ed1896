//! An erasure on request, on a data directory that nobody serves: what ingest does of it, in steps that may each be done again.
//!
//! ```text
//! survey ─► record: ERASE into the journal, two checkpoints after it ─► lake: rows, replaced files, log ─► (the caller: the journal's bytes)
//! ```
//!
//! Both checkpoints stand after the record before any row goes: no start ever judges older records by a lake that lacks rows which
//! they met. Dying in between leaves rows that the record has counted off already; [`leftovers`] finds them, for `verify` and for the
//! erasure that goes on.

mod leftover;

pub(crate) use leftover::{Leftovers, leftovers};

use std::sync::Arc;

use bytes::Bytes;
use domain::erasure::{Erasure, Message};
use domain::limits::ERASED_PERIODS_MAX;
use domain::record::{Content, Erase, Record, kind};
use domain::{Clock, Position, codec};
use hashbrown::HashSet;
use journal::{Entry, Journal};
use lake::Lake;
use lake::maintenance::{LetterName, Survey};
use lake::table::Table;

use crate::batch::Batch;
use crate::checkpoint::{CHECKPOINTS, Checkpoints, encode};
use crate::error::Error;
use crate::options::Options;
use crate::pipeline::{Committed, LetterId, Pipeline, Rules};
use crate::registry;
use crate::service::Deps;

/// Held letters that one record names: far below the longest record.
const HELD_A_RECORD: usize = 50_000;

/// Everything of ingest that an erasure touches.
pub struct Eraser {
    journal: Journal,
    lake: Lake,
    clock: Arc<dyn Clock>,
    checkpoints: Checkpoints,
    committed: Committed,
    options: Options,
    pipeline: Pipeline,
}

/// What there is to erase.
#[derive(Debug)]
pub struct Found {
    survey: Survey,
    /// Rows that no record has counted off yet.
    new_readings: u64,
    /// Standing letters that no record has counted off yet.
    new_letters: Vec<LetterName>,
    /// The period is closed to the sensor already.
    is_recorded: bool,
}

impl Found {
    /// Rows of the reading tables that are there.
    pub fn readings(&self) -> u64 {
        self.survey.readings.len() as u64
    }

    /// Dead letters that are there, standing and resolved.
    pub fn letters(&self) -> u64 {
        self.survey.letters.len() as u64
    }
}

impl Eraser {
    /// After a start and a stop that took everything: the newest checkpoint has to stand at the journal's end. Reads files on the
    /// calling thread.
    pub async fn open(options: Options, deps: Deps) -> Result<Self, Error> {
        let Deps { journal, lake, clock, city, data_dir, .. } = deps;
        let checkpoints = Checkpoints::open(data_dir.join(CHECKPOINTS))?;
        let state = checkpoints.load()?.newest.map(|checkpoint| checkpoint.state).unwrap_or_default();
        let left = journal.head().0.saturating_sub(state.position.0);
        if left > 0 {
            return Err(Error::Untaken(left));
        }
        let mut committed = Committed::default();
        for table in Table::ALL {
            committed.set(table, lake.committed(table, journal.id()).await?);
        }
        let registry = registry::as_of(&lake, state.position, &city).await?;
        let rules = Rules::of(&options, &lake, clock.now());
        let pipeline = Pipeline::new(rules, state, Arc::new(registry), options.dedupe_bytes);
        Ok(Self { journal, lake, clock, checkpoints, committed, options, pipeline })
    }

    /// Whether the sensor ever sent something.
    pub fn knows(&self, erasure: &Erasure) -> bool {
        self.pipeline.state().sensors.number(&erasure.sensor).is_some()
    }

    pub async fn survey(&self, erasure: &Erasure) -> Result<Found, Error> {
        let survey = self.lake.survey(erasure).await?;
        let state = self.pipeline.state();
        let periods = state.sensors.number(&erasure.sensor).map_or(&[][..], |number| state.erasures.of(number));
        let new_readings = survey.readings.iter().filter(|at| !periods.iter().any(|period| period.covers(**at)));
        let new_readings = new_readings.count() as u64;
        let mut counted_off = HashSet::new();
        for period in periods {
            let before = self.lake.survey(&period.of(&erasure.sensor)).await?;
            counted_off.extend(before.standing().filter(|letter| letter.of <= period.position));
        }
        let new_letters = survey.standing().filter(|letter| !counted_off.contains(letter)).collect();
        let is_recorded = periods.iter().any(|period| period.from <= erasure.from && erasure.to <= period.to);
        Ok(Found { survey, new_readings, new_letters, is_recorded })
    }

    /// Closes the period to the sensor and counts off what is about to go. Nothing is left of it in any checkpoint when it returns.
    pub async fn record(&mut self, erasure: &Erasure, found: &Found) -> Result<(), Error> {
        // What a try that died left held is released now, though it was counted off then.
        let held = self.held(found);
        let is_new = !found.is_recorded || found.new_readings > 0 || !found.new_letters.is_empty() || !held.is_empty();
        if is_new {
            if self.others(erasure) >= ERASED_PERIODS_MAX {
                return Err(Error::TooManyPeriods(erasure.sensor.clone()));
            }
            let mut parts = held.chunks(HELD_A_RECORD);
            let first = Erase {
                of: erasure.clone(),
                readings: found.new_readings,
                letters: found.new_letters.len() as u64,
                held: parts.next().unwrap_or_default().to_vec(),
            };
            self.take(Record::Erase(first)).await?;
            for held in parts {
                self.take(Record::Erase(Erase { of: erasure.clone(), readings: 0, letters: 0, held: held.to_vec() })).await?;
            }
        }
        // Two are kept, and a start may begin at either.
        for _ in 0..2 {
            self.take(Record::Tick).await?;
            let state = self.pipeline.state();
            self.checkpoints.write(state.position, &encode(self.journal.id(), state))?;
        }
        Ok(self.checkpoints.remove_damaged()?)
    }

    /// Periods of the sensor that stay beside the new one, which takes the place of those that it holds.
    fn others(&self, erasure: &Erasure) -> usize {
        let state = self.pipeline.state();
        let periods = state.sensors.number(&erasure.sensor).map_or(&[][..], |number| state.erasures.of(number));
        periods.iter().filter(|period| period.from < erasure.from || erasure.to < period.to).count()
    }

    fn held(&self, found: &Found) -> Vec<(Position, u32)> {
        let state = self.pipeline.state();
        let is_held = |name: &LetterName| state.held.holds(LetterId { of: name.of, element: name.element });
        let mut held: Vec<_> = found.survey.standing().filter(is_held).map(|name| (name.of, name.element)).collect();
        held.sort_unstable();
        held
    }

    /// Durable in the journal, then taken, as a start would take it.
    async fn take(&mut self, record: Record) -> Result<(), Error> {
        let (kind, body) = record.encode();
        let position = self.journal.append(kind, &body).await?;
        let received_at = self.journal.received_at(position).unwrap_or_else(|| self.clock.now());
        let mut batch = Batch::default();
        let options = codec::Options { reference_temperature_c: self.options.reference_temperature_c };
        batch.push(position, received_at, kind, body, &options);
        let plan = self.pipeline.plan(&batch);
        // Such a record brings no rows.
        self.pipeline.step(batch, plan, Vec::new(), None, &self.committed);
        Ok(())
    }

    /// Takes the rows out of the tables and everything that held them off the disk. Returns the number of files that went.
    pub async fn erase(&self, erasure: &Erasure, found: &Found) -> Result<u64, Error> {
        let now = self.clock.now();
        self.lake.erase(erasure, &found.survey, now).await?;
        Ok(self.lake.scrub(erasure, now).await?)
    }
}

/// Whether an erasure reaches what a journal's record holds of messages; sessions are the front's business.
pub fn reaches(erasure: &Erasure, entry: &Entry) -> bool {
    if !matches!(entry.kind, kind::PUBLISH | kind::REFUSED | kind::REPROCESS) {
        return false;
    }
    let reaches = |topic: &str, content: Content, payload: &Bytes, received_at| {
        erasure.reaches(&Message { topic, content, payload, received_at: Some(received_at) })
    };
    match Record::decode(entry.kind, entry.body.clone()) {
        Ok(Record::Publish(publish)) => reaches(publish.topic(), publish.content, &publish.payload, entry.received_at),
        Ok(Record::Refused(refused)) => reaches(&refused.topic, Content::Default, &refused.head, entry.received_at),
        Ok(Record::Reprocess(again)) => {
            reaches(again.publish.topic(), again.publish.content, &again.publish.payload, again.received_at)
        }
        _ => false,
    }
}
