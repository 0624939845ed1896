//! The registry at rest: a SQLite file with every version and the journal positions that brought and superseded it, and the same
//! versions as rows for the lake.
//!
//! The journal is the truth; the file is a cache of what replay would give, so that a start need not read edits that were trimmed long
//! ago. It can be deleted: [`opening`] builds it again from the lake's `registry` table.

mod lake_table;
mod opening;
mod row;
mod store;

pub use lake_table::rows_upto;
pub use opening::{OpeningError, as_of, open};
pub use row::{LakeRow, lake_rows};
pub use store::{Store, StoreError};
