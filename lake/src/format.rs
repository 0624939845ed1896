//! The lake's format version: a small file at its root, so that an older binary refuses a newer lake in one sentence.
//!
//! The number rises when an older binary would misread or damage what a newer one wrote; a new column is no such step. The
//! name begins with a dot so that `lake/*` names tables only.

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::store::Location;

/// What this binary writes, and the newest it reads.
pub const FORMAT: u32 = 1;
const FILE: &str = ".kerbside-lake.json";

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
}

/// Refuses a newer lake. `Ok(false)` when there is no lake yet.
pub(crate) async fn check(location: &Location) -> Result<bool, Error> {
    let file = location.root.clone().join(FILE);
    let bytes = match location.store.get(&file).await {
        Ok(found) => found.bytes().await?,
        Err(object_store::Error::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let header: Header = serde_json::from_slice(&bytes)
        .map_err(|error| Error::Location { at: location.url.to_string(), why: format!("{FILE} is unreadable ({error})") })?;
    if header.format > FORMAT {
        return Err(Error::NewerVersion { at: location.url.to_string(), found: header.format, known: FORMAT });
    }
    Ok(true)
}

/// Marks a new lake.
pub(crate) async fn write(location: &Location) -> Result<(), Error> {
    let bytes = serde_json::to_vec(&Header { format: FORMAT }).expect("a number becomes JSON");
    let file = location.root.clone().join(FILE);
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match location.store.put_opts(&file, Bytes::from(bytes).into(), create).await {
        Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
