//! What is true of the whole city: its name, its time zone, its language, the levels of its areas.
//!
//! A date in a registry file means local midnight here. The zone's rules come from the bundled database, so that two machines agree.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::feature::is_language_tag;
use crate::time::Timestamp;

/// The city as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CityOptions {
    /// As people call it, in `language`.
    pub name: String,
    /// IANA name.
    pub zone: String,
    /// BCP 47 tag of the language that `name` is in.
    pub language: String,
    /// Levels of areas, the smallest first.
    pub levels: Vec<String>,
}

impl Default for CityOptions {
    fn default() -> Self {
        Self {
            name: "Hà Nội".to_owned(),
            zone: "Asia/Ho_Chi_Minh".to_owned(),
            language: "vi".to_owned(),
            levels: ["ward", "district", "city"].map(str::to_owned).to_vec(),
        }
    }
}

/// Why options describe no city.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CityError {
    #[error("no time zone is called {0}")]
    Zone(String),
    #[error("{0:?} is no language tag such as vi or pt-BR")]
    Language(String),
    #[error("level {0} stands twice")]
    Level(String),
}

impl CityOptions {
    /// Called once at start, so that a misspelt zone stops a server instead of bending its dates.
    pub fn check(&self) -> Result<(), CityError> {
        TimeZone::get(&self.zone).map_err(|_| CityError::Zone(self.zone.clone()))?;
        if !is_language_tag(&self.language) {
            return Err(CityError::Language(self.language.clone()));
        }
        match self.levels.iter().enumerate().find(|(i, level)| self.levels[..*i].contains(level)) {
            Some((_, level)) => Err(CityError::Level(level.clone())),
            None => Ok(()),
        }
    }

    /// The zone, or UTC where [`check`](Self::check) would fail.
    pub fn time_zone(&self) -> TimeZone {
        TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// 0 for the smallest level.
    pub fn rank(&self, level: &str) -> Option<usize> {
        self.levels.iter().position(|known| known == level)
    }
}

/// `2025-07-01` (its local midnight) or an RFC 3339 instant; `None` for anything else.
pub(super) fn parse_moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(instant) = Timestamp::parse_rfc3339(text) {
        return Some(instant);
    }
    let shape = |(i, c): (usize, u8)| if i == 4 || i == 7 { c == b'-' } else { c.is_ascii_digit() };
    if text.len() != 10 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    let date: Date = text.parse().ok()?;
    let midnight = date.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_micros(midnight.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_local_midnight_and_an_instant_is_itself() {
        let zone = CityOptions::default().time_zone();
        let midnight = Timestamp::parse_rfc3339("2025-06-30T17:00:00Z").expect("valid");
        assert_eq!(parse_moment("2025-07-01", &zone), Some(midnight));
        assert_eq!(parse_moment("2025-07-01T00:00:00+07:00", &zone), Some(midnight));
        for text in ["", "2025-7-1", "2025-02-30", "2025-07-01T00:00:00", "1 July", "20250701xx"] {
            assert_eq!(parse_moment(text, &zone), None, "{text}");
        }
    }

    #[test]
    fn a_misspelt_zone_or_language_and_a_repeated_level_are_told() {
        assert_eq!(CityOptions::default().check(), Ok(()));
        let zone = CityOptions { zone: "Asia/Hanoi".to_owned(), ..CityOptions::default() };
        assert_eq!(zone.check(), Err(CityError::Zone("Asia/Hanoi".to_owned())));
        let language = CityOptions { language: "vi_VN".to_owned(), ..CityOptions::default() };
        assert_eq!(language.check(), Err(CityError::Language("vi_VN".to_owned())));
        let levels = CityOptions { levels: vec!["ward".to_owned(), "ward".to_owned()], ..CityOptions::default() };
        assert_eq!(levels.check(), Err(CityError::Level("ward".to_owned())));
    }
}
