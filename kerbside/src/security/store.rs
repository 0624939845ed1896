//! The file of devices, keys and administrative acts: SQLite, so that a command can change it whole while a server reads it.
//!
//! Nothing is deleted: what was revoked stays in the list, and its id is not given again by itself. Every call blocks on the disk.

mod rows;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use compact_str::CompactString;
use domain::access::{Act, ActId, Grants, Scopes};
use domain::{SensorId, Timestamp};
use rusqlite::{Connection, params};

use super::password::Hash;

const FILE: &str = "credentials.sqlite";
/// Stands in the file's `user_version`; a change of the tables counts it up.
const FORMAT: i64 = 2;
/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(5);

/// Instants are microseconds, `scopes` the bits of `domain::access::Scopes`, `grants` JSON, `password` a PHC string.
const SCHEMA: &str = "
    CREATE TABLE devices (
        id TEXT PRIMARY KEY, password TEXT, certificate INTEGER NOT NULL, grants TEXT NOT NULL,
        created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER) STRICT;
    CREATE TABLE keys (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes INTEGER NOT NULL, hash BLOB NOT NULL,
        created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER) STRICT;";

/// `ended_at` and `outcome` are null while an act is under way, and stay so when it broke off.
const AUDIT: &str = "
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, act TEXT NOT NULL, subject TEXT NOT NULL,
        ended_at INTEGER, outcome TEXT) STRICT;";

/// Why the credentials could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{path}: {error}")]
    Sqlite { path: PathBuf, error: rusqlite::Error },
    #[error("{path} has format {found}, this version knows {FORMAT}: use the newer Kerbside that wrote it")]
    Newer { path: PathBuf, found: i64 },
    #[error("{path} is damaged: {what}")]
    Damaged { path: PathBuf, what: String },
    #[error("there is a device {0} already: revoke it first, or replace it with --replace")]
    Exists(SensorId),
    #[error("there is no device {0}")]
    NoDevice(SensorId),
    #[error("there is no key {0}: kerbside key list names them")]
    NoKey(String),
}

/// From when to when something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl Life {
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.state(now) == "active"
    }

    pub fn state(&self, now: Timestamp) -> &'static str {
        match self {
            Self { revoked_at: Some(_), .. } => "revoked",
            Self { expires_at: Some(end), .. } if *end <= now => "expired",
            _ => "active",
        }
    }
}

/// What may connect over MQTT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub id: SensorId,
    /// `None`: no password lets it in.
    pub password: Option<Hash>,
    /// A certificate with its name lets it in.
    pub certificate: bool,
    pub grants: Grants,
    pub life: Life,
}

/// What may ask over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: CompactString,
    /// The person or service that it was given to.
    pub name: CompactString,
    pub scopes: Scopes,
    pub hash: [u8; 32],
    pub life: Life,
}

/// One administrative act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    pub at: Timestamp,
    pub who: String,
    pub act: String,
    pub subject: String,
    /// `None`: it is under way, or it broke off.
    pub outcome: Option<String>,
}

/// A device to be added.
#[derive(Clone, Debug)]
pub struct NewDevice {
    pub id: SensorId,
    pub password: Option<Hash>,
    pub certificate: bool,
    pub grants: Grants,
    pub expires_at: Option<Timestamp>,
}

/// A key to be added.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub id: String,
    pub name: String,
    pub scopes: Scopes,
    pub hash: [u8; 32],
    pub expires_at: Option<Timestamp>,
}

/// Whether a device may take the place of one of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adding {
    New,
    Replacing,
}

