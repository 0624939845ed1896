//! The MQTT front: terminates MQTT 3.1.1 and 5, journals what is published and acknowledges it once it is durable.
//!
//! ```text
//! listener ─► handshake ─► connection ─► publisher ─► journal ──fdatasync──► acks ─► publisher's client
//! (TCP, TLS, WebSocket)                  (refusal)       │ tail
//!                                                        ▼
//! subscriber's client ◄─ connection ◄─ subscriber ◄─ dispatch: retained, trie ─► feeds (QoS 1 and 2; behind: catch-up)
//!                                                        └─► engine (QoS 0)
//! store: lasting sessions = checkpoint + the session records after it · upkeep: cursors, expiry, wills, checkpoint
//! ```
//!
//! Absent on purpose: which credentials are right (an `Authority`), and what a payload means.

mod acks;
mod admission;
mod alias;
mod at_rest;
mod broker;
mod change;
mod checkpoint;
mod codec;
mod connection;
mod dispatch;
mod durable;
mod end;
mod engine;
pub mod erase;
mod error;
mod farewell;
mod feed;
mod filter;
mod gate;
mod handle;
mod handshake;
mod hub;
mod keep_alive;
mod limit;
mod listener;
mod listeners;
mod live_queue;
mod message;
mod meter;
pub mod metrics;
mod mileage;
mod online;
mod options;
mod packet;
mod properties;
mod publisher;
mod rate;
mod recovery;
mod refusal;
mod retained;
mod routes;
mod sessions;
mod store;
mod subscriber;
mod tls;
mod trie;
mod upkeep;
mod websocket;
mod wills;
pub mod wire;

pub use at_rest::AtRest;
pub use broker::{Broker, Deps};
pub use engine::THREADS as ENGINE_THREADS;
pub use error::Error;
pub use handle::{Handle, Status};
pub use limit::Limit;
pub use listener::Stream;
pub use options::Options;
pub use tls::Tls;
