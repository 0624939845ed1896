//! One table's Delta log, followed in memory.
//!
//! deltalake-core creates tables, replays checkpoints and writes them (`delta.rs`). A commit, though, needs none of its snapshots,
//! whose upkeep costs more with every file: this process knows the version, the live files and what each journal has committed,
//! so a commit is one durable `N.json`, put only if absent, and a change of that knowledge. When another writer took the
//! number, its entry is read and applied first, and the change is judged anew.

mod change;
mod delta;
mod entry;
mod protocol;
mod torn;

use std::sync::Arc;

use domain::{Clock, JournalId, Position};
use hashbrown::{HashMap, HashSet};
use parking_lot::RwLock;
use tokio::sync::{Mutex, MutexGuard};
use tracing::{info, warn};

pub(crate) use change::{Added, Change};
pub use delta::Delta;
pub use entry::{Entry, Removed};
pub use protocol::{Log, Put};

use crate::Error;
use crate::snapshot::{DataFile, TableSnapshot};
use crate::store::Location;
use crate::table::Table;

/// How often a change gives way to other writers before it gives up.
const ATTEMPTS_MAX: u32 = 16;

/// Shared by all handles of a lake.
pub(crate) struct TableLog {
    pub table: Table,
    log: Arc<dyn Log>,
    current: RwLock<Arc<TableSnapshot>>,
    writer: Mutex<Writer>,
}

/// Who holds it may write the log.
pub(crate) struct Writer {
    /// What each journal that was asked for has committed.
    positions: HashMap<JournalId, Position>,
    /// The journal that this process writes from: the one whose position snapshots tell.
    journal: Option<JournalId>,
    /// A write failed without saying whether it took place: look before the next.
    in_doubt: bool,
}

/// What became of a change.
pub(crate) enum Outcome {
    Written,
    /// The log holds the journal up to this position or further already; nothing was written.
    AlreadyIn,
}

impl TableLog {
    /// Makes the table where there is none, mends a torn last entry, adds columns that an older version did not have.
    pub async fn open(location: &Location, table: Table, clock: &dyn Clock) -> Result<Self, Error> {
        location.create_table_folder(table)?;
        torn::set_aside(location, table, clock.now()).await?;
        let log = location.log(table);
        log.prepare().await?;
        let snapshot = log.load(None).await?.unwrap_or_else(|| absent(table));
        Ok(Self::new(table, log, snapshot))
    }

    /// Touches nothing: a table that is not there yet is empty, a torn last entry is passed over.
    pub async fn open_read_only(location: &Location, table: Table) -> Result<Self, Error> {
        let log = location.log(table);
        if location.table_disk(table).is_some_and(|folder| !folder.exists()) {
            return Ok(Self::new(table, log, absent(table)));
        }
        let before = torn::find(location, table).await?.map(|torn| torn.version);
        let found = match before {
            Some(0) => None,
            before => log.load(before.map(|version| version - 1)).await?,
        };
        Ok(Self::new(table, log, found.unwrap_or_else(|| absent(table))))
    }

    fn new(table: Table, log: Arc<dyn Log>, snapshot: TableSnapshot) -> Self {
        let writer = Writer { positions: HashMap::new(), journal: None, in_doubt: false };
        Self { table, log, current: RwLock::new(Arc::new(snapshot)), writer: Mutex::new(writer) }
    }

    pub fn snapshot(&self) -> Arc<TableSnapshot> {
        self.current.read().clone()
    }