/// The open file.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// The file of a directory where there is one; makes nothing.
    pub fn open_existing(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join(FILE);
        match path.try_exists() {
            Ok(true) => Self::open(dir).map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(StoreError::Io { path, error }),
        }
    }

    /// Opens the file of a directory; makes both where they are missing, readable by their owner alone.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let io = |error| StoreError::Io { path: dir.to_owned(), error };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        let path = dir.join(FILE);
        let create = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        create.map_err(|error| StoreError::Io { path: path.clone(), error })?;
        let failed = |error| StoreError::Sqlite { path: path.clone(), error };
        let connection = Connection::open(&path).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        let mut store = Self { connection, path };
        store.prepare()?;
        Ok(store)
    }

    fn prepare(&mut self) -> Result<(), StoreError> {
        // Takes the write lock, so that of two processes that find a new file one makes the tables.
        self.change(|transaction| {
            let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if format == 0 {
                transaction.execute_batch(SCHEMA)?;
            }
            if format < FORMAT {
                transaction.execute_batch(AUDIT)?;
                transaction.pragma_update(None, "user_version", FORMAT)?;
            }
            Ok(())
        })?;
        let found = self.query(|connection| connection.pragma_query_value(None, "user_version", |row| row.get(0)))?;
        if found == FORMAT { Ok(()) } else { Err(StoreError::Newer { path: self.path.clone(), found }) }
    }

    /// Which file it is that the store's path names now.
    pub fn file_id(&self) -> Option<(u64, u64)> {
        fs::metadata(&self.path).ok().map(|file| (file.dev(), file.ino()))
    }

    /// Changes when another connection changed the file.
    pub fn version(&self) -> Result<i64, StoreError> {
        self.query(|connection| connection.pragma_query_value(None, "data_version", |row| row.get(0)))
    }

    /// Every device that was ever added, by id.
    pub fn devices(&self) -> Result<Vec<Device>, StoreError> {
        self.all(rows::DEVICES, rows::device)
    }

    /// Every key that was ever added, oldest first.
    pub fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.all(rows::KEYS, rows::key)
    }

    pub fn add_device(&mut self, device: &NewDevice, adding: Adding, who: &str, now: Timestamp) -> Result<(), StoreError> {
        let (id, grants) = (device.id.as_str(), rows::grants_json(&device.grants));
        let shows = if device.certificate { "certificate" } else { "password" };
        let outcome = format!("shows {shows}, may {grants}{}", until(device.expires_at));
        let added = self.change(|transaction| {
            let query = "SELECT count(*) FROM devices WHERE id = ? AND revoked_at IS NULL";
            let stands: i64 = transaction.query_row(query, [id], |row| row.get(0))?;
            if stands > 0 && adding == Adding::New {
                return Ok(false);
            }
            transaction.execute(
                "INSERT OR REPLACE INTO devices (id, password, certificate, grants, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    id,
                    device.password.as_ref().map(Hash::as_str),
                    device.certificate,
                    grants,
                    now.as_micros(),
                    device.expires_at.map(Timestamp::as_micros)
                ],
            )?;
            let act = if stands > 0 { "device replace" } else { "device add" };
            note(transaction, Act { who, act, subject: id }, Some(&outcome), now)?;
            Ok(true)
        })?;
        if added { Ok(()) } else { Err(StoreError::Exists(device.id.clone())) }
    }

    /// Whether a device of this id may connect, or might again once its time has come: one that is added needs its place.
    pub fn has_device(&self, id: &SensorId) -> Result<bool, StoreError> {
        let query = "SELECT count(*) FROM devices WHERE id = ? AND revoked_at IS NULL";
        self.query(|connection| connection.query_row(query, [id.as_str()], |row| row.get::<_, i64>(0))).map(|count| count > 0)
    }

    pub fn add_key(&mut self, key: &NewKey, who: &str, now: Timestamp) -> Result<(), StoreError> {
        let outcome = format!("of {}, opens {}{}", key.name, key.scopes, until(key.expires_at));
        self.change(|transaction| {
            transaction.execute(
                "INSERT INTO keys (id, name, scopes, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                params![key.id, key.name, key.scopes.bits(), key.hash, now.as_micros(), key.expires_at.map(Timestamp::as_micros)],
            )?;
            note(transaction, Act { who, act: "key add", subject: &key.id }, Some(&outcome), now)?;
            Ok(())
        })
    }

    /// Ends a device's access; doing it again changes nothing.
    pub fn revoke_device(&mut self, id: &SensorId, who: &str, now: Timestamp) -> Result<(), StoreError> {
        let update = "UPDATE devices SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?";
        let is_there = self.revoke(update, Act { who, act: "device revoke", subject: id.as_str() }, now)?;
        if is_there { Ok(()) } else { Err(StoreError::NoDevice(id.clone())) }
    }

    /// Ends a key; doing it again changes nothing.
    pub fn revoke_key(&mut self, id: &str, who: &str, now: Timestamp) -> Result<(), StoreError> {
        let update = "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?";
        let is_there = self.revoke(update, Act { who, act: "key revoke", subject: id }, now)?;
        if is_there { Ok(()) } else { Err(StoreError::NoKey(id.to_owned())) }
    }

    fn revoke(&mut self, update: &str, act: Act<'_>, now: Timestamp) -> Result<bool, StoreError> {
        self.change(|transaction| {
            let changed = transaction.execute(update, params![now.as_micros(), act.subject])?;
            if changed > 0 {
                note(transaction, act, Some("revoked"), now)?;
            }
            Ok(changed > 0)
        })
    }

    /// An act that is about to begin.
    pub fn begin(&mut self, act: Act<'_>, now: Timestamp) -> Result<ActId, StoreError> {
        self.change(|transaction| note(transaction, act, None, now))
    }

    pub fn end(&mut self, act: ActId, outcome: &str, now: Timestamp) -> Result<(), StoreError> {
        let update = "UPDATE audit SET ended_at = ?, outcome = ? WHERE id = ?";
        self.change(|transaction| transaction.execute(update, params![now.as_micros(), outcome, act.0])).map(drop)
    }

    /// The newest acts, newest first.
    pub fn acts(&self, limit: u32) -> Result<Vec<Acted>, StoreError> {
        self.all(&format!("{} LIMIT {limit}", rows::ACTS), rows::act)
    }

    fn change<T>(&mut self, change: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let path = &self.path;
        let failed = |error| StoreError::Sqlite { path: path.clone(), error };
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
        let changed = change(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(changed)
    }

    fn query<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        query(&self.connection).map_err(|error| StoreError::Sqlite { path: self.path.clone(), error })
    }

    fn all<T>(&self, query: &str, read: fn(&rusqlite::Row<'_>) -> Result<T, rows::RowError>) -> Result<Vec<T>, StoreError> {
        let failed = |error| StoreError::Sqlite { path: self.path.clone(), error };
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            found.push(read(row).map_err(|error| match error {
                rows::RowError::Sqlite(error) => failed(error),
                rows::RowError::Damaged(what) => StoreError::Damaged { path: self.path.clone(), what },
            })?);
        }
        Ok(found)
    }
}

fn note(transaction: &Connection, act: Act<'_>, outcome: Option<&str>, now: Timestamp) -> rusqlite::Result<ActId> {
    let Act { who, act, subject } = act;
    let ended = outcome.map(|_| now.as_micros());
    transaction.execute(
        "INSERT INTO audit (at, who, act, subject, ended_at, outcome) VALUES (?, ?, ?, ?, ?, ?)",
        params![now.as_micros(), who, act, subject, ended, outcome],
    )?;
    Ok(ActId(transaction.last_insert_rowid()))
}

fn until(end: Option<Timestamp>) -> String {
    end.map(|end| format!(", until {end}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
