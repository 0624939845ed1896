//! The SQLite file: all versions of all objects, each with the position that brought it and the one that superseded it.
//!
//! So the registry can be read as it was at a checkpoint, and the edits after it, which the journal replays, find themselves recorded.
//! Every call blocks on the disk: use it from a blocking thread.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::registry::{Change, ChangeKind, CityOptions, Object, ObjectKind, Registry, Span, decode_feature, encode_feature};
use domain::{Position, Timestamp, crash_point};
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, params};

use super::row::LakeRow;

/// Stands in the file's `user_version`; a change of the tables counts it up.
const FORMAT: i64 = 1;
/// How long another process (a backup, a shell) may hold the file.
const BUSY: Duration = Duration::from_secs(5);

/// Kinds of SQLite's own that mean that the file's bytes are not what it wrote.
const DAMAGES: [ErrorCode; 2] = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];

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
    /// It does not hold what the journal says it holds.
    #[error("the registry's file is damaged: {0}; without it, the next start builds it again from the lake")]
    Damaged(String),
    #[error("edit {position} comes after edit {newest} was recorded")]
    OutOfOrder { position: Position, newest: Position },
}

impl StoreError {
    /// Whether the file's content is at fault, and not this version or the disk.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Sqlite(error) => error.sqlite_error_code().is_some_and(|code| DAMAGES.contains(&code)),
            Self::Newer { .. } | Self::OutOfOrder { .. } => false,
        }
    }
}

/// A cheap handle; calls wait for each other.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens the file and reads it through once; `None` where there is none, or one that nothing was ever written to.
    pub fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        let connection = connect(path)?;
        match connection.pragma_query_value(None, "user_version", |row| row.get(0))? {
            0 => return Ok(None),
            found if found > FORMAT => return Err(StoreError::Newer { found }),
            _ => {}
        }
        let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if check != "ok" {
            return Err(StoreError::Damaged(check));
        }
        Ok(Some(Self { connection: Arc::new(Mutex::new(connection)) }))
    }

    /// A new file with the versions and positions of the lake's rows, which come in any order; it is there as a whole or not at all.
    pub fn create(path: &Path, rows: Vec<LakeRow>, city: &CityOptions) -> Result<Self, StoreError> {
        Self::fill(connect(path)?, rows, city)
    }

    /// As [`Store::create`], without a file: for who may not change the data directory.
    pub fn in_memory(rows: Vec<LakeRow>, city: &CityOptions) -> Result<Self, StoreError> {
        Self::fill(Connection::open_in_memory()?, rows, city)
    }

    fn fill(mut connection: Connection, mut rows: Vec<LakeRow>, city: &CityOptions) -> Result<Self, StoreError> {
        rows.sort_by_key(|row| row.position);
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
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
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// The newest edit that is recorded; [`Position::START`] when none ever was.
    pub fn newest(&self) -> Result<Position, StoreError> {
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

    /// Records what the edit at `position` did; once it is recorded, again changes nothing. An edit without changes leaves no trace,
    /// here and in the lake.
    pub fn record(&self, position: Position, changes: &[Change]) -> Result<(), StoreError> {
        let mut connection = self.connection.lock();
        if changes.is_empty() || is_recorded(&connection, position)? {
            return Ok(());
        }
        let newest = newest(&connection)?;
        if newest > position {
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
        crash_point!(RegistryInRecord);
        Ok(transaction.commit()?)
    }
}

/// A commit is on the disk when it returns (WAL, every commit synced).
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn newest(connection: &Connection) -> Result<Position, StoreError> {
    let newest: Option<i64> = connection.query_row("SELECT max(position) FROM edits", [], |row| row.get(0))?;
    Ok(newest.map_or(Position::START, |position| Position(position as u64)))
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
