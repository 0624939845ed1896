//! Stand-ins for ingest and for the clock: what they answer is what a test put there, and they remember what they were given.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::record::Publish;
use domain::registry::{CityOptions, Edit, Registry};
use domain::time::Sleep;
use domain::{Clock, ObjectId, Position, Quantity, SensorId, Timestamp};
use lake::contract::{
    AirLast, Away, EditVerdict, IngestStatus, Intake, IntakeError, LedgerView, Live, LiveState, ParkingLast, SensorStatus,
    Uplink, View,
};
use parking_lot::{Mutex, RwLock};

/// Stands still until it is set; whoever sleeps on it sleeps for ever.
pub struct StillClock(AtomicI64);

impl StillClock {
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

/// The running state as a test wants it.
pub struct StoodLive {
    pub view: Mutex<View>,
    pub registry: Mutex<Arc<Registry>>,
    pub state: RwLock<LiveState>,
    pub ledger: Mutex<Option<LedgerView>>,
    pub status: Mutex<IngestStatus>,
    pub sensors: Mutex<Vec<SensorStatus>>,
    /// As before a process of query has heard from ingest.
    pub away: Mutex<Option<Away>>,
    /// Happens once, right after the registry was handed out.
    pub meanwhile: Mutex<Option<Meanwhile>>,
}

pub type Meanwhile = Box<dyn FnOnce(&StoodLive) + Send>;

impl StoodLive {
    pub fn new(view: View) -> Self {
        let status = IngestStatus { writable: true, ..IngestStatus::default() };
        Self {
            view: Mutex::new(view),
            registry: Mutex::new(Arc::new(Registry::empty(CityOptions::default()))),
            state: RwLock::default(),
            ledger: Mutex::new(Some(LedgerView::default())),
            status: Mutex::new(status),
            sensors: Mutex::default(),
            away: Mutex::default(),
            meanwhile: Mutex::default(),
        }
    }

    /// Takes a FeatureCollection, of which no row may be refused.
    pub fn register(&self, features: &serde_json::Value, received_at: Timestamp) {
        let mut state = self.state.write();
        let mut registry = self.registry.lock();
        let (edit, rows) = Edit::parse_geojson(features.to_string().as_bytes(), &registry, received_at);
        let edit = edit.unwrap_or_else(|| panic!("the registry is taken: {rows:?}"));
        let (next, _) = registry.apply(&edit, received_at);
        // As ingest does: an edit makes the state anew.
        state.changes = state.changes.started_over();
        *registry = Arc::new(next);
    }

    pub fn show_parking(&self, target: &str, last: ParkingLast) {
        let mut state = self.state.write();
        state.note(&object(target), last.received_at);
        state.parking.insert(object(target), last);
    }

    pub fn show_air(&self, target: &str, quantity: Quantity, last: AirLast) {
        let mut state = self.state.write();
        state.note(&object(target), last.received_at);
        state.air.entry(object(target)).or_default().push((quantity, last));
    }
}

fn object(id: &str) -> ObjectId {
    ObjectId::new(id).expect("a valid id")
}

#[async_trait::async_trait]
impl Live for StoodLive {
    fn is_known(&self) -> Result<(), Away> {
        self.away.lock().clone().map_or(Ok(()), Err)
    }

    async fn view(&self) -> Result<View, lake::Error> {
        Ok(self.view.lock().clone())
    }

    async fn history(&self) -> Result<(View, Arc<Registry>), lake::Error> {
        Ok((self.view.lock().clone(), self.registry()))
    }

    fn registry(&self) -> Arc<Registry> {
        let registry = Arc::clone(&self.registry.lock());
        if let Some(meanwhile) = self.meanwhile.lock().take() {
            meanwhile(self);
        }
        registry
    }

    fn with_state(&self, read: &mut dyn FnMut(&LiveState, &Arc<Registry>)) {
        let state = self.state.read();
        let registry = Arc::clone(&self.registry.lock());
        read(&state, &registry);
    }

    fn ledger(&self) -> LedgerView {
        self.ledger.lock().clone().unwrap_or_default()
    }

    async fn ledger_of(&self, _: &SensorId) -> Result<Option<LedgerView>, Away> {
        self.is_known()?;
        Ok(self.ledger.lock().clone())
    }

    fn status(&self) -> IngestStatus {
        self.status.lock().clone()
    }

    fn sensors(&self, after: Option<&SensorId>, limit: usize) -> Vec<SensorStatus> {
        let sensors = self.sensors.lock();
        let later = sensors.iter().filter(|sensor| after.is_none_or(|after| sensor.heard.sensor > *after));
        later.take(limit).cloned().collect()
    }

    async fn uplinks(&self, _: &SensorId) -> Result<Vec<Uplink>, Away> {
        self.is_known()?;
        Ok(Vec::new())
    }
}

/// Takes everything and remembers it, until it is told that the journal is full.
#[derive(Default)]
pub struct StoodIntake {
    /// One entry a call of `publish`.
    pub published: Mutex<Vec<Vec<Publish>>>,
    /// Calls of `publish` that are taken before the journal cannot write any more; `None`: all.
    pub calls_max: Mutex<Option<usize>>,
    pub reprocessed: Mutex<Vec<(Position, u32)>>,
    /// What the next `reprocess` answers, else `Ok(true)`.
    pub reprocess_answer: Mutex<Option<Result<bool, IntakeError>>>,
}

#[async_trait::async_trait]
impl Intake for StoodIntake {
    async fn publish(&self, messages: Vec<Publish>) -> Result<Vec<Position>, IntakeError> {
        let mut published = self.published.lock();
        if self.calls_max.lock().is_some_and(|max| published.len() >= max) {
            return Err(IntakeError::Unavailable("no space left on device".to_owned()));
        }
        let before = published.iter().map(Vec::len).sum::<usize>() as u64;
        let positions = (1..=messages.len() as u64).map(|n| Position(before + n)).collect();
        published.push(messages);
        Ok(positions)
    }

    async fn edit_registry(&self, _: &str, _: Bytes, _: bool) -> Result<EditVerdict, IntakeError> {
        Err(IntakeError::Invalid("a stand-in edits no registry".to_owned()))
    }

    async fn export_registry(&self, _: Option<Timestamp>) -> Result<Bytes, IntakeError> {
        Err(IntakeError::Invalid("a stand-in exports no registry".to_owned()))
    }

    async fn reprocess(&self, of: Position, element: u32) -> Result<bool, IntakeError> {
        self.reprocessed.lock().push((of, element));
        self.reprocess_answer.lock().take().unwrap_or(Ok(true))
    }

    async fn settled(&self, _: Position, _: Duration) -> bool {
        true
    }
}
