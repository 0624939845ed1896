//! The handle: open, commit, look.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use domain::check::Promise;
use domain::rng::Rng;
use domain::{Clock, JournalId, Position, crash_point};
use futures::future::try_join_all;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::log::{Change, Outcome, TableLog};
use crate::rows::Positions;
use crate::snapshot::TableSnapshot;
use crate::staging::{self, Names};
use crate::store::{Backing, Location};
use crate::table::Table;
use crate::{Error, Options, format, metrics, rows};

/// One lake; clones share it.
#[derive(Clone)]
pub struct Lake {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub options: Options,
    pub location: Location,
    pub clock: Arc<dyn Clock>,
    pub names: Names,
    pub access: Access,
    pub footers: crate::footer::Footers,
    pub lease: crate::maintenance::Lease,
    logs: Vec<TableLog>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
}

impl Lake {
    /// Makes what is missing and mends what a crash left. One process at a time: its owner holds the data dir's lock.
    pub async fn open(options: Options, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Location::create(&options.url)?;
        let location = Location::open(&options.url, &options.storage)?;
        Self::open_at(options, location, clock, Rng::from_entropy()).await
    }

    /// As [`Lake::open`], on a store of the caller's own: the options' URL counts for nothing.
    pub async fn open_on(options: Options, clock: Arc<dyn Clock>, backing: Backing) -> Result<Self, Error> {
        let Backing { store, logs, rng } = backing;
        Self::open_at(options, Location::backed(store, logs), clock, rng).await
    }

    async fn open_at(options: Options, location: Location, clock: Arc<dyn Clock>, rng: Rng) -> Result<Self, Error> {
        for name in options.retention_days.keys() {
            if Table::by_name(name).is_none_or(|table| table == Table::Registry) {
                return Err(Error::Other(format!("retention_days names {name}, which is no table with a retention")));
            }
        }
        if !format::check(&location).await? {
            format::write(&location).await?;
        }
        let logs = Table::ALL.map(|table| TableLog::open(&location, table, clock.as_ref()));
        let logs = try_join_all(logs).await?;
        Ok(Self::new(options, location, clock, Access::Write, logs, rng))
    }

    /// Changes nothing, also beside a writer in another process; [`refresh`](Self::refresh) takes in what that one commits.
    pub async fn open_read_only(options: Options, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let location = Location::open(&options.url, &options.storage)?;
        format::check(&location).await?;
        let logs = try_join_all(Table::ALL.map(|table| TableLog::open_read_only(&location, table))).await?;
        Ok(Self::new(options, location, clock, Access::Read, logs, Rng::from_entropy()))
    }

    fn new(options: Options, location: Location, clock: Arc<dyn Clock>, access: Access, logs: Vec<TableLog>, rng: Rng) -> Self {
        let (names, footers, lease) = (Names::new(rng), Default::default(), Default::default());
        Self { inner: Arc::new(Inner { options, location, clock, names, access, footers, lease, logs }) }
    }

    /// The newest version that this process knows. Holding it keeps nothing: replaced files stay readable for
    /// [`Options::replaced_kept_h`].
    pub fn snapshot(&self, table: Table) -> Arc<TableSnapshot> {
        self.log(table).snapshot()
    }

    /// How far a journal is in a table. From then on the table's snapshots tell this journal's position.
    pub async fn committed(&self, table: Table, journal: JournalId) -> Result<Position, Error> {
        let log = self.log(table);
        let mut writer = log.lock().await;
        log.committed(&mut writer, journal).await
    }

    /// Takes in what other processes committed.
    pub async fn refresh(&self) -> Result<(), Error> {
        for table in Table::ALL {
            let log = self.log(table);
            log.catch_up(&mut *log.lock().await).await?;
        }
        Ok(())
    }

    /// Adds the rows that a journal brought up to `upto`, exactly once, durably. Rows at or before what the table already
    /// holds of this journal are left out, so a commit may be repeated after any failure. Without rows it only moves the
    /// position, which costs a log entry: leave idle tables alone.
    ///
    /// Rows are in the table's schema and carry the position of the record whose effect they are: `journal_offset`, of a
    /// resolved dead letter `resolved_offset`.
    pub async fn commit(
        &self,
        table: Table,
        journal: JournalId,
        upto: Position,
        rows: Vec<RecordBatch>,
    ) -> Result<Arc<TableSnapshot>, Error> {
        if self.inner.access == Access::Read {
            return Err(Error::ReadOnly);
        }
        let started = self.inner.clock.elapsed();
        let log = self.log(table);
        let mut writer = log.lock().await;
        let after = log.committed(&mut writer, journal).await?;
        if after >= upto {
            return Ok(log.snapshot());
        }
        let rows = after_position(table, rows, after, upto)?;
        let count = rows.iter().map(RecordBatch::num_rows).sum::<usize>();
        let now = self.inner.clock.now();
        crash_point!(CommitBeforeFiles);
        let added = match count {
            0 => Vec::new(),
            _ => staging::write(&self.inner.location.store, &self.table_root(table), table, &self.inner.names, now, rows).await?,
        };
        let staged = added.iter().map(|added| added.file.rows).sum::<u64>();
        domain::check!(Promise::Lake1, staged == count as u64, "a commit writes each of its rows once");
        let change = Change::append(now, added, journal, after, upto);
        crash_point!(CommitBeforeLog);
        if let Outcome::Written = log.write(&mut writer, &change).await? {
            crash_point!(CommitAfterLog);
            metrics::committed(table, count, change.added.len(), self.inner.clock.elapsed().saturating_sub(started));
        }
        Ok(log.snapshot())
    }

    /// Rooted at the storage system, as [`table_root`](Self::table_root) is.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        self.inner.location.store.clone()
    }

    /// A file of a snapshot lies at this path and its own.
    pub fn table_root(&self, table: Table) -> Path {
        self.inner.location.table_root(table)
    }

    /// The lake as a URL, without a slash at its end.
    pub fn url(&self) -> &url::Url {
        &self.inner.location.url
    }

    pub(crate) fn log(&self, table: Table) -> &TableLog {
        &self.inner.logs[table as usize]
    }
}

/// Leaves out the rows whose effect is in the table already.
fn after_position(table: Table, batches: Vec<RecordBatch>, after: Position, upto: Position) -> Result<Vec<RecordBatch>, Error> {
    let mut kept = Vec::with_capacity(batches.len());
    for batch in batches {
        if batch.num_rows() == 0 {
            continue;
        }
        let positions = Positions::of(table, &batch)?;
        domain::check!(
            Promise::One1,
            (0..batch.num_rows()).all(|row| positions.at(row) <= upto.as_i64()),
            "a commit holds no row from after its own position"
        );
        let news = rows::after(table, &batch, after)?;
        if news.num_rows() > 0 {
            kept.push(news);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests;
