//! What a check of the lake finds and counts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::table::Table;

/// A promise that is broken. The names are part of `kerbside verify`'s output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    TableMissing,
    /// The log holds a position that the journal does not.
    TransactionBeyondJournal,
    /// Absent, or of another type than this version writes.
    ColumnDiffers,
    FileMissing,
    FileUnreadable,
    /// Other length, broken footer or broken page.
    FileDamaged,
    /// Footer and log tell different numbers of rows.
    RowsDiffer,
    /// A row lies under another day than that of its time.
    WrongDay,
    /// A compacted or committed file is not in the table's order.
    Unsorted,
    /// ONE-1: an identity stands twice.
    IdentityTwice,
    /// A row's journal offset is beyond the journal's head.
    OffsetBeyondJournal,
}

impl FindingKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::TableMissing => "table_missing",
            Self::TransactionBeyondJournal => "transaction_beyond_journal",
            Self::ColumnDiffers => "column_differs",
            Self::FileMissing => "file_missing",
            Self::FileUnreadable => "file_unreadable",
            Self::FileDamaged => "file_damaged",
            Self::RowsDiffer => "rows_differ",
            Self::WrongDay => "wrong_day",
            Self::Unsorted => "unsorted",
            Self::IdentityTwice => "identity_twice",
            Self::OffsetBeyondJournal => "offset_beyond_journal",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: FindingKind,
    pub table: &'static str,
    /// Relative to the table's folder.
    pub file: Option<String>,
    pub detail: String,
}

/// What the readable files of a table hold: the other side of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableCount {
    pub table: &'static str,
    pub files: u64,
    /// Of dead letters only rows that count: one a name.
    pub rows: u64,
    /// Rows by sensor (`""` where a dead letter has none); by kind in the registry.
    pub by_sensor: BTreeMap<String, u64>,
    /// Standing dead letters by (sensor, reason); empty for other tables.
    pub standing: BTreeMap<(String, String), u64>,
}

impl TableCount {
    pub(crate) fn of(table: Table) -> Self {
        Self { table: table.name(), ..Self::default() }
    }

    pub(crate) fn take(&mut self, other: Self) {
        self.rows += other.rows;
        for (sensor, rows) in other.by_sensor {
            *self.by_sensor.entry(sensor).or_default() += rows;
        }
        for (name, rows) in other.standing {
            *self.standing.entry(name).or_default() += rows;
        }
    }
}

/// The whole result.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verification {
    pub findings: Vec<Finding>,
    pub counts: Vec<TableCount>,
}

impl Verification {
    pub(crate) fn add(&mut self, kind: FindingKind, table: Table, file: Option<&str>, detail: impl Into<String>) {
        self.findings.push(Finding { kind, table: table.name(), file: file.map(str::to_owned), detail: detail.into() });
    }

    /// `None` for a table that holds no commit.
    pub fn count(&self, table: Table) -> Option<&TableCount> {
        self.counts.iter().find(|count| count.table == table.name())
    }
}
