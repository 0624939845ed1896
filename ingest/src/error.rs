//! What can stop ingest, one variant for each thing an operator can do differently.

use std::io;

use domain::limits::ERASED_PERIODS_MAX;
use domain::{Position, SensorId};
use lake::table::Table;

use crate::checkpoint::CheckpointError;
use crate::registry::{OpeningError, StoreError};

/// Why ingest cannot start or go on. Bad input is never among it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The state cannot be rebuilt: restore a checkpoint or the journal's first segments.
    #[error(
        "no checkpoint reads back and the journal begins at {first}, so the records before it are unknown: put back the folder \
        checkpoint, or the journal's first segments{damaged}"
    )]
    CheckpointMissing { first: Position, damaged: String },
    /// The checkpoint and the journal are not of one data directory.
    #[error(
        "the newest checkpoint is of another journal than the one in the data directory: put back the whole folder journal that \
        belongs to it"
    )]
    OtherJournal,
    /// The journal lost its end: restore it.
    #[error("the journal ends at {head}, before the {what} at {position}: put back the whole folder journal as it was last")]
    JournalBehind { head: Position, what: &'static str, position: Position },
    /// A lake without its journal: readings could not be told from repetitions.
    #[error(
        "the lake's table {} holds rows, and none of them came from the journal in the data directory: put back the whole folder \
        journal that belongs to this lake in place of the present one, or begin anew with an empty data directory and another lake",
        .0.name()
    )]
    OtherLake(Table),
    /// What is acknowledged has to be in the lake before anything of it can be erased.
    #[error("{0} records wait in the journal and could not be taken in time: try again")]
    Untaken(u64),
    #[error("{ERASED_PERIODS_MAX} periods of sensor {0} are erased already: erase a longer one that holds several of them")]
    TooManyPeriods(SensorId),
    #[error(transparent)]
    Journal(journal::OpenError),
    #[error("journal: {0}")]
    Tail(#[from] journal::TailError),
    #[error("journal: {0}")]
    Append(#[from] journal::AppendError),
    #[error("lake: {0}")]
    Lake(#[from] lake::Error),
    #[error("registry: {0}")]
    Registry(#[from] OpeningError),
    #[error("disk: {0}")]
    Disk(#[from] io::Error),
    /// A part of ingest ended by a panic.
    #[error("{0} ended early")]
    Ended(&'static str),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}
