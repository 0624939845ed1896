//! The copy of what ingest has in memory, all of it true at one journal position.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use domain::limits::LINK_AWAY_AFTER;
use domain::registry::{CityOptions, Registry};
use domain::{Clock, JournalId, Position, SensorId, Timestamp};
use lake::contract::link::{Follow, Seal};
use lake::contract::{Away, IngestStatus, LedgerView, LiveState, SensorStatus, View};
use lake::snapshot::TableSnapshot;
use lake::table::Table;
use parking_lot::RwLock;
use tokio::sync::{Notify, watch};

use super::hot::HotCopy;
use super::staged::{Heard, LastReadings, Sensors, Staged};

/// How it is with ingest.
#[derive(Clone, Debug)]
pub enum Standing {
    Away {
        why: String,
    },
    /// It replays its journal, from here to there.
    Recovering {
        position: u64,
        upto: u64,
    },
    Here,
}

impl Standing {
    /// What ingest cannot be asked for now.
    pub fn obstacle(&self, address: &str) -> Option<String> {
        match self {
            Self::Away { why } => Some(format!("ingest at {address} is away: {why}")),
            Self::Recovering { position, upto } => {
                Some(format!("ingest at {address} replays its journal: {position} of {upto} records"))
            }
            Self::Here => None,
        }
    }
}

pub struct Copy {
    address: String,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
    /// The position that the copy shows.
    head: watch::Sender<Position>,
    standing: watch::Sender<Standing>,
    /// Hot rows were given up for rows of the lake.
    adopted: Notify,
}

struct Known {
    /// `None` until everything was told once.
    journal: Option<JournalId>,
    head: Position,
    /// The pipeline's now.
    now: Timestamp,
    ledger: LedgerView,
    registry: Arc<Registry>,
    /// The newest edit in it.
    edit: Position,
    live: LiveState,
    sensors: Sensors,
    hot: HotCopy,
    status: IngestStatus,
    /// When this was told, on the clock that never goes back.
    told_at: Duration,
}

impl Copy {
    pub fn new(address: String, city: CityOptions, clock: Arc<dyn Clock>) -> Self {
        let known = Known {
            journal: None,
            head: Position::START,
            now: Timestamp::UNIX_EPOCH,
            ledger: LedgerView::default(),
            registry: Arc::new(Registry::empty(city)),
            edit: Position::START,
            live: LiveState::default(),
            sensors: Sensors::new(),
            hot: HotCopy::default(),
            status: IngestStatus::default(),
            told_at: clock.elapsed(),
        };
        let away = Standing::Away { why: "not connected yet".to_owned() };
        let (head, standing) = (watch::Sender::new(Position::START), watch::Sender::new(away));
        Self { address, clock, known: RwLock::new(known), head, standing, adopted: Notify::new() }
    }

    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    pub fn stands(&self, standing: Standing) {
        self.standing.send_replace(standing);
    }

    #[cfg(test)]
    pub fn head_told(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// Whether there is anything to answer from.
    pub fn is_known(&self) -> Result<(), Away> {
        match self.known.read().journal {
            Some(_) => Ok(()),
            None => Err(Away(self.obstacle())),
        }
    }

    pub async fn known(&self) {
        let mut head = self.head.subscribe();
        while self.is_known().is_err() {
            // The sender lives in `self`, so the wait cannot fail.
            let _ = head.changed().await;
        }
    }

    /// Why answers are not those of now; `None` when they are.
    pub fn complaint(&self) -> Option<String> {
        if self.is_known().is_err() {
            return Some(format!("{}; nothing is known of it yet", self.obstacle()));
        }
        let age = self.age();
        (age > LINK_AWAY_AFTER).then(|| format!("{}; answers are those of {} s ago", self.obstacle(), age.as_secs()))
    }

    fn obstacle(&self) -> String {
        let obstacle = self.standing.borrow().obstacle(&self.address);
        obstacle.unwrap_or_else(|| format!("ingest at {} is silent", self.address))
    }

    fn age(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.known.read().told_at)
    }

    /// Waits until the copy shows `position`; `false` after `wait`.
    pub async fn reached(&self, position: Position, wait: Duration) -> bool {
        let mut head = self.head.subscribe();
        tokio::select! {
            _ = head.wait_for(|head| *head >= position) => true,
            () = self.clock.sleep(wait) => *self.head.borrow() >= position,
        }
    }

    /// SNAP-1: state, hot rows and lake up to one position.
    pub fn view(&self) -> Result<View, Away> {
        self.is_known()?;
        Ok(self.view_of(&self.known.read()))
    }

