//! Retention: days that are older than their table's rule go, as a whole, and nothing else.
//!
//! Off unless the options name the table. A day goes when every instant of it is at least so many days past. Its files stay
//! readable by older snapshots until the vacuum.

use domain::Timestamp;
use domain::time::MICROS_PER_DAY;
use hashbrown::HashSet;
use tracing::info;

use crate::log::{Change, Outcome};
use crate::table::Table;
use crate::{Error, Lake, metrics};

/// What retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    pub files: usize,
    pub rows: u64,
}

impl Lake {
    /// The first UTC day (since 1970-01-01) that the table keeps at `now`; `None` when it keeps all. A reading of an earlier
    /// day is `expired`.
    pub fn first_kept_day(&self, table: Table, now: Timestamp) -> Option<i32> {
        let days = *self.inner.options.retention_days.get(table.name())?;
        let since = now.as_micros().saturating_sub(i64::from(days).saturating_mul(MICROS_PER_DAY));
        Some(Timestamp::from_micros(since).utc_day())
    }

    /// Removes the days that no rule keeps.
    pub async fn expire(&self, now: Timestamp) -> Result<Expiry, Error> {
        let _turn = self.maintain().await?;
        let mut done = Expiry::default();
        for table in Table::ALL {
            let Some(first_kept) = self.first_kept_day(table, now) else {
                continue;
            };
            let log = self.log(table);
            let mut writer = log.lock().await;
            let snapshot = log.snapshot();
            let expired = snapshot.files.iter().filter(|file| file.day < first_kept).collect::<Vec<_>>();
            if expired.is_empty() {
                continue;
            }
            let rows = expired.iter().map(|file| file.rows).sum();
            let paths = expired.iter().map(|file| file.path.clone()).collect::<HashSet<_>>();
            let files = paths.len();
            if let Outcome::Written = log.write(&mut writer, &Change::expire(now, paths, first_kept)).await? {
                metrics::expired(table, rows);
                info!(table = table.name(), files, rows, first_kept = crate::day::text(first_kept), "expired days removed");
                done.files += files;
                done.rows += rows;
            }
        }
        Ok(done)
    }
}
