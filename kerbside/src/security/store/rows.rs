//! A row of the file and what it stands for.

use domain::access::{Grants, Scopes};
use domain::{SensorId, Timestamp};
use rusqlite::Row;

use super::{Acted, Device, Key, Life};
use crate::security::password::Hash;

pub const DEVICES: &str = "SELECT id, password, certificate, grants, created_at, expires_at, revoked_at FROM devices ORDER BY id";
pub const KEYS: &str = "SELECT id, name, scopes, hash, created_at, expires_at, revoked_at FROM keys ORDER BY created_at, id";

pub const ACTS: &str = "SELECT at, who, act, subject, outcome FROM audit ORDER BY id DESC";

/// Why a row stands for nothing.
#[derive(Debug)]
pub enum RowError {
    Sqlite(rusqlite::Error),
    Damaged(String),
}

impl From<rusqlite::Error> for RowError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

pub fn device(row: &Row<'_>) -> Result<Device, RowError> {
    let id: String = row.get(0)?;
    let damaged = |what: &str| RowError::Damaged(format!("device {id}: {what}"));
    let password: Option<String> = row.get(1)?;
    let grants: String = row.get(3)?;
    Ok(Device {
        password: password.map(|text| Hash::stored(text).ok_or_else(|| damaged("its password's hash"))).transpose()?,
        certificate: row.get(2)?,
        grants: serde_json::from_str(&grants).map_err(|error| damaged(&format!("its grants: {error}")))?,
        life: life(row)?,
        id: SensorId::new(&id).map_err(|_| damaged("its id"))?,
    })
}

pub fn key(row: &Row<'_>) -> Result<Key, RowError> {
    let name: String = row.get(1)?;
    let id: String = row.get(0)?;
    Ok(Key { id: id.into(), name: name.into(), scopes: Scopes::from_bits(row.get(2)?), hash: row.get(3)?, life: life(row)? })
}

pub fn act(row: &Row<'_>) -> Result<Acted, RowError> {
    let at = Timestamp::from_micros(row.get(0)?);
    Ok(Acted { at, who: row.get(1)?, act: row.get(2)?, subject: row.get(3)?, outcome: row.get(4)? })
}

fn life(row: &Row<'_>) -> Result<Life, RowError> {
    let instant = |at: Option<i64>| at.map(Timestamp::from_micros);
    Ok(Life {
        created_at: Timestamp::from_micros(row.get(4)?),
        expires_at: instant(row.get(5)?),
        revoked_at: instant(row.get(6)?),
    })
}

pub fn grants_json(grants: &Grants) -> String {
    serde_json::to_string(grants).expect("texts are JSON")
}
