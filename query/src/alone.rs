//! A process that has no ingest and knows of none: what only ingest can answer is refused, with where to ask instead.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::record::Publish;
use domain::registry::{CityOptions, Registry};
use domain::{Position, SensorId, Timestamp};
use lake::contract::{
    Away, EditVerdict, IngestStatus, Intake, IntakeError, LedgerView, Live, LiveState, SensorStatus, Uplink, View,
};

pub struct Alone {
    why: Away,
    registry: Arc<Registry>,
}

impl Alone {
    /// `why` is told to whoever asks for more than the process itself.
    pub fn new(why: &str) -> Self {
        Self { why: Away(why.to_owned()), registry: Arc::new(Registry::empty(CityOptions::default())) }
    }
}

#[async_trait::async_trait]
impl Live for Alone {
    fn is_known(&self) -> Result<(), Away> {
        Err(self.why.clone())
    }

    async fn view(&self) -> Result<View, lake::Error> {
        Err(self.why.clone().into())
    }

    async fn history(&self) -> Result<(View, Arc<Registry>), lake::Error> {
        Err(self.why.clone().into())
    }

    fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    fn with_state(&self, read: &mut dyn FnMut(&LiveState, &Arc<Registry>)) {
        read(&LiveState::default(), &self.registry);
    }

    fn ledger(&self) -> LedgerView {
        LedgerView::default()
    }

    async fn ledger_of(&self, _: &SensorId) -> Result<Option<LedgerView>, Away> {
        Err(self.why.clone())
    }

    fn status(&self) -> IngestStatus {
        IngestStatus::default()
    }

    fn sensors(&self, _: Option<&SensorId>, _: usize) -> Vec<SensorStatus> {
        Vec::new()
    }

    async fn uplinks(&self, _: &SensorId) -> Result<Vec<Uplink>, Away> {
        Err(self.why.clone())
    }
}

#[async_trait::async_trait]
impl Intake for Alone {
    async fn publish(&self, _: Vec<Publish>) -> Result<Vec<Position>, IntakeError> {
        Err(self.why.clone().into())
    }

    async fn edit_registry(&self, _: &str, _: Bytes, _: bool) -> Result<EditVerdict, IntakeError> {
        Err(self.why.clone().into())
    }

    async fn export_registry(&self, _: Option<Timestamp>) -> Result<Bytes, IntakeError> {
        Err(self.why.clone().into())
    }

    async fn reprocess(&self, _: Position, _: u32) -> Result<bool, IntakeError> {
        Err(self.why.clone().into())
    }

    async fn settled(&self, _: Position, _: Duration) -> bool {
        false
    }
}
