//! Knows every record that was ever durable and every answer that a client got, and judges by them.
//!
//! It reads the journal through a tail of its own right after each sync, before anybody else acts on it.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::Position;
use domain::record::Record;
use domain::registry::Layout;
use hashbrown::HashMap;
use journal::{Entry, Journal, Recovery, Tail};
use lake::contract::{Counts, LedgerView, Live as _, View};
use lake::table::Table;
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use crate::reference::{Expected, Reference, Shown};
use crate::store::Store;
use crate::sums::{Content, Sum};

pub struct Oracle(Mutex<Memory>);

struct Memory {
    /// Of each durable record, by position − 1.
    records: Vec<u64>,
    /// How many records hold each message.
    payloads: HashMap<u64, u32>,
    reference: Reference,
    /// Of immutable files, by path.
    files: HashMap<String, Content>,
    acknowledged: u64,
}

impl Oracle {
    pub fn new(holds_unknown: bool, future_s: u32) -> Self {
        Self(Mutex::new(Memory {
            records: Vec::new(),
            payloads: HashMap::new(),
            reference: Reference::new(holds_unknown, future_s),
            files: HashMap::new(),
            acknowledged: 0,
        }))
    }

    pub fn head(&self) -> Position {
        Position(self.0.lock().records.len() as u64)
    }

    pub fn acknowledged(&self) -> u64 {
        self.0.lock().acknowledged
    }

    /// Takes in what became durable.
    pub async fn listen(&self, tail: &mut Tail) -> Result<(), String> {
        let entries =
            tail.try_next(usize::MAX, usize::MAX).await.map_err(|error| format!("the journal cannot be read: {error}"))?;
        let mut memory = self.0.lock();
        entries.into_iter().try_for_each(|entry| memory.hear(entry))
    }

    /// ACK-1: an acknowledged publish is durable by then.
    pub fn acknowledge(&self, topic: &str, payload: &Bytes) -> Result<(), String> {
        let mut memory = self.0.lock();
        memory.acknowledged += 1;
        match memory.payloads.contains_key(&message_hash(topic, payload)) {
            true => Ok(()),
            false => Err(format!("ACK-1: acknowledged and not durable: {topic} {}", String::from_utf8_lossy(payload))),
        }
    }

    /// QoS 2 in a session that lasts: whatever broke meanwhile, there is one record of it.
    pub fn once(&self, topic: &str, payload: &Bytes) -> Result<(), String> {
        match self.0.lock().payloads.get(&message_hash(topic, payload)) {
            Some(1) => Ok(()),
            times => {
                Err(format!("ACK-1: {times:?} records hold a message of QoS 2: {topic} {}", String::from_utf8_lossy(payload)))
            }
        }
    }

    /// ACK-1: what was durable before the server ended is there after it. A tail after what is known by now.
    pub async fn recovered(&self, journal: &Journal, recovery: &Recovery) -> Result<Tail, String> {
        let known = self.head();
        if recovery.last < known {
            return Err(format!("ACK-1: {known} records were durable, {} are left", recovery.last));
        }
        let first = journal.first();
        let mut tail = journal.tail(Position(first.0 - 1)).map_err(|error| error.to_string())?;
        while tail.after() < known {
            let left = usize::try_from(known.0 - tail.after().0).unwrap_or(usize::MAX);
            let entries = tail.try_next(left, usize::MAX).await.map_err(|error| format!("ACK-1: {error}"))?;
            let memory = self.0.lock();
            for entry in entries {
                if memory.records.get(entry.position.0 as usize - 1) != Some(&record_hash(&entry)) {
                    return Err(format!("ACK-1: record {} is another one than before", entry.position));
                }
            }
        }
        self.listen(&mut tail).await?;
        Ok(tail)
    }

    /// SUM-1, and that the ledger is the one that its records make.
    pub fn check_ledger(&self, ledger: &LedgerView) -> Result<(), String> {
        if !ledger.counts.adds_up() {
            return Err(format!("SUM-1: the ledger does not add up: {ledger:?}"));
        }
        let memory = self.0.lock();
        let expected = memory.expected(ledger.head)?;
        match expected.counts == ledger.counts && expected.foreign == ledger.foreign {
            true => Ok(()),
            false => {
                Err(format!("SUM-1: at {} the ledger is {:?}, it should be {:?}", ledger.head, ledger.counts, expected.counts))
            }
        }
    }

