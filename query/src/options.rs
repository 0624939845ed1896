//! What a city's operator may configure of the answers. Defaults stand in `impl Default` only; the city's own name, zone and
//! language are domain's `CityOptions`.

use serde::{Deserialize, Serialize};

/// The `[query]` part of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// SPDX id or a link.
    pub licence: String,
    /// What re-users of the data have to print.
    pub attribution: String,
    /// Listens without TLS on an address that other machines reach. Without it such a listener is refused (SEC-1).
    pub allow_plaintext_off_loopback: bool,
    /// Connections that may be open at once; more wait in the listener's queue.
    pub connections_max: usize,
    /// How long open requests may still run after the shutdown signal, seconds.
    pub drain_s: u64,
    /// Threads that one question may use; 0 takes the machine's cores.
    pub threads: usize,
    /// Memory of the cached Parquet footers, bytes.
    pub footer_cache_bytes: usize,
    /// `host:port` of ingest's link, for a process without an ingest of its own.
    pub ingest: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            licence: "CC-BY-4.0".to_owned(),
            attribution: "Kerbside".to_owned(),
            allow_plaintext_off_loopback: false,
            connections_max: 2_000,
            drain_s: 10,
            threads: 0,
            footer_cache_bytes: 64 * 1024 * 1024,
            ingest: String::new(),
        }
    }
}
