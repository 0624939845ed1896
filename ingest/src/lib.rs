//! Ingest: from the journal to the lake, and the running state beside it.
//!
//! ```text
//! source (another broker) ─┐
//! handle (HTTP, import) ───┴─► journal ──tail──► batch (decode) ──► pipeline (pure) ──► hot rows ──writer──► lake
//!                                                                      │                              checkpoint, trim
//!                                                                      └─► state: ledger, sensors, live, held
//! handle ◄── view, registry, ledger, status, uplinks (the lake's contract `Live` and `Intake`)
//! link ──► the same for processes of query alone
//! ```
//!
//! Every decision is the pipeline's, from records alone. The service only moves bytes: restart is the newest checkpoint and
//! a replay of the journal from there.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests wait in the machine's time"))]

mod batch;
mod checkpoint;
pub mod erase;
mod error;
mod files;
mod handle;
mod hot;
mod keys;
mod letters;
pub mod link;
pub mod metrics;
mod options;
mod parts;
mod pipeline;
pub mod registry;
mod release;
mod service;
mod shared;
pub mod source;
mod uplinks;
pub mod verify;
mod writer;

pub use checkpoint::CheckpointError;
pub use error::Error;
pub use handle::Handle;
pub use options::{Options, UnknownSensors, Weakness};
pub use service::{Deps, Service, has_worked_in};
pub use shared::Floor;
