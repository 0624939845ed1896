//! Days of a small city in one thread, on virtual time, with everything going wrong that may: one seed is one day, always the same.
//!
//! ```text
//! device ──pipe──► broker (real) ──► journal (real, modelled disk) ──► ingest (real) ──► Lake (real, modelled store and log)
//!    ▲                  │                │ tail                           │ view, ledger, live state
//!    └── PUBACK ◄───────┘                ▼                                ▼
//!           └─────► oracle: what every durable record must come to ──── is it so, after each step?
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
mod mqtt;
pub mod mutation;
mod net;
mod oracle;
mod pipe;
mod power;
mod reference;
mod run;
pub mod scenario;
pub mod store;
mod sums;
mod trace;
mod world;

/// As the server's own: a day is a million small pieces of memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub use mutation::Mutation;
pub use reference::Shown;
pub use run::{Outcome, Recording, record, run};
pub use scenario::Scenario;
