//! A city that is not there, and recordings of cities that are: both as publishes to a broker.
//!
//! ```text
//! City (seeded: areas, sites, bays, stations) ──registry──► GeoJSON for `registry import`
//!   └─► CityRun (pure: events in time order) ──► Simulation ──┐
//! recording.csv[.gz] + Mapping ──► Recording (rows in order) ─┼─► Publisher (MQTT 3.1.1, QoS 1, window, resend) ──► broker
//!                                     └─► NDJSON for `import` │
//! Load (open loop, precomputed packets: benchmarks only) ─────┘
//! ```
//!
//! City and CityRun are functions of their seed: the same seed gives the same bytes. Faults (loss, clocks that run wrong, stuck
//! sensors) are to be adaptors over the iterator of events, which is why a run is nothing but an iterator.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests wait in the machine's time"))]

pub mod calendar;
pub mod chance;
pub mod city;
pub mod error;
pub mod load;
pub mod mapping;
pub mod publisher;
pub mod recording;
pub mod replay;
pub mod run;
pub mod simulation;

pub use city::{City, CityOptions};
pub use error::Error;

pub use load::{Load, LoadOptions, LoadReport};
pub use mapping::Mapping;
pub use publisher::{Publisher, PublisherOptions, PublisherStats};
pub use recording::{Recorded, Recording, RowError};
pub use replay::{Replay, ReplayOptions, ReplaySummary};
pub use run::{CityRun, Event};
pub use simulation::{Simulation, SimulationOptions, SimulationStats};

#[cfg(test)]
mod tests;
