//! The handle: what query and the front binary see of ingest, in one process.
//!
//! It implements the lake's contract: [`Live`] reads under short locks, [`Intake`](lake::contract::Intake) ends in the journal.

mod intake;

use std::sync::Arc;

use domain::registry::{BayHistory, Layout};
use domain::{ObjectId, Position, SensorId, Timestamp};
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

    fn layout(&self, at: Timestamp) -> Arc<Layout> {
        self.shared.registry.load().layout(at)
    }

    fn bay_history(&self, bay: &ObjectId, from: Timestamp, to: Timestamp) -> Option<BayHistory> {
        self.shared.registry.load().bay_history(bay, from, to)
    }

    fn with_state(&self, read: &mut dyn FnMut(&LiveState)) {
        read(&self.shared.pipeline.read().state().live);
    }

    fn ledger(&self) -> LedgerView {
        self.shared.pipeline.read().state().totals()
    }

    async fn ledger_of(&self, sensor: &SensorId) -> Result<Option<LedgerView>, Away> {
        let pipeline = self.shared.pipeline.read();
        let state = pipeline.state();
        let counts = state.sensors.find(sensor).map(|sensor| sensor.counts.clone());
        Ok(counts.map(|counts| LedgerView { counts, foreign: 0, head: state.position.0 }))
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

    /// Sensors of which a reading was accepted; the others stand in the ledger only.
    fn sensors(&self, after: Option<&SensorId>, limit: usize) -> Vec<SensorStatus> {
        let order = self.order();
        let registry = self.shared.registry.load();
        let pipeline = self.shared.pipeline.read();
        let sensors = &pipeline.state().sensors;
        let from = after.map_or(0, |after| order.partition_point(|number| sensors.get(*number).id <= *after));
        let statuses = order[from..].iter().filter_map(|number| Some(sensors.get(*number).heard()?.status(&registry)));
        statuses.take(limit).collect()
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

    /// Sensor numbers by id. Sorted anew when there are more than before: new sensors are rare.
    fn order(&self) -> Arc<Vec<u32>> {
        let pipeline = self.shared.pipeline.read();
        let sensors = &pipeline.state().sensors;
        let mut order = self.shared.order.lock();
        if order.len() != sensors.len() {
            let mut numbers: Vec<u32> = (0..sensors.len() as u32).collect();
            numbers.sort_unstable_by(|a, b| sensors.get(*a).id.cmp(&sensors.get(*b).id));
            *order = Arc::new(numbers);
        }
        order.clone()
    }
}
