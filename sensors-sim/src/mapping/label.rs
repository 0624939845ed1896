//! From the label of a row to the instant at which its reading ends.

use std::collections::BTreeMap;

use domain::Timestamp;
use jiff::tz::TimeZone;

use super::{Label, TimeRule};
use crate::calendar::Calendar;

/// Formats that are instants by themselves.
pub(super) fn carries_offset(format: &str) -> bool {
    matches!(format, "rfc3339" | "unix_s" | "unix_ms") || format.contains("%z") || format.contains("%:z")
}

/// Whether rows can be read by a format at all: an instant that it writes has to be one that it reads.
pub(super) fn check_format(format: &str) -> Result<(), String> {
    if matches!(format, "rfc3339" | "unix_s" | "unix_ms") {
        return Ok(());
    }
    let instant = jiff::Timestamp::constant(SAMPLE_S, SAMPLE_NANOS).to_zoned(TimeZone::UTC);
    let read = || -> Result<(), jiff::Error> {
        let text = jiff::fmt::strtime::format(format, &instant)?;
        let broken_down = jiff::fmt::strtime::parse(format, text)?;
        if carries_offset(format) { broken_down.to_timestamp().map(drop) } else { broken_down.to_datetime().map(drop) }
    };
    read().map_err(|error| {
        format!("time.format {format:?}: {error}; write rfc3339, unix_s, unix_ms, or strftime such as \"%Y-%m-%d %H:%M:%S\"")
    })
}

/// 2019-11-23 13:45:56.789: no field of it is one digit long, and none can be taken for another.
const SAMPLE_S: i64 = 1_574_516_756;
const SAMPLE_NANOS: i32 = 789_000_000;

/// A time rule with its zones looked up.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    format: String,
    label: Label,
    span_s: u32,
    zone: Option<TimeZone>,
    by_value: BTreeMap<String, TimeZone>,
}

impl Labels {
    pub(super) fn new(rule: &TimeRule) -> Result<Self, String> {
        let zone_at = |key: &str, name: &String| {
            let found = Calendar::new(name).map(|calendar| calendar.zone().clone());
            found.map_err(|_| format!("{key} {name:?} is no time zone such as \"Asia/Ho_Chi_Minh\" or \"+07:00\""))
        };
        let table = rule.zones.iter().flat_map(|zones| &zones.by_value);
        Ok(Self {
            format: rule.format.clone(),
            label: rule.label,
            span_s: rule.span_s,
            zone: rule.zone.as_ref().map(|name| zone_at("time.zone", name)).transpose()?,
            by_value: table
                .map(|(value, name)| Ok((value.clone(), zone_at(&format!("time.zones.by_value.{value}"), name)?)))
                .collect::<Result<_, String>>()?,
        })
    }

    /// Seconds that a reading covers; 0 is a moment.
    pub(super) fn span_s(&self) -> u32 {
        self.span_s
    }

    /// The end of what the row covers. `place` is the cell that chooses the zone, where a table does.
    pub(super) fn end(&self, text: &str, place: Option<&str>) -> Result<Timestamp, String> {
        let labelled = self.instant(text, place)?;
        let later = if self.label == Label::Begin { self.span_s } else { 0 };
        Ok(labelled.plus(std::time::Duration::from_secs(u64::from(later))))
    }

    fn instant(&self, text: &str, place: Option<&str>) -> Result<Timestamp, String> {
        let number = || text.parse::<i64>().map_err(|_| format!("{text:?} is no whole number"));
        match self.format.as_str() {
            "rfc3339" => Timestamp::parse_rfc3339(text).map_err(|error| format!("{text:?}: {error}")),
            "unix_ms" => Timestamp::from_millis(number()?).ok_or_else(|| format!("{text} ms is out of range")),
            "unix_s" => {
                number()?.checked_mul(1_000).and_then(Timestamp::from_millis).ok_or_else(|| format!("{text} s is out of range"))
            }
            format => self.local(format, text, place),
        }
    }

    /// A label that a clock change makes ambiguous is its first pass, one that it skips is taken as if the clock had not changed
    /// (jiff's "compatible", RFC 5545).
    fn local(&self, format: &str, text: &str, place: Option<&str>) -> Result<Timestamp, String> {
        let broken_down =
            jiff::fmt::strtime::parse(format, text).map_err(|error| format!("{text:?} does not read as {format:?}: {error}"))?;
        let instant = if carries_offset(format) {
            broken_down.to_timestamp().map_err(|error| error.to_string())?
        } else {
            let date_time = broken_down.to_datetime().map_err(|error| format!("{text:?}: {error}"))?;
            self.zone_at(place)?.to_timestamp(date_time).map_err(|error| format!("{text:?}: {error}"))?
        };
        Ok(Timestamp::from_micros(instant.as_microsecond()))
    }

    fn zone_at(&self, place: Option<&str>) -> Result<&TimeZone, String> {
        if let Some(zone) = &self.zone {
            return Ok(zone);
        }
        let place = place.unwrap_or_default();
        self.by_value.get(place).ok_or_else(|| format!("the mapping knows no time zone of {place:?}"))
    }
}
