//! The ways in that do not come by MQTT. Each ends in a journal record, and answers after its fsync.

use domain::record::Publish;
use domain::{Position, Timestamp, registry};
use serde::{Deserialize, Serialize};

use super::Away;

/// Why something could not be taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum IntakeError {
    /// The journal cannot write now (full disk, failed fsync): try again later.
    #[error("the journal cannot write: {0}")]
    Unavailable(String),
    /// Ingest cannot be reached: try again later.
    #[error(transparent)]
    Away(#[from] Away),
    /// The content is wrong; trying again cannot mend it.
    #[error("{0}")]
    Invalid(String),
    #[error("no such dead letter")]
    NotFound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Added,
    Changed,
    Unchanged,
    /// Taken, with a remark (an unknown property, …).
    Warned,
    Refused,
}

/// What became, or would become, of one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowVerdict {
    /// Place in the file, from 1.
    pub row: usize,
    pub kind: Option<String>,
    pub id: Option<String>,
    pub verdict: Verdict,
    /// The field, where one is at fault.
    pub field: Option<String>,
    pub detail: Option<String>,
}

impl From<registry::RowVerdict> for RowVerdict {
    fn from(row: registry::RowVerdict) -> Self {
        let verdict = match row.verdict {
            registry::Verdict::Added => Verdict::Added,
            registry::Verdict::Changed => Verdict::Changed,
            registry::Verdict::Unchanged => Verdict::Unchanged,
            registry::Verdict::Warned => Verdict::Warned,
            registry::Verdict::Refused => Verdict::Refused,
        };
        Self { row: row.row, kind: row.kind, id: row.id, verdict, field: row.field, detail: row.detail }
    }
}

/// A whole edit: all rows or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditVerdict {
    /// `None` for a dry run, or when a row was refused.
    pub position: Option<Position>,
    pub rows: Vec<RowVerdict>,
}

#[async_trait::async_trait]
pub trait Intake: Send + Sync + 'static {
    /// Durable when it returns: the position of each message, in order.
    async fn publish(&self, messages: Vec<Publish>) -> Result<Vec<Position>, IntakeError>;

    /// A GeoJSON FeatureCollection; returns when the pipeline has applied it.
    async fn edit_registry(&self, author: &str, features: bytes::Bytes, dry_run: bool) -> Result<EditVerdict, IntakeError>;

    /// The whole registry, all versions, as a GeoJSON FeatureCollection.
    async fn export_registry(&self, at: Option<Timestamp>) -> Result<bytes::Bytes, IntakeError>;

    /// Takes a dead letter again; `Ok(false)` when it already stands resolved.
    async fn reprocess(&self, of: Position, element: u32) -> Result<bool, IntakeError>;

    /// Waits until the pipeline has taken `position`, or `false` after `wait`.
    async fn settled(&self, position: Position, wait: std::time::Duration) -> bool;
}
