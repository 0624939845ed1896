//! TLS: what the listeners show, whose devices they let in, and what is renewed or told before it ends.
//!
//! ```text
//! files that [tls] names ─┐
//!                         ├─► certificates ─► each handshake of MQTT, WebSocket and HTTP
//! own authority ──────────┘        ▲ looked at every 10 s: a changed file is taken; one that is wrong is told and leaves what stood
//! ```
//!
//! Absent on purpose: resumption of MQTT sessions, by which a revoked certificate would be let in once more.

mod authority;
mod certificates;
mod client;
mod identity;
mod material;
mod request;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use authority::{Authority, Issued};
pub use certificates::Certificates;
pub use client::{ClientFiles, Named, authorities, client_config};

/// The `[tls]` part of the configuration. All files are PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The server's certificate and those between it and its authority. Empty: one by the data directory's own authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// What clients call this server, for a certificate by the own authority; besides `localhost` and loopback addresses.
    pub names: Vec<String>,
    /// Authorities whose certificates let devices in. Empty: the data directory's own.
    pub device_authorities: PathBuf,
    /// Their revocation lists. Empty: none.
    pub revoked: PathBuf,
}

#[cfg(test)]
mod tests;
