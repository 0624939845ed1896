//! A modelled table log: numbered entries in the modelled store, each put once, replayed by the lake's own reader of entries.
//!
//! It stands in for deltalake-core only, whose work is not the commit protocol: a checkpoint here folds nothing, it lets old entries go
//! into an archive that replaying still sees and following does not.

use std::sync::Arc;

use arrow::datatypes::Schema;
use bytes::Bytes;
use domain::{Position, Timestamp};
use hashbrown::{HashMap, HashSet};
use lake::Error;
use lake::log::{Entry, Log, Put};
use lake::snapshot::TableSnapshot;
use lake::table::Table;
use object_store::path::Path;
use parking_lot::Mutex;

use crate::mutation::Mutation;
use crate::store::{Mounted, Store};

/// What outlives the processes: entries that were cleaned away, by version.
#[derive(Default)]
pub struct Archive(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    entries: Vec<Bytes>,
    checkpoint: Option<i64>,
    /// What was read before: replaying parses each entry once.
    read: HashMap<Bytes, Arc<Entry>>,
}

/// Of one table, as one process sees it.
pub struct ModelLog {
    pub table: Table,
    pub archive: Arc<Archive>,
    pub store: Mounted,
    pub mutation: Mutation,
}

/// One table's entries, oldest first.
fn folder(table: Table) -> String {
    format!("{}/_delta_log/", table.name())
}

pub fn path_of(table: Table, version: i64) -> String {
    format!("{}{version:020}.json", folder(table))
}

/// The newest version in the store; `None` where there is none.
pub fn newest(store: &Store, table: Table) -> Option<i64> {
    let names = store.names(&folder(table));
    names.iter().rev().find_map(|name| name.strip_prefix(&folder(table))?.strip_suffix(".json")?.parse().ok())
}

impl ModelLog {
    /// All entries up to a version, with their numbers.
    fn entries(&self, upto: Option<i64>) -> Vec<(i64, Bytes)> {
        let archived = self.archive.0.lock().entries.clone();
        let mut entries: Vec<(i64, Bytes)> = (0..).zip(archived).collect();
        let first = entries.len() as i64;
        let live = (first..).map_while(|version| Some((version, self.store.store().read(&path_of(self.table, version))?)));
        entries.extend(live);
        entries.retain(|(version, _)| upto.is_none_or(|upto| *version <= upto));
        entries
    }

    fn read(&self, upto: Option<i64>) -> Result<Vec<(i64, Arc<Entry>)>, Error> {
        let entries = self.entries(upto);
        let mut kept = self.archive.0.lock();
        let mut found = Vec::with_capacity(entries.len());
        for (version, bytes) in entries {
            let entry = match kept.read.get(&bytes) {
                Some(entry) => entry.clone(),
                None => {
                    let unreadable = || Error::Other(format!("entry {version} of {} cannot be read", self.table.name()));
                    let entry = Arc::new(Entry::read(self.table, &bytes).ok_or_else(unreadable)?);
                    kept.read.insert(bytes, entry.clone());
                    entry
                }
            };
            found.push((version, entry));
        }
        Ok(found)
    }
}

#[async_trait::async_trait]
impl Log for ModelLog {
    async fn prepare(&self) -> Result<(), Error> {
        if self.entries(None).is_empty() {
            self.put(0, Bytes::from_static(b"{\"commitInfo\":{\"operation\":\"CREATE TABLE\"}}\n")).await?;
        }
        Ok(())
    }

    async fn load(&self, version: Option<i64>) -> Result<Option<TableSnapshot>, Error> {
        self.store.begin().await?;
        let entries = self.read(version)?;
        let Some((newest, _)) = entries.last() else {
            return Ok(None);
        };
        let mut snapshot = TableSnapshot { table: self.table, version: *newest, committed: Position::START, files: Vec::new() };
        let newest = *newest;
        for (number, entry) in entries {
            let mut added = entry.added.clone();
            if self.mutation == Mutation::HalfVisibleCommit && number == newest {
                added.pop();
            }
            if !entry.removed.is_empty() {
                let removed: HashSet<&str> = entry.removed.iter().map(|removed| removed.path.as_str()).collect();
                snapshot.files.retain(|file| !removed.contains(file.path.as_str()));
            }
            snapshot.files.append(&mut added);
        }
        Ok(Some(snapshot))
    }

