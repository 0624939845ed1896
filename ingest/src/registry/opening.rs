//! The registry's file at a start: as it is, or built again from the lake.
//!
//! A checkpoint says which edits the file must hold. One that is missing, damaged, or a copy from another day does not: what there is of
//! it is set aside, and a new one is filled from the lake, whose table holds every edit up to the checkpoint. The edits after it come
//! from the journal, as at every start.

use std::path::{Path, PathBuf};

use domain::Position;
use domain::registry::{CityOptions, Registry};
use lake::Lake;
use tracing::{info, warn};

use super::lake_table::rows_upto;
use super::store::{Store, StoreError};
use crate::pipeline::State;

/// Why there is no registry to begin with.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the registry's file cannot be built again from the lake: {0}")]
    Lake(#[from] lake::Error),
    #[error("the damaged {} cannot be set aside: {error}", .path.display())]
    Aside { path: PathBuf, error: std::io::Error },
}

/// The store, and the registry as it was at the state's position; `head` is the journal's newest record. Reads and writes files on
/// the calling thread.
pub async fn open(
    path: &Path,
    lake: &Lake,
    state: &State,
    head: Position,
    city: &CityOptions,
) -> Result<(Store, Registry), OpeningError> {
    match whole(path, state, head, city) {
        Ok(Some(found)) => return Ok(found),
        Ok(None) if state.position > Position::START => warn!(file = %path.display(), "the registry's file is missing"),
        Ok(None) => {}
        Err(error) if error.is_damage() => {
            let aside = set_aside(path)?;
            warn!(%error, aside = %aside.display(), "the registry's file is damaged and set aside");
        }
        Err(error) => return Err(error.into()),
    }
    let rows = match state.position {
        Position::START => Vec::new(),
        upto => rows_upto(lake, upto).await?,
    };
    if !rows.is_empty() {
        info!(versions = rows.len(), upto = state.position.0, "the registry is built again from the lake");
    }
    let store = Store::create(path, rows, city)?;
    let registry = store.load(state.position, city)?;
    Ok((store, registry))
}

/// The registry as it was at a position, from the lake alone: the file beside it is not looked at.
pub async fn as_of(lake: &Lake, upto: Position, city: &CityOptions) -> Result<Registry, OpeningError> {
    let rows = match upto {
        Position::START => Vec::new(),
        upto => rows_upto(lake, upto).await?,
    };
    Ok(Store::in_memory(rows, city)?.load(upto, city)?)
}

fn whole(path: &Path, state: &State, head: Position, city: &CityOptions) -> Result<Option<(Store, Registry)>, StoreError> {
    let Some(store) = Store::open(path)? else {
        return Ok(None);
    };
    let newest = store.newest()?;
    if newest < state.edits.newest {
        let detail = format!("its newest edit is {newest}, the checkpoint's {}", state.edits.newest);
        return Err(StoreError::Damaged(detail));
    }
    if newest > head {
        return Err(StoreError::Damaged(format!("its newest edit is {newest}, the journal ends at {head}")));
    }
    let registry = store.load(state.position, city)?;
    Ok(Some((store, registry)))
}

/// With the log that SQLite keeps beside it, so that a person can still look into it.
fn set_aside(path: &Path) -> Result<PathBuf, OpeningError> {
    let beside = |path: &Path, end: &str| PathBuf::from(format!("{}{end}", path.display()));
    let aside = beside(path, ".damaged");
    for end in ["", "-wal", "-shm"] {
        match std::fs::rename(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpeningError::Aside { path: path.to_owned(), error });
            }
            _ => {}
        }
    }
    Ok(aside)
}
