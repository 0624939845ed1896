//! The front over real sockets and a real journal: what a client sees, and what the journal holds then.

#![allow(clippy::disallowed_methods, reason = "tests wait in the machine's time")]

mod authorised;
mod clients;
mod connecting;
mod crowd;
mod disk;
mod harness;
mod kept_inputs;
mod killers;
mod limits;
mod process;
mod publishing;
mod raw;
mod requiring;
mod sharing;
mod subscribing;
mod wills;
