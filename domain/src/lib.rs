//! The vocabulary of Kerbside, pure: no runtime, no sockets, no disk.
//!
//! ```text
//! bytes + topic ──topic──► route ──codec──► Element: Reading | Rejection      (total: any bytes give one or the other)
//!                                                       │
//! registry (areas, sites, bays, stations, devices; each with dates of validity) ──► whose reading it is
//! record: what a journal record says · position: where it stands · time, rng: the only sources of time and chance
//! ```

pub mod access;
pub mod air;
pub mod bay;
pub mod check;
pub mod codec;
pub mod crash;
pub mod erasure;
pub mod flag;
pub mod id;
pub mod identity;
pub mod kind;
pub mod limits;
pub mod live;
pub mod position;
pub mod quantity;
pub mod reading;
pub mod record;
pub mod registry;
pub mod rejection;
pub mod rng;
pub mod time;
pub mod topic;
pub mod unit;

pub use check::Promise;
pub use erasure::Erasure;
pub use flag::{Flag, Flags};
pub use id::{ObjectId, SensorId};
pub use identity::{Fingerprint, Identity};
pub use kind::Kind;
pub use position::{JournalId, Position};
pub use quantity::Quantity;
pub use reading::Reading;
pub use rejection::{Reason, Rejection};
pub use time::{Clock, Timestamp};