    pub async fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().await
    }

    /// How far a journal is in the table. From now on snapshots tell this journal's position.
    pub async fn committed(&self, writer: &mut Writer, journal: JournalId) -> Result<Position, Error> {
        if writer.in_doubt {
            self.catch_up(writer).await?;
            writer.in_doubt = false;
        }
        let position = match writer.positions.get(&journal) {
            Some(&position) => position,
            None => {
                let found = self.transaction(self.snapshot().version, journal).await?;
                writer.positions.insert(journal, found);
                found
            }
        };
        writer.journal = Some(journal);
        if self.snapshot().committed != position {
            let snapshot = TableSnapshot { committed: position, ..self.snapshot().as_ref().clone() };
            *self.current.write() = Arc::new(snapshot);
        }
        Ok(position)
    }

    /// Durable in the log when it returns.
    pub async fn write(&self, writer: &mut Writer, change: &Change) -> Result<Outcome, Error> {
        let bytes = change.bytes(self.table)?;
        for _ in 0..ATTEMPTS_MAX {
            if let Some((journal, upto)) = change.transaction {
                let position = writer.positions.get(&journal).copied().unwrap_or_default();
                if position >= upto {
                    return Ok(Outcome::AlreadyIn);
                }
                if position > change.after {
                    let why = format!("journal {journal} is in up to {position}, was {}", change.after);
                    return Err(Error::Conflict { table: self.table, why });
                }
            }
            let snapshot = self.snapshot();
            change.check_against(&snapshot)?;
            let version = snapshot.version + 1;
            match self.log.put(version, bytes.clone()).await {
                Ok(Put::Written) => {
                    if let Some((journal, upto)) = change.transaction {
                        writer.positions.insert(journal, upto);
                    }
                    self.apply(writer, version, &change.removed, change.added.iter().map(|added| added.file.clone()));
                    return Ok(Outcome::Written);
                }
                Ok(Put::Taken) => {
                    info!(table = self.table.name(), version, "another writer took this version");
                    self.catch_up(writer).await?;
                }
                Err(error) => {
                    writer.in_doubt = true;
                    return Err(error);
                }
            }
        }
        Err(Error::Conflict { table: self.table, why: format!("gave way {ATTEMPTS_MAX} times") })
    }

    /// Takes in what others committed.
    pub async fn catch_up(&self, writer: &mut Writer) -> Result<(), Error> {
        let known = self.snapshot().version;
        // Entries up to another process's checkpoint may have been cleaned away.
        if known < 0 || self.log.checkpoint().await.is_some_and(|checkpoint| checkpoint > known) {
            return self.reload(writer).await;
        }
        loop {
            let version = self.snapshot().version + 1;
            let Some(bytes) = self.log.entry(version).await? else {
                return Ok(());
            };
            let Some(entry) = Entry::read(self.table, &bytes) else {
                warn!(table = self.table.name(), version, "a log entry is read by replaying the whole log");
                return self.reload(writer).await;
            };
            if entry.restates {
                return self.reload(writer).await;
            }
            for (app, upto) in &entry.transactions {
                for (journal, position) in &mut writer.positions {
                    if app_id(self.table, *journal) == *app {
                        *position = *upto;
                    }
                }
            }
            let removed = entry.removed.into_iter().map(|removed| removed.path).collect();
            self.apply(writer, version, &removed, entry.added);
        }
    }

    fn apply(&self, writer: &Writer, version: i64, removed: &HashSet<String>, added: impl IntoIterator<Item = DataFile>) {
        let before = self.snapshot();
        let kept = before.files.iter().filter(|file| !removed.contains(&file.path)).cloned();
        let snapshot =
            TableSnapshot { table: self.table, version, committed: writer.own_position(), files: kept.chain(added).collect() };
        *self.current.write() = Arc::new(snapshot);
    }

    async fn reload(&self, writer: &mut Writer) -> Result<(), Error> {
        let mut snapshot = self.log.load(None).await?.unwrap_or_else(|| absent(self.table));
        for (journal, position) in &mut writer.positions {
            *position = self.transaction(snapshot.version, *journal).await?;
        }
        snapshot.committed = writer.own_position();
        *self.current.write() = Arc::new(snapshot);
        Ok(())
    }

    async fn transaction(&self, version: i64, journal: JournalId) -> Result<Position, Error> {
        match version {
            ..0 => Ok(Position::START),
            version => self.log.transaction(version, &app_id(self.table, journal)).await,
        }
    }

    /// The log itself, for what is no commit.
    pub fn log(&self) -> &dyn Log {
        self.log.as_ref()
    }
}

/// A table that holds no commit yet.
fn absent(table: Table) -> TableSnapshot {
    TableSnapshot { table, version: -1, committed: Position::START, files: Vec::new() }
}

impl Writer {
    fn own_position(&self) -> Position {
        self.journal.and_then(|journal| self.positions.get(&journal).copied()).unwrap_or_default()
    }
}

/// Names a journal's part in a table for ever.
pub(crate) fn app_id(table: Table, journal: JournalId) -> String {
    format!("kerbside/{journal}/{}", table.name())
}

#[cfg(test)]
mod tests;
