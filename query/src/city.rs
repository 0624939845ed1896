//! The city as answers need it: as it was configured, with its zone found once at the start.

use domain::Timestamp;
use domain::registry::{CityError, CityOptions};
use jiff::tz::TimeZone;

pub struct City {
    pub options: CityOptions,
    /// Opening hours and local days are in it.
    pub zone: TimeZone,
}

impl City {
    pub fn new(options: CityOptions) -> Result<Self, CityError> {
        options.check()?;
        let zone = options.time_zone();
        Ok(Self { options, zone })
    }

    /// What the clock on the wall shows.
    pub fn local(&self, at: Timestamp) -> jiff::civil::DateTime {
        let instant = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(instant)
    }
}
