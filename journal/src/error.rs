//! What can go wrong with a journal, one variant for each thing a caller can do differently.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use domain::Position;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("journal {} is in use by another process", .dir.display())]
    InUse { dir: PathBuf },
    #[error("journal segment {segment} has format {found}, newer than this version reads ({known})")]
    NewerFormat { segment: String, found: u32, known: u32 },
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error("journal {}: {error}", .dir.display())]
    Io { dir: PathBuf, error: io::Error },
}

/// Bytes that were durable and no longer read back: never a torn tail, so a person has to look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal segment {segment} is damaged at byte {offset}, where record {position} should be: {reason}")]
pub struct Damage {
    /// File name in the journal's directory.
    pub segment: String,
    /// Bytes from the start of the file.
    pub offset: u64,
    pub position: Position,
    pub reason: &'static str,
}

/// Why a record is not in the journal. It is never seen by a reader; sending it again is the caller's choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("journal cannot write: {0}")]
    Unwritable(Arc<str>),
    #[error("record of {bytes} bytes is longer than a record may be")]
    TooLarge { bytes: usize },
    #[error("journal is closed")]
    Closed,
}

/// Why a tail cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TailError {
    #[error("records up to {} are gone from the journal", .first.0.saturating_sub(1))]
    Trimmed { first: Position },
    #[error("position {after} is ahead of the journal, which ends at {head}")]
    Ahead { after: Position, head: Position },
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error("journal cannot read: {0}")]
    Io(Arc<io::Error>),
    /// Every durable record has been read and no more will come.
    #[error("journal is closed")]
    Closed,
}

/// Why trimming or closing failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("journal: {0}")]
    Io(#[from] io::Error),
    #[error("journal was closed while it could not write: {0}")]
    Unwritable(Arc<str>),
}
