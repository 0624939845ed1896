//! Questions and their answers: HTTP API, SQL, live state as JSON. The only crate that knows DataFusion and HTTP.
//!
//! ```text
//! TCP ──server──► router (made from api::ENDPOINTS) ──► access ─► parameter ─► handler ─► answer (format, ETag, 304)
//!                                                                                │            problem+json on refusal
//!                 live questions:  Layout + LiveState ─► counts, index, board ◄──┤
//!                 history, SQL:    View = lake files + hot rows ─► engine ◄──────┤
//!                 ways in:         Intake (journal record, answered after its fsync) ◄┘
//!                 any other path:  a page of the front binary
//! ```
//!
//! Query sees ingest, registry and journal only through `lake::contract`: in one process, or as [`remote`].

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests wait in the machine's time"))]

pub mod alone;
pub mod engine;
pub mod options;
pub mod server;

mod access;
mod air;
mod air_index;
mod announce;
mod answer;
mod api;
mod app;
mod area;
mod areas;
mod bay_events;
mod board;
mod call;
mod city;
mod completeness;
mod cursor;
mod format;
mod geometry;
mod ground;
mod hours;
mod language;
mod letters;
mod metrics;
mod openapi;
mod page;
mod parameter;
mod parking;
mod problem;
mod readings;
pub mod remote;
mod rows;
mod samples;
mod schema;
mod snapshots;
mod span;
mod spoken;
mod standards;
#[cfg(test)]
mod tests;

pub use announce::Announcements;
pub use engine::{ENGINE_THREADS, Engine, LakeFiles};
pub use metrics::describe as describe_metrics;
pub use options::Options;
pub use page::{Page, Pages};
pub use server::{Deps, Listen, Readiness, Server, Tls};

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {addr}: {source}")]
    Bind { addr: std::net::SocketAddr, source: std::io::Error },
    /// Keys and answers would go in the clear where others listen, and nobody asked for that by name.
    #[error(
        "{addr} is not loopback, and what is said there can be read on the way: listen with TLS (--https), or allow it by name with query.allow_plaintext_off_loopback"
    )]
    Exposed { addr: std::net::SocketAddr },
    /// The city's configuration describes no city.
    #[error("city: {0}")]
    City(#[from] domain::registry::CityError),
    /// The engine could not be built.
    #[error("the query engine: {0}")]
    Engine(#[from] engine::EngineError),
}
