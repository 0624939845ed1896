//! The SQLite file: all versions of all objects, each with the position that brought it and the one that superseded it.
//!
//! So the registry can be read as it was at a checkpoint, and the edits after it, which the journal replays, find themselves recorded.
//! Every call blocks on the disk: use it from a blocking thread.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::registry::{Change, ChangeKind, CityOptions, Object, ObjectKind, Registry, Span, decode_feature, encode_feature};
use domain::{Position, Timestamp};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::row::LakeRow;

/// Stands in the file's `user_version`; a change of the tables counts it up.
const FORMAT: i64 = 1;
/// How long another process (a backup, a shell) may hold the file.
const BUSY: Duration = Duration::from_secs(5);

/// `edits` remembers what was recorded, even an edit whose changes were later superseded. Instants are microseconds, kinds the
/// numbers of [`number_of`], `feature` is GeoJSON with instants in UTC.
const SCHEMA: &str = "
    CREATE TABLE edits (position INTEGER PRIMARY KEY);
    CREATE TABLE versions (
        kind INTEGER NOT NULL, id TEXT NOT NULL, valid_from INTEGER, valid_to INTEGER, feature TEXT NOT NULL,
        since INTEGER NOT NULL, until INTEGER);
    CREATE INDEX standing ON versions (kind, id) WHERE until IS NULL;";

/// Why the registry's file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the registry's file has format {found}, this version knows {FORMAT}: use the newer Kerbside that wrote it")]
    Newer { found: i64 },
    #[error("the registry's file cannot be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// It does not hold what the journal says it holds: delete it, it is restored from the lake.
    #[error("the registry's file is damaged: {0}")]
    Damaged(String),
    #[error("edit {position} comes after edit {newest} was recorded")]
    OutOfOrder { position: Position, newest: Position },
}

/// A cheap handle; calls wait for each other.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens or creates the file. A commit is on the disk when it returns (WAL, every commit synced).
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > FORMAT {
            return Err(StoreError::Newer { found });
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        if found == 0 {
            let transaction = connection.transaction()?;
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()?;
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// The newest edit that is recorded; `None` for a file that was just created.
    pub fn newest(&self) -> Result<Option<Position>, StoreError> {
        newest(&self.connection.lock())
    }

    /// The registry as it was when the journal stood at `upto`.
    pub fn load(&self, upto: Position, city: &CityOptions) -> Result<Registry, StoreError> {
        let connection = self.connection.lock();
        let mut query = connection.prepare("SELECT feature FROM versions WHERE since <= ?1 AND (until IS NULL OR until > ?1)")?;
        let mut rows = query.query([upto.as_i64()])?;
        let mut versions: Vec<(Span, Object)> = Vec::new();
        while let Some(row) = rows.next()? {
            let feature = row.get_ref(0)?.as_str().map_err(|error| StoreError::Damaged(error.to_string()))?;
            versions.push(decode_feature(feature, city).map_err(|error| StoreError::Damaged(error.to_string()))?);
        }
        Ok(Registry::from_versions(city.clone(), versions))
    }

    /// Records what the edit at `position` did; once it is recorded, again changes nothing.
    pub fn record(&self, position: Position, changes: &[Change]) -> Result<(), StoreError> {
        let mut connection = self.connection.lock();
        if is_recorded(&connection, position)? {
            return Ok(());
        }
        if let Some(newest) = newest(&connection)?.filter(|newest| *newest > position) {
            return Err(StoreError::OutOfOrder { position, newest });
        }
        let transaction = connection.transaction()?;
        transaction.execute("INSERT INTO edits (position) VALUES (?1)", [position.as_i64()])?;
        let mut writing = Writing::new(&transaction)?;
        for change in changes {
            match change.what {
                ChangeKind::Superseded => writing.supersede(position, &change.object, change.span)?,
                ChangeKind::New => writing.insert(position, change.span, &change.object)?,
            }
        }
        drop(writing);
        Ok(transaction.commit()?)
    }

    /// Fills a file that was just created from the lake's rows, in any order: the same versions with the same positions.
    pub fn restore(&self, mut rows: Vec<LakeRow>, city: &CityOptions) -> Result<(), StoreError> {
        rows.sort_by_key(|row| row.position);
        let mut connection = self.connection.lock();
        let transaction = connection.transaction()?;
        transaction.execute_batch("DELETE FROM edits; DELETE FROM versions;")?;
        let mut writing = Writing::new(&transaction)?;
        for row in &rows {
            transaction.execute("INSERT OR IGNORE INTO edits (position) VALUES (?1)", [row.position.as_i64()])?;
            writing.replace(row)?;
            if !row.is_gone() {
                let object = row.object(city).map_err(StoreError::Damaged)?;
                writing.insert(row.position, Span { from: row.valid_from, to: row.valid_to }, &object)?;
            }
        }
        drop(writing);
        Ok(transaction.commit()?)
    }
}

fn newest(connection: &Connection) -> Result<Option<Position>, StoreError> {
    let newest: Option<i64> = connection.query_row("SELECT max(position) FROM edits", [], |row| row.get(0))?;
    Ok(newest.map(|position| Position(position as u64)))
}

fn is_recorded(connection: &Connection, position: Position) -> Result<bool, StoreError> {
    let found = connection.query_row("SELECT 1 FROM edits WHERE position = ?1", [position.as_i64()], |_| Ok(()));
    Ok(found.optional()?.is_some())
}

/// The statements of one transaction, prepared once: an import may have a million changes.
struct Writing<'a> {
    insert: Statement<'a>,
    supersede: Statement<'a>,
    replace: Statement<'a>,
}

