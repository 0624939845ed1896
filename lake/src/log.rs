//! One table's Delta log, followed in memory.
//!
//! deltalake-core creates tables, replays checkpoints and writes them. A commit, though, needs none of its snapshots, whose
//! upkeep costs more with every file: this process knows the version, the live files and what each journal has committed,
//! so a commit is one durable `N.json`, put only if absent, and a change of that knowledge. When another writer took the
//! number, its entry is read and applied first, and the change is judged anew.

mod change;
mod table;
mod torn;

use std::sync::Arc;

use deltalake_core::kernel::Action;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use deltalake_core::{DeltaTable, DeltaTableError};
use domain::{Clock, JournalId, Position};
use hashbrown::{HashMap, HashSet};
use parking_lot::RwLock;
use tokio::sync::{Mutex, MutexGuard};
use tracing::{info, warn};

pub(crate) use change::{Added, Change};
pub(crate) use table::{last_checkpoint, logged_schema};

use crate::Error;
use crate::snapshot::{DataFile, TableSnapshot};
use crate::store::Location;
use crate::table::Table;

/// How often a change gives way to other writers before it gives up.
const ATTEMPTS_MAX: u32 = 16;

/// Shared by all handles of a lake.
pub(crate) struct TableLog {
    pub table: Table,
    log_store: LogStoreRef,
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
        let log_store = table::log_store(location, table)?;
        torn::set_aside(location, table, clock.now()).await?;
        table::create_or_extend(&log_store, table).await?;
        let snapshot = table::load(&log_store, table, None).await?;
        Ok(Self::new(table, log_store, snapshot))
    }

    /// Touches nothing: a table that is not there yet is empty, a torn last entry is passed over.
    pub async fn open_read_only(location: &Location, table: Table) -> Result<Self, Error> {
        let log_store = table::log_store(location, table)?;
        if location.table_disk(table).is_some_and(|folder| !folder.exists()) {
            return Ok(Self::new(table, log_store, table::absent(table)));
        }
        let before = torn::find(location, table).await?.map(|torn| torn.version);
        let snapshot = match before {
            Some(0) => table::absent(table),
            Some(version) => table::load(&log_store, table, Some(version - 1)).await?,
            None => table::load_or_absent(&log_store, table).await?,
        };
        Ok(Self::new(table, log_store, snapshot))
    }

    fn new(table: Table, log_store: LogStoreRef, snapshot: TableSnapshot) -> Self {
        let writer = Writer { positions: HashMap::new(), journal: None, in_doubt: false };
        Self { table, log_store, current: RwLock::new(Arc::new(snapshot)), writer: Mutex::new(writer) }
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
                let found = table::transaction(&self.log_store, self.snapshot().version, &app_id(self.table, journal)).await?;
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
            let version = (snapshot.version + 1) as u64;
            let entry = CommitOrBytes::LogBytes(bytes.clone());
            match self.log_store.write_commit_entry(version, entry, uuid::Uuid::nil()).await {
                Ok(()) => {
                    if let Some((journal, upto)) = change.transaction {
                        writer.positions.insert(journal, upto);
                    }
                    self.apply(writer, version as i64, &change.removed, change.added.iter().map(|added| added.file.clone()));
                    return Ok(Outcome::Written);
                }
                Err(TransactionError::VersionAlreadyExists(_)) => {
                    info!(table = self.table.name(), version, "another writer took this version");
                    self.catch_up(writer).await?;
                }
                Err(error) => {
                    writer.in_doubt = true;
                    return Err(DeltaTableError::from(error).into());
                }
            }
        }
        Err(Error::Conflict { table: self.table, why: format!("gave way {ATTEMPTS_MAX} times") })
    }

    /// Takes in what others committed.
    pub async fn catch_up(&self, writer: &mut Writer) -> Result<(), Error> {
        let known = self.snapshot().version;
        if known < 0 || table::checkpointed_beyond(&self.log_store, known).await {
            return self.reload(writer).await;
        }
        loop {
            let version = self.snapshot().version + 1;
            let Some(bytes) = self.log_store.read_commit_entry(version as u64).await? else {
                return Ok(());
            };
            let Some(actions) = change::parse(&bytes) else {
                warn!(table = self.table.name(), version, "a log entry is read by replaying the whole log");
                return self.reload(writer).await;
            };
            if actions.iter().any(|action| matches!(action, Action::Metadata(_) | Action::Protocol(_))) {
                return self.reload(writer).await;
            }
            self.apply_actions(writer, version, actions);
        }
    }

    fn apply_actions(&self, writer: &mut Writer, version: i64, actions: Vec<Action>) {
        let (mut added, mut removed) = (Vec::new(), HashSet::new());
        for action in actions {
            match action {
                Action::Add(add) => added.push(change::data_file(self.table, &add)),
                Action::Remove(remove) => {
                    removed.insert(remove.path);
                }
                Action::Txn(transaction) => {
                    for (journal, position) in &mut writer.positions {
                        if app_id(self.table, *journal) == transaction.app_id {
                            *position = Position(transaction.version.max(0).cast_unsigned());
                        }
                    }
                }
                _ => {}
            }
        }
        self.apply(writer, version, &removed, added);
    }

    fn apply(&self, writer: &Writer, version: i64, removed: &HashSet<String>, added: impl IntoIterator<Item = DataFile>) {
        let before = self.snapshot();
        let kept = before.files.iter().filter(|file| !removed.contains(&file.path)).cloned();
        let snapshot =
            TableSnapshot { table: self.table, version, committed: writer.own_position(), files: kept.chain(added).collect() };
        *self.current.write() = Arc::new(snapshot);
    }

    async fn reload(&self, writer: &mut Writer) -> Result<(), Error> {
        let mut snapshot = table::load_or_absent(&self.log_store, self.table).await?;
        for (journal, position) in &mut writer.positions {
            *position = table::transaction(&self.log_store, snapshot.version, &app_id(self.table, *journal)).await?;
        }
        snapshot.committed = writer.own_position();
        *self.current.write() = Arc::new(snapshot);
        Ok(())
    }

    /// deltalake-core's own view of the table, replayed from the log.
    pub async fn delta(&self) -> Result<DeltaTable, Error> {
        table::replay(&self.log_store, None).await
    }

    pub fn log_store(&self) -> &LogStoreRef {
        &self.log_store
    }
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
