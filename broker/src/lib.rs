//! The MQTT front: terminates MQTT 3.1.1 and 5, journals what is published and acknowledges it once it is durable.
//!
//! ```text
//! listener ─► handshake ─► connection ─► publisher ─► journal ──fdatasync──► acks ─► client
//! (TCP, WebSocket)              ▲              │ refusals
//!                               │              ▼
//!        store: lasting sessions, a fold of journal records
//! ```

mod acks;
mod broker;
mod change;
mod codec;
mod connection;
mod durable;
mod error;
mod filter;
mod handle;
mod handshake;
mod hub;
mod keep_alive;
mod listener;
pub mod metrics;
mod options;
mod packet;
mod properties;
mod publisher;
mod refusal;
mod sessions;
mod store;
mod websocket;

pub use broker::{Broker, Deps};
pub use error::Error;
pub use handle::Handle;
pub use options::Options;