impl<'a> Writing<'a> {
    fn new(connection: &'a Connection) -> Result<Self, StoreError> {
        let insert = "INSERT INTO versions (kind, id, valid_from, valid_to, feature, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let replace = "UPDATE versions SET until = ?1
            WHERE kind = ?2 AND id = ?3 AND valid_from IS ?4 AND until IS NULL AND since < ?1";
        let supersede = format!("{replace} AND valid_to IS ?5");
        Ok(Self {
            insert: connection.prepare(insert)?,
            supersede: connection.prepare(&supersede)?,
            replace: connection.prepare(replace)?,
        })
    }

    fn insert(&mut self, position: Position, span: Span, object: &Object) -> Result<(), StoreError> {
        let feature = encode_feature(span, object);
        let (kind, id) = (number_of(object.kind()), object.id());
        self.insert.execute(params![kind, id, micros(span.from), micros(span.to), feature, position.as_i64()])?;
        Ok(())
    }

    fn supersede(&mut self, position: Position, object: &Object, span: Span) -> Result<(), StoreError> {
        let (kind, id) = (object.kind(), object.id());
        let wanted = params![position.as_i64(), number_of(kind), id, micros(span.from), micros(span.to)];
        match self.supersede.execute(wanted)? {
            1 => Ok(()),
            count => {
                let detail = format!("edit {position} supersedes {count} versions of {} {id}, not one", kind.name());
                Err(StoreError::Damaged(detail))
            }
        }
    }

    /// The version that a row of the lake takes the place of, if it is there.
    fn replace(&mut self, row: &LakeRow) -> Result<(), StoreError> {
        self.replace.execute(params![row.position.as_i64(), number_of(row.kind), row.id, micros(row.valid_from)])?;
        Ok(())
    }
}

/// Persisted: never reuse one.
const fn number_of(kind: ObjectKind) -> i64 {
    match kind {
        ObjectKind::Area => 1,
        ObjectKind::Site => 2,
        ObjectKind::Bay => 3,
        ObjectKind::Station => 4,
        ObjectKind::Device => 5,
    }
}

fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_micros)
}

#[cfg(test)]
mod tests;
