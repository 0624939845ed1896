//! One slice of the journal through the pipeline.

use domain::{Kind, Position, codec, crash_point};
use journal::Entry;
use lake::contract::HotChunk;
use lake::table::Table;
use tracing::warn;

use super::leaving::Leaving;
use super::{Backoff, Service};
use crate::batch::Batch;
use crate::error::Error;
use crate::keys::Loading;
use crate::metrics as names;
use crate::pipeline::{AppliedEdit, Effects, Judged, KeySet, Plan, SetId};
use crate::uplinks::NewUplink;

/// What became of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    All,
    /// A shutdown came, and what the rest needs is not to be had: no record after it may be taken either.
    NotAll,
}

/// What a step needs beside its batch.
struct Prepared {
    plan: Plan,
    loaded: Vec<(SetId, KeySet)>,
    judged: Option<Judged>,
}

impl Service {
    /// Takes what one wait gave, step by step; other tasks run in between.
    pub(super) async fn take(&mut self, entries: Vec<Entry>, leaving: &Leaving) -> Result<Taken, Error> {
        let (Some(oldest), Some(newest)) = (entries.first(), entries.last()) else {
            return Ok(Taken::All);
        };
        let newest = newest.received_at;
        self.shared.reach(oldest.received_at);
        let taken = self.take_slice(entries, leaving).await?;
        if taken == Taken::All {
            self.shared.reach(newest);
        }
        Ok(taken)
    }

