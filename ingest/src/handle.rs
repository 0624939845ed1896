//! The handle: what query and the front binary see of ingest, in one process.
//!
//! It implements the lake's contract: [`Live`] reads under short locks, [`Intake`](lake::contract::Intake) ends in the journal.

mod intake;

use std::sync::Arc;

use domain::registry::{BayHistory, Layout};
use domain::{Kind, ObjectId, Position, SensorId, Timestamp};
use journal::Health;
use lake::contract::{IngestStatus, LedgerView, Live, LiveState, SensorStatus, TableStatus, Uplink, View};
use lake::table::Table;

use crate::pipeline::Sensor;
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

    fn ledger(&self, sensor: Option<&SensorId>) -> Option<LedgerView> {
        let pipeline = self.shared.pipeline.read();
        let state = pipeline.state();
        let (counts, foreign) = match sensor {
            None => (state.ledger.counts.clone(), state.ledger.foreign),
            Some(id) => (state.sensors.find(id)?.counts.clone(), 0),
        };
        Some(LedgerView { counts, foreign, head: state.position.0 })
    }

    fn status(&self) -> IngestStatus {
        let shared = &self.shared;
        let tables = Table::ALL.into_iter().map(|table| self.table(table)).collect();
        // One lock after the other: in the literal below a guard would live to its end, and the pipeline takes them the other way round.
        let hot_rows = shared.hot.read().rows() as u64;
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
            tables,
        }
    }

    /// Sensors of which a reading was accepted; the others stand in the ledger only.
    fn sensors(&self, after: Option<&SensorId>, limit: usize) -> Vec<SensorStatus> {
        let order = self.order();
        let pipeline = self.shared.pipeline.read();
        let sensors = &pipeline.state().sensors;
        let from = after.map_or(0, |after| order.partition_point(|number| sensors.get(*number).id <= *after));
        let statuses = order[from..].iter().filter_map(|number| self.sensor(sensors.get(*number)));
        statuses.take(limit).collect()
    }

    fn uplinks(&self, sensor: &SensorId) -> Vec<Uplink> {
        let number = self.shared.pipeline.read().state().sensors.number(sensor);
        number.map(|number| self.shared.uplinks.lock().of(number)).unwrap_or_default()
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

    fn sensor(&self, sensor: &Sensor) -> Option<SensorStatus> {
        let heard = sensor.heard.as_ref()?;
        let resolution = self.shared.registry.load().resolve(heard.kind, &sensor.id, heard.observed_at);
        let interval_s = match heard.kind {
            Kind::Parking => resolution.heartbeat_s,
            Kind::Air => resolution.interval_s,
        };
        let target = resolution.target.or_else(|| resolution.by_quantity.into_iter().find_map(|(_, target)| target));
        Some(SensorStatus {
            sensor: sensor.id.clone(),
            kind: heard.kind,
            registered: resolution.known,
            observed_at: heard.observed_at,
            received_at: heard.received_at,
            interval_s,
            battery_mv: heard.battery_mv,
            battery_pct: heard.battery_pct,
            rssi_dbm: heard.rssi_dbm,
            gateway: heard.gateway.as_ref().map(ToString::to_string),
            target: target.map(|target| target.id.as_str().to_owned()),
        })
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
