//! The city's own time: its zone, found once at the start.

use domain::Timestamp;
use jiff::tz::TimeZone;

use crate::{Error, Options};

pub struct City {
    pub zone: TimeZone,
}

impl City {
    pub fn new(options: &Options) -> Result<Self, Error> {
        let zone = TimeZone::get(&options.time_zone).map_err(|_| Error::Option {
            key: "time_zone",
            detail: format!("{:?} is no name of the IANA time zone database", options.time_zone),
        })?;
        Ok(Self { zone })
    }

    /// What the clock on the wall shows.
    pub fn local(&self, at: Timestamp) -> jiff::civil::DateTime {
        let instant = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(instant)
    }
}