    async fn take_slice(&mut self, entries: Vec<Entry>, leaving: &Leaving) -> Result<Taken, Error> {
        let options = codec::Options { reference_temperature_c: self.shared.options.reference_temperature_c };
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let batch = Batch::next(&mut entries, &options);
            if self.take_batch(batch, leaving).await? == Taken::NotAll {
                return Ok(Taken::NotAll);
            }
            tokio::task::yield_now().await;
        }
        Ok(Taken::All)
    }

    async fn take_batch(&mut self, batch: Batch, leaving: &Leaving) -> Result<Taken, Error> {
        let began = self.shared.clock.elapsed();
        let records = batch.records.len() as u64;
        let prepared = tokio::select! {
            biased;
            prepared = self.prepare(&batch, leaving) => prepared?,
            () = leaving.taking_is_over() => None,
        };
        let Some(prepared) = prepared else {
            return Ok(Taken::NotAll);
        };
        let effects = self.step(batch, prepared);
        self.publish(effects).await?;
        if self.shared.position() <= self.shared.start {
            crash_point!(RecoveryReplay);
        }
        metrics::counter!(names::RECORDS).increment(records);
        metrics::histogram!(names::STEP_SECONDS).record(self.shared.clock.elapsed().saturating_sub(began).as_secs_f64());
        Ok(Taken::All)
    }

    /// `None` when a shutdown came and it cannot be had. Nothing of the state that answers show is changed by it.
    async fn prepare(&self, batch: &Batch, leaving: &Leaving) -> Result<Option<Prepared>, Error> {
        let plan = self.shared.pipeline.write().plan(batch);
        let Some(loaded) = self.load_keys(&plan, batch.records.first().map(|record| record.position), leaving).await? else {
            return Ok(None);
        };
        let judged = self.judge_next_edit(batch).await?;
        Ok(Some(Prepared { plan, loaded, judged }))
    }

    /// On a thread of its own and before the state is written: a city's edit takes seconds, and readers go on meanwhile. Nobody else
    /// writes the state, so it is the same when the step comes.
    async fn judge_next_edit(&self, batch: &Batch) -> Result<Option<Judged>, Error> {
        let next = self.shared.pipeline.read().next_edit(batch, &self.committed);
        let Some(judging) = next else {
            return Ok(None);
        };
        let shared = self.shared.clone();
        let judged = aside::run(move || {
            let mut judged = judging.judge();
            judged.rebuild(shared.pipeline.read().state());
            judged
        });
        judged.await.map(Some).map_err(|_| Error::Ended("the judge of registry edits"))
    }

    /// State and hot rows change under one lock: a reader sees both or none.
    fn step(&mut self, batch: Batch, Prepared { plan, loaded, judged }: Prepared) -> Effects {
        let mut pipeline = self.shared.pipeline.write();
        let mut effects = pipeline.step(batch, plan, loaded, judged, &self.committed);
        let rows = [
            (Table::ParkingReadings, effects.parking.len(), effects.parking.finish()),
            (Table::AirReadings, effects.air.len(), effects.air.finish()),
            (Table::DeadLetters, effects.dead_letters.len(), effects.dead_letters.finish()),
        ];
        let rows = rows.into_iter().filter(|(_, count, _)| *count > 0).map(|(table, _, rows)| (table, rows));
        let rows = rows.chain(effects.registry.drain(..).map(|rows| (Table::Registry, rows)));
        self.shared.hot.write().push(effects.first, effects.last, pipeline.state().now, rows);
        if !effects.edits.is_empty() {
            self.shared.registry.store(pipeline.registry().clone());
        }
        effects
    }

    /// What a step brings about beside the state; then the head is told.
    async fn publish(&mut self, effects: Effects) -> Result<(), Error> {
        {
            let mut uplinks = self.shared.uplinks.lock();
            for note in &effects.uplinks {
                uplinks.push(&NewUplink {
                    sensor: note.sensor,
                    received_at: note.received_at,
                    position: note.position,
                    topic: note.publish.topic(),
                    payload: (!note.is_erased).then_some(&*note.publish.payload),
                    error: note.error.as_deref(),
                });
            }
        }
        for edit in effects.edits {
            self.record_edit(edit).await?;
        }
        self.shared.head.send_replace(effects.last);
        Ok(())
    }

    /// The store holds an edit before anybody is told that it is applied, and before a checkpoint beyond it.
    async fn record_edit(&mut self, mut edit: AppliedEdit) -> Result<(), Error> {
        if edit.taken {
            let (store, position, changes) = (self.store.clone(), edit.position, std::mem::take(&mut edit.changes));
            crash_point!(RegistryBeforeRecord);
            let recorded = aside::run(move || store.record(position, &changes)).await;
            recorded.map_err(|_| Error::Ended("the registry store"))??;
            crash_point!(RegistryAfterRecord);
        } else {
            warn!(position = edit.position.0, author = edit.author, "registry edit refused as it was applied");
        }
        if let Some(slot) = self.shared.edits.lock().get_mut(&edit.position) {
            *slot = Some(edit);
        }
        Ok(())
    }

    /// Retried while the lake cannot be read: without the sets nobody can say what is a duplicate. A shutdown does not wait for that.
    async fn load_keys(
        &self,
        plan: &Plan,
        first: Option<Position>,
        leaving: &Leaving,
    ) -> Result<Option<Vec<(SetId, KeySet)>>, Error> {
        let Some(first) = first.filter(|_| !plan.load.is_empty()) else {
            return Ok(Some(Vec::new()));
        };
        metrics::counter!(names::KEY_SETS_LOADED).increment(plan.load.len() as u64);
        let mut loaded = Vec::with_capacity(plan.load.len());
        for kind in Kind::ALL {
            let mut backoff = Backoff::new();
            loop {
                let loading = Loading::of(kind, &plan.load, &self.shared.pipeline.read().state().sensors, first);
                let Some(loading) = loading else {
                    break;
                };
                match self.fill(loading, kind).await {
                    Ok(filled) => {
                        loaded.extend(filled.finish());
                        break;
                    }
                    Err(error) => {
                        warn!(%error, "keys cannot be loaded, trying again");
                        tokio::select! {
                            biased;
                            () = self.shared.clock.sleep(backoff.next()) => {}
                            () = leaving.asked() => return Ok(None),
                        }
                    }
                }
            }
        }
        Ok(Some(loaded))
    }

    /// The hot rows are taken first, then the lake: rows that move between are seen twice, never missed.
    async fn fill(&self, mut loading: Loading, kind: Kind) -> Result<Loading, lake::Error> {
        let table = Table::of(kind);
        let hot: Vec<HotChunk> = {
            let hot = self.shared.hot.read();
            hot.after(table, self.shared.lake.snapshot(table).committed)
        };
        for rows in self.shared.lake.keys(table, &loading.wanted()).await? {
            loading.take(&rows)?;
        }
        for chunk in hot {
            loading.take(&chunk.rows)?;
        }
        Ok(loading)
    }
}
