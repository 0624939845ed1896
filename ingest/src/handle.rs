//! The handle: what query and the front binary see of ingest, in one process.
//!
//! It implements the lake's contract: [`Live`] reads under short locks, [`Intake`](lake::contract::Intake) ends in the journal.

mod intake;

use std::sync::Arc;

use domain::registry::Registry;
use domain::{Position, SensorId};
use journal::Health;
use lake::contract::{Away, IngestStatus, LedgerView, Live, LiveState, SensorStatus, TableStatus, Uplink, View};
use lake::table::Table;

use crate::shared::Shared;

/// Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Waits until every record that was durable when the service began is visible.
    pub async fn caught_up(&self) {
        self.shared.taken(self.shared.start).await;
    }

    pub fn is_caught_up(&self) -> bool {
        self.shared.position() >= self.shared.start
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    #[cfg(test)]
    pub(crate) fn lake(&self) -> &lake::Lake {
        &self.shared.lake
    }

    /// The newest record that the pipeline has taken.
    pub fn position(&self) -> Position {
        self.shared.position()
    }
}

#[async_trait::async_trait]
impl Live for Handle {
    fn is_known(&self) -> Result<(), Away> {
        Ok(())
    }

    async fn view(&self) -> Result<View, lake::Error> {
        Ok(self.shared.view())
    }

    async fn history(&self) -> Result<(View, Arc<Registry>), lake::Error> {
        // A step brings hot rows and registry under this lock.
        let pipeline = self.shared.pipeline.read();
        Ok((self.shared.view(), Arc::clone(pipeline.registry())))
    }

    fn registry(&self) -> Arc<Registry> {
        self.shared.registry.load_full()
    }

    fn with_state(&self, read: &mut dyn FnMut(&LiveState, &Arc<Registry>)) {
        let pipeline = self.shared.pipeline.read();
        read(&pipeline.state().live, pipeline.registry());
    }

    fn ledger(&self) -> LedgerView {
        self.shared.pipeline.read().state().totals()
    }

    async fn ledger_of(&self, sensor: &SensorId) -> Result<Option<LedgerView>, Away> {
        let pipeline = self.shared.pipeline.read();
        let state = pipeline.state();
        Ok(state.sensors.number(sensor).map(|number| LedgerView {
            counts: state.sensors.get(number).counts.clone(),
            foreign: 0,
            erased: state.erasures.readings_of(number),
            head: state.position.0,
        }))
    }

    fn status(&self) -> IngestStatus {
        let shared = &self.shared;
        let tables = Table::ALL.into_iter().map(|table| self.table(table)).collect();
        // One lock after the other: in the literal below a guard would live to its end, and the pipeline takes them the other way round.
        let hot_rows = shared.hot.read().all().rows as u64;
        let held = shared.pipeline.read().state().held.len() as u64;
        IngestStatus {
            journal_head: shared.journal.head(),
            pipeline_head: shared.position(),
            checkpoint: shared.checkpoint(),
            lag_ms: shared.lag_ms(),
            hot_rows,
            held,
            journal_bytes: shared.journal.bytes(),
            journal_segments: shared.journal.segments(),
            writable: shared.journal.health() == Health::Writable,
            age_ms: 0,
            tables,
        }
    }

    /// Copied under the lock, resolved after it.
    fn sensors(&self, after: Option<&SensorId>, limit: usize) -> Vec<SensorStatus> {
        let order = self.order();
        let from = after.map_or(0, |after| order.partition_point(|(id, _)| id <= after));
        let asked = order[from..].iter().take(limit);
        let heard: Vec<_> = {
            let pipeline = self.shared.pipeline.read();
            asked.map(|(_, number)| pipeline.state().sensors.get(*number).heard()).collect()
        };
        let (registry, now) = (self.shared.registry.load(), self.shared.clock.now());
        heard.into_iter().map(|heard| heard.status(&registry, now)).collect()
    }

    async fn uplinks(&self, sensor: &SensorId) -> Result<Vec<Uplink>, Away> {
        let number = self.shared.pipeline.read().state().sensors.number(sensor);
        Ok(number.map(|number| self.shared.uplinks.lock().of(number)).unwrap_or_default())
    }
}

impl Handle {
    fn table(&self, table: Table) -> TableStatus {
        let snapshot = self.shared.lake.snapshot(table);
        TableStatus {
            table: table.name().to_owned(),
            committed: snapshot.committed,
            lake_version: snapshot.version,
            files: snapshot.files.len() as u64,
            bytes: snapshot.files.iter().map(|file| file.bytes).sum(),
            hot_rows: self.shared.hot.read().rows_of(table) as u64,
        }
    }

    /// All sensors by id. Those that are new since the last time are copied a piece at a time, and sorted in without the pipeline's lock.
    fn order(&self) -> Arc<Vec<(SensorId, u32)>> {
        let mut order = self.shared.order.lock();
        loop {
            let known = order.len();
            let new: Vec<(SensorId, u32)> = {
                let pipeline = self.shared.pipeline.read();
                let sensors = &pipeline.state().sensors;
                let end = sensors.len().min(known + ORDER_STEP);
                (known as u32..end as u32).map(|number| (sensors.get(number).id.clone(), number)).collect()
            };
            if new.is_empty() {
                break;
            }
            Arc::make_mut(&mut order).extend(new);
        }
        if !order.is_sorted() {
            // Mostly in order already: a merge of what was there and what is new.
            Arc::make_mut(&mut order).sort();
        }
        Arc::clone(&order)
    }
}

/// Ids that are copied under one lock: a millisecond.
const ORDER_STEP: usize = 8_192;
