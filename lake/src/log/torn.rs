//! A last log entry that is empty or cut short.
//!
//! Our own store never leaves one, but power loss under another writer, a copy of the data dir, or a disk that lies about its
//! syncs may. Nobody was told that such an entry is committed, so it is set aside under a name that the protocol ignores, and
//! its rows are replayed from the journal.

use domain::Timestamp;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use tracing::warn;

use super::change::is_whole;
use crate::Error;
use crate::store::Location;
use crate::table::Table;

pub(super) struct Torn {
    pub version: i64,
    path: Path,
}

/// Looks at the newest entry only: every older one was read by whoever wrote the next.
pub(super) async fn find(location: &Location, table: Table) -> Result<Option<Torn>, Error> {
    let log = location.table_root(table).join("_delta_log");
    let mut newest: Option<Torn> = None;
    let mut entries = location.store.list(Some(&log));
    while let Some(entry) = entries.try_next().await? {
        let version = entry.location.filename().and_then(version_of);
        if let Some(version) = version
            && newest.as_ref().is_none_or(|torn| torn.version < version)
        {
            newest = Some(Torn { version, path: entry.location });
        }
    }
    let Some(newest) = newest else {
        return Ok(None);
    };
    let bytes = location.store.get(&newest.path).await?.bytes().await?;
    let whole = is_whole(&bytes);
    Ok((!whole).then_some(newest))
}

pub(super) async fn set_aside(location: &Location, table: Table, now: Timestamp) -> Result<(), Error> {
    if let Some(torn) = find(location, table).await? {
        let aside = Path::from(format!("{}.torn.{}", torn.path, now.as_micros()));
        location.store.rename(&torn.path, &aside).await?;
        warn!(table = table.name(), version = torn.version, to = %aside, "a torn last commit was set aside, its rows will be replayed");
    }
    Ok(())
}

fn version_of(name: &str) -> Option<i64> {
    let digits = name.strip_suffix(".json")?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}
