//! The harness of the black-box tests: the real binary on free ports, seen only through the contract.
//!
//! ```text
//! server (starts, kills, restarts `kerbside` on one data dir) ──► publisher (MQTT, remembers what was acknowledged)
//!                                                             ──► api       (HTTP answers as JSON)
//! shared (real recordings, where this checkout has them) · program (other programs of the machine) · disk (a small one) · until (bounded waits)
//! secure (HTTP over TLS, as the street sees it)
//! ```

pub mod api;
pub mod disk;
pub mod program;
pub mod publisher;
pub mod secure;
pub mod server;
pub mod shared;
pub mod until;

pub use api::Api;
pub use publisher::{Message, Publisher};
pub use server::Server;
