//! Every promise of the lake that can be checked at rest.
//!
//! Each finding has a name and says where; a damaged file is told and does not silence the rest. All rows are read once, day
//! by day in the table's order, so that an identity that stands twice stands together, whatever files it is in.

mod day;
mod finding;

pub use finding::{Finding, FindingKind, TableCount, Verification};

use std::collections::BTreeMap;

use domain::{JournalId, Position};
use object_store::ObjectStoreExt;

use crate::footer::Footers;
use crate::snapshot::{DataFile, hash_of};
use crate::staging::join;
use crate::table::Table;
use crate::{Error, Lake};
use day::DayCheck;

impl Lake {
    /// Checks all tables against each journal's newest durable position. Reads every file whole: minutes for large lakes.
    /// Errors are those of the log or the store as such.
    pub async fn verify(&self, heads: &[(JournalId, Position)]) -> Result<Verification, Error> {
        let mut found = Verification::default();
        for table in Table::ALL {
            self.verify_table(table, heads, &mut found).await?;
        }
        Ok(found)
    }

    async fn verify_table(&self, table: Table, heads: &[(JournalId, Position)], found: &mut Verification) -> Result<(), Error> {
        let snapshot = self.snapshot(table);
        if snapshot.version < 0 {
            // A start that died while it made the lake left nothing behind to be missed.
            let is_unused = !heads.is_empty() && heads.iter().all(|(_, head)| *head == Position::START);
            if !is_unused {
                found.add(FindingKind::TableMissing, table, None, "no commit in its log");
            }
            return Ok(());
        }
        for &(journal, head) in heads {
            let committed = self.committed(table, journal).await?;
            if committed > head {
                let detail = format!("journal {journal} is in up to {committed}, its newest record is {head}");
                found.add(FindingKind::TransactionBeyondJournal, table, None, detail);
            }
        }
        self.verify_schema(table, found).await?;
        let mut days: BTreeMap<i32, Vec<DataFile>> = BTreeMap::new();
        for file in &snapshot.files {
            days.entry(file.day).or_default().push(file.clone());
        }
        let newest = heads.iter().map(|(_, head)| *head).max();
        let mut count = TableCount { files: snapshot.files.len() as u64, ..TableCount::of(table) };
        for (day, files) in days {
            let mut readable = Vec::with_capacity(files.len());
            for file in files {
                match self.verify_file(table, &file).await {
                    Ok(()) => readable.push(file),
                    Err((kind, detail)) => found.add(kind, table, Some(&file.path), detail),
                }
            }
            let (store, root) = (self.object_store(), self.table_root(table));
            let check = DayCheck { table, day, newest, store, root };
            let walked = aside::complete(async move { check.walk_or_each(readable).await }).await?;
            found.findings.extend(walked.findings);
            count.take(walked.count);
        }
        found.counts.push(count);
        Ok(())
    }

    async fn verify_schema(&self, table: Table, found: &mut Verification) -> Result<(), Error> {
        let logged = self.log(table).log().schema().await?;
        for field in table.schema().fields() {
            match logged.field_with_name(field.name()) {
                Ok(there) if there.data_type() == field.data_type() => {}
                Ok(there) => {
                    let detail = format!("{} is {} in the log, not {}", field.name(), there.data_type(), field.data_type());
                    found.add(FindingKind::ColumnDiffers, table, None, detail);
                }
                Err(_) => found.add(FindingKind::ColumnDiffers, table, None, format!("{} is not in the log", field.name())),
            }
        }
        Ok(())
    }

    /// There, as long as the log says, with the log's hash and a whole footer that tells the log's rows.
    async fn verify_file(&self, table: Table, file: &DataFile) -> Result<(), (FindingKind, String)> {
        let (store, root) = (&self.inner.location.store, self.table_root(table));
        let meta = match store.head(&join(&root, &file.path)).await {
            Ok(meta) => meta,
            Err(object_store::Error::NotFound { .. }) => return Err((FindingKind::FileMissing, "named by the log".to_owned())),
            Err(error) => return Err((FindingKind::FileUnreadable, error.to_string())),
        };
        if meta.size != file.bytes {
            return Err((FindingKind::FileDamaged, format!("{} bytes, the log says {}", meta.size, file.bytes)));
        }
        if let Some(told) = file.hash {
            let hash = hash_of(&**store, &join(&root, &file.path))
                .await
                .map_err(|error| (FindingKind::FileUnreadable, error.to_string()))?;
            if hash != told {
                let detail =
                    format!("its hash is {hash:016x}, the log says {told:016x}: a bit of it is another than when it was written");
                return Err((FindingKind::FileDamaged, detail));
            }
        }
        let opened = Footers::default().open(store, &root, file).await;
        let opened = opened.map_err(|error| (FindingKind::FileDamaged, error.to_string()))?;
        let rows = opened.metadata().file_metadata().num_rows();
        if u64::try_from(rows) != Ok(file.rows) {
            return Err((FindingKind::RowsDiffer, format!("{rows} rows, the log says {}", file.rows)));
        }
        for field in table.file_schema().fields() {
            if let Ok(there) = opened.schema().field_with_name(field.name())
                && there.data_type() != field.data_type()
            {
                let detail = format!("{} is {}, not {}", field.name(), there.data_type(), field.data_type());
                return Err((FindingKind::ColumnDiffers, detail));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