    fn view_of(&self, known: &Known) -> View {
        let as_of = self.clock.now();
        let tables = Table::ALL.into_iter().filter_map(|table| Some((table, known.hot.view(table, known.head)?)));
        View::new(known.head, as_of.max(known.now), tables.collect())
    }

    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.known.read().registry)
    }

    /// A step brings rows and registry together.
    pub fn history(&self) -> Result<(View, Arc<Registry>), Away> {
        self.is_known()?;
        let known = self.known.read();
        Ok((self.view_of(&known), Arc::clone(&known.registry)))
    }

    pub fn with_state(&self, read: &mut dyn FnMut(&LiveState, &Arc<Registry>)) {
        let known = self.known.read();
        read(&known.live, &known.registry);
    }

    pub fn ledger(&self) -> LedgerView {
        self.known.read().ledger.clone()
    }

    /// As ingest told it last; with its age, and what is this process's own.
    pub fn status(&self) -> IngestStatus {
        let age = self.age();
        let known = self.known.read();
        let age_ms = age.as_millis() as u64;
        let mut status = known.status.clone();
        (status.pipeline_head, status.hot_rows, status.age_ms) = (known.head, known.hot.rows() as u64, age_ms);
        if age > LINK_AWAY_AFTER {
            status.lag_ms += age_ms;
            status.writable = false;
        }
        status
    }

    /// Copied under the lock, resolved after it.
    pub fn sensors(&self, after: Option<&SensorId>, limit: usize) -> Vec<SensorStatus> {
        let (heard, registry) = {
            let known = self.known.read();
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let heard = known.sensors.range::<SensorId, _>((from, Bound::Unbounded)).take(limit);
            (heard.map(|(_, heard)| heard.clone()).collect::<Vec<_>>(), Arc::clone(&known.registry))
        };
        let now = self.clock.now();
        heard.into_iter().map(|heard| heard.status(&registry, now)).collect()
    }

    /// Waits for room: what the lake does not take off this copy, ingest has to keep meanwhile.
    pub async fn has_room(&self) {
        while self.known.read().hot.is_full() {
            self.adopted.notified().await;
        }
    }
}

/// What the follower does to it.
impl Copy {
    /// What to ask for, given what the lake holds of this journal; a copy of another journal counts for nothing.
    pub fn wants(&self, journal: JournalId, lake: &[Arc<TableSnapshot>]) -> Follow {
        let known = self.known.read();
        let same = known.journal == Some(journal);
        let head = if same { known.head } else { Position::START };
        let rows = lake.iter().map(|snapshot| (snapshot.table.name().to_owned(), snapshot.committed.max(head)));
        Follow { registry: same.then_some(known.edit), sensors: !lake.is_empty(), rows: rows.collect() }
    }

    /// A step is whole: all of it becomes true at once, with the lake that was read before where `lake` holds it.
    pub fn apply(
        &self,
        journal: JournalId,
        staged: Staged,
        registry: Option<Arc<Registry>>,
        seal: Seal,
        lake: Vec<Arc<TableSnapshot>>,
    ) -> Result<(), lake::Error> {
        let mut known = self.known.write();
        if known.journal != Some(journal) {
            known.hot = HotCopy::default();
        }
        let Seal { head, now, ledger, registry: edit, status } = seal;
        known.journal = Some(journal);
        (known.head, known.now, known.ledger, known.edit) = (head, now, ledger, edit);
        if let Some(registry) = registry {
            known.registry = registry;
        }
        let before = known.show(staged.live);
        let former = known.hear(staged.sensors);
        for (table, chunk) in staged.rows {
            known.hot.push(table, chunk)?;
        }
        lake.into_iter().for_each(|snapshot| known.hot.offer(snapshot));
        known.hot.adopt(head)?;
        known.status = status.unwrap_or_else(|| std::mem::take(&mut known.status));
        known.told_at = self.clock.elapsed();
        drop(known);
        // A city's state takes a while to go.
        drop((before, former));
        self.head.send_replace(head);
        Ok(())
    }

    /// The lake was read again.
    pub fn read(&self, lake: Vec<Arc<TableSnapshot>>) -> Result<(), lake::Error> {
        let mut known = self.known.write();
        lake.into_iter().for_each(|snapshot| known.hot.offer(snapshot));
        let head = known.head;
        known.hot.adopt(head)?;
        drop(known);
        self.adopted.notify_one();
        Ok(())
    }
}

impl Known {
    /// Returns what it replaces.
    fn show(&mut self, news: LastReadings) -> Option<LiveState> {
        let version = self.head.0;
        let before = news.whole.map(|mut whole| {
            whole.changes = self.live.changes.started_over();
            whole.find_newest();
            std::mem::replace(&mut self.live, whole)
        });
        for (target, last) in news.parking {
            self.live.note(&target, last.received_at);
            self.live.parking.insert(target, last);
        }
        for (target, lasts) in news.air {
            if let Some(newest) = lasts.iter().map(|(_, last)| last.received_at).max() {
                self.live.note(&target, newest);
            }
            self.live.air.insert(target, lasts);
        }
        self.live.version = version;
        before
    }

    fn hear(&mut self, news: Heard) -> Option<Sensors> {
        let before = news.whole.map(|whole| std::mem::replace(&mut self.sensors, whole));
        self.sensors.extend(news.some.into_iter().map(|heard| (heard.sensor.clone(), heard)));
        before
    }
}
