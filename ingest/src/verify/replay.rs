//! The journal after the checkpoint, taken in again in memory: as the next start would, with the tables as they are and nothing written.

use std::sync::Arc;

use domain::limits::{HOT_ROWS_MAX, SLICE_RECORDS_MAX};
use domain::registry::Registry;
use domain::{Kind, Position, codec};
use journal::{Entry, Records, TailError};
use lake::Lake;
use lake::table::Table;

use super::Subject;
use super::waiting::Waiting;
use crate::batch::Batch;
use crate::error::Error;
use crate::keys::Loading;
use crate::pipeline::{Committed, Judging, KeySet, Pipeline, Plan, Rules, SetId, State};
use crate::registry::{Store, StoreError, rows_upto};

pub struct Replay<'a> {
    pub subject: &'a Subject<'a>,
    pub lake: &'a Lake,
    pub committed: Committed,
}

pub struct Replayed {
    pub state: State,
    pub waiting: Waiting,
    /// Why it did not reach the journal's end.
    pub stopped: Option<String>,
}

/// Why a replay ends early. What it came to until then stands.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("the journal cannot be read on: {0}")]
    Journal(#[from] TailError),
    #[error("the lake cannot be read: {0}")]
    Lake(#[from] lake::Error),
    #[error("the registry cannot be read from the lake: {0}")]
    Registry(#[from] StoreError),
    #[error("as many rows wait as a start would take before it commits")]
    Limit,
    #[error("a part of the check ended early")]
    Ended,
}

impl Replay<'_> {
    pub async fn run(&self, state: State) -> Result<Replayed, Error> {
        let after = state.position;
        let dir = self.subject.journal_dir.to_owned();
        let records = aside::run(move || Records::after(&dir, after)).await;
        let records = records.map_err(|_| Error::Ended("the reader of the journal"))?.map_err(Error::Journal)?;
        let mut waiting = Waiting::default();
        let Some(records) = records else {
            return Ok(Replayed { state, waiting, stopped: None });
        };
        let (state, outcome) = self.follow(state, records, &mut waiting).await;
        Ok(Replayed { state, waiting, stopped: outcome.err().map(|stop| stop.to_string()) })
    }

    async fn follow(&self, state: State, records: Records, waiting: &mut Waiting) -> (State, Result<(), Stop>) {
        let (mut records, mut entries) = match next(records).await {
            Ok((_, entries)) if entries.is_empty() => return (state, Ok(())),
            Ok(read) => read,
            Err(stop) => return (state, Err(stop)),
        };
        let registry = match self.registry(state.position).await {
            Ok(registry) => registry,
            Err(stop) => return (state, Err(stop)),
        };
        let rules = Rules::of(self.subject.options, self.lake, state.now);
        let mut pipeline = Pipeline::new(rules, state, Arc::new(registry), self.subject.options.dedupe_bytes);
        let furthest = Table::ALL.into_iter().map(|table| self.committed.of(table)).max().unwrap_or_default();
        let outcome = loop {
            if entries.is_empty() {
                break Ok(());
            }
            if let Err(stop) = self.take(&mut pipeline, entries, waiting).await {
                break Err(stop);
            }
            if pipeline.state().position >= furthest && waiting.rows() >= HOT_ROWS_MAX as u64 {
                break Err(Stop::Limit);
            }
            (records, entries) = match next(records).await {
                Ok(read) => read,
                Err(stop) => break Err(stop),
            };
        };
        (pipeline.into_state(), outcome)
    }

    /// As it was at the checkpoint, from the lake: the file beside it may be missing, and SQLite would write to it even to read.
    async fn registry(&self, upto: Position) -> Result<Registry, Stop> {
        let rows = match upto {
            Position::START => Vec::new(),
            upto => rows_upto(self.lake, upto).await?,
        };
        let city = self.subject.city.clone();
        let registry = aside::run(move || Store::in_memory(rows, &city)?.load(upto, &city)).await;
        Ok(registry.map_err(|_| Stop::Ended)??)
    }

    async fn take(&self, pipeline: &mut Pipeline, entries: Vec<Entry>, waiting: &mut Waiting) -> Result<(), Stop> {
        let options = codec::Options { reference_temperature_c: self.subject.options.reference_temperature_c };
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            self.take_batch(pipeline, Batch::next(&mut entries, &options), waiting).await?;
        }
        Ok(())
    }

    async fn take_batch(&self, pipeline: &mut Pipeline, batch: Batch, waiting: &mut Waiting) -> Result<(), Stop> {
        let plan = pipeline.plan(&batch);
        let first = batch.records.first().map_or(Position::START, |record| record.position);
        let loaded = self.load(pipeline, &plan, first, waiting).await?;
        let judged = match pipeline.next_edit(&batch, &self.committed) {
            Some(judging) => Some(aside::run(move || Judging::judge(judging)).await.map_err(|_| Stop::Ended)?),
            None => None,
        };
        let effects = pipeline.step(batch, plan, loaded, judged, &self.committed);
        Ok(waiting.take(effects)?)
    }

    /// From the lake, and from the rows that wait.
    async fn load(
        &self,
        pipeline: &Pipeline,
        plan: &Plan,
        first: Position,
        waiting: &Waiting,
    ) -> Result<Vec<(SetId, KeySet)>, Stop> {
        let mut loaded = Vec::new();
        for kind in Kind::ALL {
            let Some(mut loading) = Loading::of(kind, &plan.load, &pipeline.state().sensors, first) else {
                continue;
            };
            for rows in self.lake.keys(Table::of(kind), &loading.wanted()).await? {
                loading.take(&rows)?;
            }
            for rows in waiting.readings(kind) {
                loading.take(rows)?;
            }
            loaded.extend(loading.finish());
        }
        Ok(loaded)
    }
}

async fn next(mut records: Records) -> Result<(Records, Vec<Entry>), Stop> {
    let read = aside::run(move || records.next(SLICE_RECORDS_MAX).map(|entries| (records, entries))).await;
    Ok(read.map_err(|_| Stop::Ended)??)
}
