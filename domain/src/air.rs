//! Air indices and legal limits: from the valid hourly means of a station to an index, its level and the pollutant that makes it.
//!
//! ```text
//! standards/*.toml, and files of a city's own ──Standards──► Index (tables of columns) · Limits
//! samples ──Layer──► window::Base ──Series──► hours, 8 h, days, months, years, each with its coverage
//! hourly means ──mean, nowcast──► concentration ──Amount: cut in decimals──► Scale ──► sub-index ──► the largest ──► level
//! ```
//!
//! A text of law is a file of data, so that another country's index needs no compiling. All is pure. Concentrations are in canonical
//! units, at the city's reference temperature.

mod amount;
mod aqi;
mod averaging;
pub mod exceedance;
mod index;
mod limit;
mod mean;
mod nowcast;
mod sample;
mod scale;
mod standards;
pub mod window;

pub use amount::Amount;
pub use aqi::{Aqi, HourlyMeans, NoIndex, Outcome, SubIndex};
pub use averaging::Averaging;
pub use index::{Category, Column, Edition, Index, Table};
pub use limit::{Judgment, Limit, Limits};
pub use nowcast::{NOWCAST_HOURS, nowcast};
pub use sample::{Layer, Remarks, Sample};
pub use scale::{IndexValue, Scale};
pub use standards::{StandardError, Standards};

#[cfg(test)]
mod tests;
