//! One log entry as the protocol reads it back: what it added, removed and committed.

use bytes::Bytes;
use deltalake_core::kernel::Action;
use domain::Position;

use super::change::{self, data_file};
use crate::snapshot::DataFile;
use crate::table::Table;

/// What one entry did to its table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    pub added: Vec<DataFile>,
    pub removed: Vec<Removed>,
    /// How far each application says that it is, by its id.
    pub transactions: Vec<(String, Position)>,
    /// It changes columns or protocol: only replaying the log tells what the table is now.
    pub restates: bool,
}

/// A file that left its table.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    pub path: String,
    /// Milliseconds since 1970; `None` when its writer did not say.
    pub at_ms: Option<i64>,
}

impl Entry {
    /// `None` when a line is no action that this version knows.
    pub fn read(table: Table, bytes: &Bytes) -> Option<Self> {
        let mut entry = Self::default();
        for action in change::parse(bytes)? {
            match action {
                Action::Add(add) => entry.added.push(data_file(table, &add)),
                Action::Remove(remove) => {
                    entry.removed.push(Removed { path: remove.path, at_ms: remove.deletion_timestamp });
                }
                Action::Txn(transaction) => {
                    entry.transactions.push((transaction.app_id, Position(transaction.version.max(0).cast_unsigned())));
                }
                Action::Metadata(_) | Action::Protocol(_) => entry.restates = true,
                _ => {}
            }
        }
        Some(entry)
    }
}