    async fn transaction(&self, version: i64, app_id: &str) -> Result<Position, Error> {
        self.store.begin().await?;
        let entries = self.read(Some(version))?;
        let told = entries.iter().rev().flat_map(|(_, entry)| &entry.transactions).filter(|(app, _)| app == app_id);
        let behind = usize::from(self.mutation == Mutation::NoTransactionCheck);
        Ok(told.map(|(_, position)| *position).nth(behind).unwrap_or_default())
    }

    async fn put(&self, version: i64, entry: Bytes) -> Result<Put, Error> {
        let fails_in_it = self.store.begin().await?;
        let path = path_of(self.table, version);
        // In the middle of a put a store has it or not; a disk that lies about its syncs leaves a part.
        if fails_in_it && self.store.store().chance(0.5) {
            let length = self.store.store().below(entry.len() as u64) as usize;
            self.store.store().put_if_absent(&path, entry.slice(..length), self.store.now());
        } else if !self.store.store().put_if_absent(&path, entry, self.store.now()) {
            return Ok(Put::Taken);
        }
        self.store.end(fails_in_it).await?;
        Ok(Put::Written)
    }

    async fn entry(&self, version: i64) -> Result<Option<Bytes>, Error> {
        self.store.begin().await?;
        let bytes = self.store.store().read(&path_of(self.table, version));
        Ok(match self.mutation {
            Mutation::NoTransactionCheck => bytes.map(|bytes| without_transaction(&bytes)),
            _ => bytes,
        })
    }

    async fn checkpoint(&self) -> Option<i64> {
        self.store.begin().await.ok()?;
        self.archive.0.lock().checkpoint
    }

    async fn write_checkpoint(&self, kept_since: Timestamp) -> Result<usize, Error> {
        self.store.begin().await?;
        let entries = self.entries(None);
        let mut archive = self.archive.0.lock();
        archive.checkpoint = entries.last().map(|(version, _)| *version);
        let before = entries.len().saturating_sub(1);
        let is_old = |bytes: &Bytes| Entry::read(self.table, bytes).is_some() && instant_of(bytes) < Some(kept_since);
        let archived = archive.entries.len();
        let mut deleted = 0;
        for (version, bytes) in entries.into_iter().take(before).skip(archived) {
            if !is_old(&bytes) {
                break;
            }
            self.store.store().remove(&Path::from(path_of(self.table, version)));
            archive.entries.push(bytes);
            deleted += 1;
        }
        Ok(deleted)
    }

    async fn removed_since(&self, since: Timestamp) -> Result<Vec<String>, Error> {
        self.store.begin().await?;
        let entries = self.read(None)?;
        let removed = entries.iter().flat_map(|(_, entry)| &entry.removed);
        let is_recent = |at_ms: Option<i64>| at_ms.is_none_or(|at_ms| at_ms.saturating_mul(1_000) >= since.as_micros());
        Ok(removed.filter(|removed| is_recent(removed.at_ms)).map(|removed| removed.path.clone()).collect())
    }

    async fn schema(&self) -> Result<Schema, Error> {
        Ok(self.table.schema().as_ref().clone())
    }
}

/// When an entry was written; `None` when it does not say.
fn instant_of(entry: &Bytes) -> Option<Timestamp> {
    let lines = entry.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    let mut told = lines.filter_map(|line| line["txn"]["lastUpdated"].as_i64().or(line["commitInfo"]["timestamp"].as_i64()));
    told.next().and_then(Timestamp::from_millis)
}

fn without_transaction(entry: &Bytes) -> Bytes {
    let lines = entry.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"{\"txn\""));
    lines.collect::<Vec<_>>().join(&b'\n').into()
}
