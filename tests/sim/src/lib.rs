//! Days of a small city in one thread, on virtual time, with everything going wrong that may: one seed is one day, always the same.
//!
//! ```text
//! device ──net──► journal (real format, modelled disk) ──► ingest::Service (real) ──► Lake (real, modelled store and log)
//!                    │ tail                                        │ view, ledger, live state
//!                    ▼                                             ▼
//!                 oracle: reference of every record ──────► must be equal, after each step
//! ```
//!
//! The runtime's own idleness moves the clock ([`clock`]), so nothing waits and nothing races. Absent on purpose: sockets, SQL, and
//! deltalake-core, which have tests of their own.

mod acts;
pub mod clock;
mod day;
mod desk;
mod device;
pub mod disk;
mod life;
mod log;
pub mod mutation;
mod net;
mod oracle;
mod power;
mod reference;
mod run;
pub mod scenario;
pub mod store;
mod sums;
mod trace;
mod world;

pub use mutation::Mutation;
pub use run::{Outcome, run};
pub use scenario::Scenario;
