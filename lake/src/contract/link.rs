//! The link: how a process of query alone gets what ingest has in memory, and hands in what comes by HTTP.
//!
//! ```text
//! ingest ──hello (protocol), Greeting──► query                     once a connection
//! query  ──Request──► ingest ──Reply──► query                      calls: one at a time on a connection
//! query  ──Request::Follow──► ingest ──News …, Seal──► query       the follower: from then on ingest speaks alone
//! ```
//!
//! What ingest tells are steps from one journal position to the next: parts that the follower lays aside, then a seal, with which
//! all of them become true at once. So a follower shows state, ledger and hot rows of one position, as in one process. The lake is
//! not sent: a follower reads it by itself, up to where the seals have led it.
//!
//! Both sides are of one version ([`PROTOCOL`]); a connection to another one is refused by name. Deliberately absent: credentials
//! and encryption. The link stays on one machine or one closed network.

mod frame;
mod message;
mod rows;
mod versions;

pub use frame::{Frame, LinkError, hail, meet, read, write};
pub use message::{Follow, Greeting, News, Reply, Request, Seal, Whole};
pub use rows::{rows_from, rows_parts};
pub use versions::{versions_from, versions_parts};

/// Counts up with every change of a message.
pub const PROTOCOL: u16 = 4;