    /// SNAP-1, ONE-1, LAKE-1: the tables of one view hold exactly what its records make.
    pub fn check_view(&self, view: &View, store: &Store) -> Result<Sum, String> {
        let mut memory = self.0.lock();
        let mut total = Sum::default();
        for (table, rows) in view.tables() {
            let mut content = Content::default();
            for file in &rows.lake.files {
                let path = format!("{}/{}", table.name(), file.path);
                content.join(memory.file(*table, &path, store)?);
            }
            for chunk in &rows.hot {
                let mut hot = Content::default();
                hot.take(*table, &chunk.rows)?;
                content.join(&hot);
            }
            let found = content.total();
            total.join(found);
            let expected = memory.expected(view.head.0)?.of(*table);
            if expected.is_some_and(|expected| expected != found) {
                let hot: Vec<_> = rows.hot.iter().map(|chunk| (chunk.first.0, chunk.last.0, chunk.rows.num_rows())).collect();
                let letters = memory.reference.differing_letters(view.head.0, &content);
                return Err(format!(
                    "SNAP-1: at {} {} holds {} rows ({} files at version {}, committed {}, hot {hot:?}), it should hold {} rows {letters:?}",
                    view.head,
                    table.name(),
                    found.rows,
                    rows.lake.files.len(),
                    rows.lake.version,
                    rows.lake.committed,
                    expected.unwrap_or_default().rows,
                ));
            }
        }
        Ok(total)
    }

    /// PARK-1: what is shown live of a bay is its newest accepted reading.
    pub fn check_live(&self, handle: &ingest::Handle) -> Result<(), String> {
        let memory = self.0.lock();
        let mut outcome = Ok(());
        handle.with_state(&mut |state, _| {
            if state.version != memory.reference.head() {
                return;
            }
            for (bay, (observed_at, value)) in memory.reference.bays() {
                let shown =
                    state.parking.iter().find(|(id, _)| id.as_str() == bay).map(|(_, last)| (last.observed_at, last.value));
                if shown != Some((*observed_at, *value)) {
                    outcome = Err(format!("PARK-1: {bay} is shown as {shown:?}, its newest reading is {observed_at} {value:?}"));
                }
            }
        });
        outcome
    }

    /// Every bay that was registered stands.
    pub fn check_registry(&self, layout: &Layout) -> Result<(), String> {
        let memory = self.0.lock();
        let missing = memory.reference.registered_bays().find(|bay| !layout.bays.iter().any(|there| there.id.as_str() == *bay));
        match missing {
            Some(bay) => Err(format!("ACK-1: {bay} was registered and is not in the registry")),
            None => Ok(()),
        }
    }

    /// Readings by sensor, and the ledger, at the newest record.
    pub fn came_to(&self) -> (BTreeMap<String, Vec<Shown>>, Counts) {
        let memory = self.0.lock();
        let counts = memory.reference.at(memory.reference.head()).map(|expected| expected.counts.clone());
        (memory.reference.shown(), counts.unwrap_or_default())
    }

    /// Dead letters that stand, of before `upto`, oldest first.
    pub fn standing_letters(&self, upto: u64) -> Vec<(u64, u32)> {
        let memory = self.0.lock();
        let standing = memory.reference.letters().iter().filter(|((of, _), (_, resolved))| resolved.is_none() && *of <= upto);
        let mut names: Vec<_> = standing.map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }
}

impl Memory {
    fn hear(&mut self, entry: Entry) -> Result<(), String> {
        if entry.position.0 != self.records.len() as u64 + 1 {
            return Err(format!("ACK-1: record {} follows {}", entry.position, self.records.len()));
        }
        self.records.push(record_hash(&entry));
        let record = Record::decode(entry.kind, entry.body).map_err(|error| format!("record {}: {error}", entry.position))?;
        if let Record::Publish(publish) = &record {
            *self.payloads.entry(message_hash(publish.topic(), &publish.payload)).or_default() += 1;
        }
        self.reference.take(entry.received_at, record);
        Ok(())
    }

    fn expected(&self, head: u64) -> Result<&Expected, String> {
        self.reference
            .at(head)
            .ok_or_else(|| format!("ACK-1: an answer is of {head}, durable are {} records", self.records.len()))
    }

    fn file(&mut self, table: Table, path: &str, store: &Store) -> Result<&Content, String> {
        if !self.files.contains_key(path) {
            let bytes = store.read(path).ok_or_else(|| format!("LAKE-1: {path} is in a snapshot and not in the store"))?;
            let content = Content::of_file(table, bytes).map_err(|error| format!("LAKE-1: {path}: {error}"))?;
            self.files.insert(path.to_owned(), content);
        }
        Ok(&self.files[path])
    }
}

fn record_hash(entry: &Entry) -> u64 {
    let mut bytes = entry.received_at.as_micros().to_le_bytes().to_vec();
    bytes.push(entry.kind);
    bytes.extend_from_slice(&entry.body);
    xxh3_64(&bytes)
}

fn message_hash(topic: &str, payload: &[u8]) -> u64 {
    let mut bytes = topic.as_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(payload);
    xxh3_64(&bytes)
}
