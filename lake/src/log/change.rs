//! What one commit adds and removes, as Delta actions, both ways.

use std::collections::HashMap;

use bytes::Bytes;
use deltalake_core::kernel::transaction::CommitData;
use deltalake_core::kernel::{Action, Add, Remove, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use domain::{JournalId, Position, Timestamp};
use hashbrown::HashSet;

use super::app_id;
use crate::snapshot::{DataFile, TableSnapshot};
use crate::stats::FileStats;
use crate::table::{DAY, Table};
use crate::{Error, day};

/// In our commits' info: how many lines the entry has, so that one cut between lines is known as torn.
const LINES: &str = "kerbsideLines";

/// A file that was written and is not in the log yet.
#[derive(Clone, Debug)]
pub(crate) struct Added {
    pub file: DataFile,
    pub stats: FileStats,
}

/// One commit in the making.
#[derive(Debug)]
pub(crate) struct Change {
    pub added: Vec<Added>,
    /// Paths of live files.
    pub removed: HashSet<String>,
    /// `false` when the rows stay the same and only move (compaction).
    pub changes_rows: bool,
    pub kind: ChangeKind,
    pub at: Timestamp,
    /// Whose rows these are, and up to where.
    pub transaction: Option<(JournalId, Position)>,
    /// The position that the transaction's rows were filtered by.
    pub after: Position,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ChangeKind {
    Append,
    Compact {
        target_bytes: u64,
    },
    /// Days before this one go.
    Expire {
        first_kept: i32,
    },
    /// Rows go on request; who reads the log is not told which.
    Erase,
}

impl Change {
    pub fn append(at: Timestamp, added: Vec<Added>, journal: JournalId, after: Position, upto: Position) -> Self {
        Self {
            added,
            removed: HashSet::new(),
            changes_rows: true,
            kind: ChangeKind::Append,
            at,
            transaction: Some((journal, upto)),
            after,
        }
    }

    pub fn compact(at: Timestamp, added: Vec<Added>, removed: HashSet<String>, target_bytes: u64) -> Self {
        let kind = ChangeKind::Compact { target_bytes };
        Self { added, removed, changes_rows: false, kind, at, transaction: None, after: Position::START }
    }

    pub fn expire(at: Timestamp, removed: HashSet<String>, first_kept: i32) -> Self {
        let kind = ChangeKind::Expire { first_kept };
        Self { added: Vec::new(), removed, changes_rows: true, kind, at, transaction: None, after: Position::START }
    }

    /// Files without the rows that go, in the place of those with them.
    pub fn erase(at: Timestamp, added: Vec<Added>, removed: HashSet<String>) -> Self {
        let kind = ChangeKind::Erase;
        Self { added, removed, changes_rows: true, kind, at, transaction: None, after: Position::START }
    }

    /// What it removes must be there still.
    pub fn check_against(&self, snapshot: &TableSnapshot) -> Result<(), Error> {
        let live = snapshot.files.iter().filter(|file| self.removed.contains(&file.path)).count();
        if live == self.removed.len() {
            return Ok(());
        }
        let why = format!("{} files that were to be replaced are gone", self.removed.len() - live);
        Err(Error::Conflict { table: snapshot.table, why })
    }

    /// The log entry, one action a line.
    pub fn bytes(&self, table: Table) -> Result<Bytes, Error> {
        let at_ms = self.at.as_micros() / 1_000;
        let adds = self.added.iter().map(|added| Action::Add(self.add(table, added, at_ms)));
        let removes = self.removed.iter().map(|path| Action::Remove(self.remove(path, at_ms)));
        let transactions = self
            .transaction
            .iter()
            .map(|&(journal, upto)| Transaction::new_with_last_update(app_id(table, journal), upto.as_i64(), Some(at_ms)));
        let operation = match self.kind {
            ChangeKind::Append => {
                DeltaOperation::Write { mode: SaveMode::Append, partition_by: Some(vec![DAY.to_owned()]), predicate: None }
            }
            ChangeKind::Compact { target_bytes } => {
                DeltaOperation::Optimize { predicate: None, target_size: i64::try_from(target_bytes).unwrap_or(i64::MAX) }
            }
            ChangeKind::Expire { first_kept } => {
                DeltaOperation::Delete { predicate: Some(format!("{DAY} < '{}'", day::text(first_kept))) }
            }
            ChangeKind::Erase => DeltaOperation::Delete { predicate: Some("erasure on request".to_owned()) },
        };
        let lines = self.added.len() + self.removed.len() + usize::from(self.transaction.is_some()) + 1;
        let told = HashMap::from([(LINES.to_owned(), lines.into())]);
        let data = CommitData::new(adds.chain(removes).collect(), operation, told, transactions.collect());
        data.get_bytes().map_err(|error| deltalake_core::DeltaTableError::from(error).into())
    }

    fn add(&self, table: Table, added: &Added, at_ms: i64) -> Add {
        Add {
            path: added.file.path.clone(),
            partition_values: partition(added.file.day),
            size: i64::try_from(added.file.bytes).unwrap_or(i64::MAX),
            modification_time: at_ms,
            data_change: self.changes_rows,
            stats: Some(added.stats.to_json(table)),
            ..Add::default()
        }
    }

    fn remove(&self, path: &str, at_ms: i64) -> Remove {
        Remove {
            path: path.to_owned(),
            data_change: self.changes_rows,
            deletion_timestamp: Some(at_ms),
            extended_file_metadata: Some(false),
            ..Remove::default()
        }
    }
}

fn partition(day: i32) -> HashMap<String, Option<String>> {
    HashMap::from([(DAY.to_owned(), Some(day::text(day)))])
}

/// Whether a log entry is all that its writer wrote: every line is JSON, and ours tell how many there are.
pub(super) fn is_whole(entry: &Bytes) -> bool {
    let mut lines = Vec::new();
    for line in entry.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        match serde_json::from_slice::<serde_json::Value>(line) {
            Ok(line) => lines.push(line),
            Err(_) => return false,
        }
    }
    let told = lines.iter().find_map(|line| line["commitInfo"][LINES].as_u64());
    !lines.is_empty() && told.is_none_or(|told| told == lines.len() as u64)
}

/// `None` when a line is no action that this version knows.
pub(super) fn parse(entry: &Bytes) -> Option<Vec<Action>> {
    entry
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(|line| serde_json::from_slice(line).ok())
        .collect()
}

pub(super) fn data_file(table: Table, add: &Add) -> DataFile {
    let stats = FileStats::from_json(table, add.stats.as_deref().unwrap_or_default());
    let day = add.partition_values.get(DAY).cloned().flatten();
    described(add.path.clone(), add.size, day.as_deref(), stats)
}

/// A partition value that is no date (another writer's null) stands as 1970-01-01.
pub(super) fn described(path: String, bytes: i64, day_text: Option<&str>, stats: FileStats) -> DataFile {
    DataFile {
        path,
        bytes: u64::try_from(bytes).unwrap_or_default(),
        rows: stats.rows,
        day: day_text.and_then(day::parse).unwrap_or_default(),
        key_min: stats.key_min,
        key_max: stats.key_max,
        time_min: stats.time_min,
        time_max: stats.time_max,
        hash: stats.hash,
    }
}
