//! The span of a question about the past: as asked, or back from now.

use std::time::Duration;

use domain::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::answer::List;
use crate::parameter::{Arguments, FROM, FaultKind, TO};
use crate::problem::Problem;

/// [from, to).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Asked {
    /// `back`: how far it begins before its end where that was not said.
    pub fn of(arguments: &Arguments, as_of: Timestamp, back: Duration) -> Result<Self, Problem> {
        let to = arguments.time(TO.name).unwrap_or(as_of);
        let from = arguments.time(FROM.name).unwrap_or_else(|| to.minus(back));
        if to < from {
            return Err(Problem::parameter(TO.name, FaultKind::BeforeFrom));
        }
        Ok(Self { from, to })
    }

    /// Tells it in the head of a list. Ends that were not asked for move on with the time, and are no news.
    pub fn tell(&self, arguments: &Arguments, zone: &TimeZone, list: &mut List) {
        for (name, at) in [(FROM.name, self.from), (TO.name, self.to)] {
            let head: &mut Map<String, Value> = match arguments.time(name) {
                Some(_) => &mut list.head,
                None => &mut list.passing,
            };
            head.insert(name.to_owned(), json!(local(at, zone)));
        }
    }
}

/// RFC 3339 with the zone's offset: what begins at a local midnight shows that it does.
pub fn local(at: Timestamp, zone: &TimeZone) -> String {
    let instant = jiff::Timestamp::from_microsecond(at.as_micros());
    instant.map_or_else(|_| at.to_string(), |instant| instant.display_with_offset(zone.to_offset(instant)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fixture::at;

    #[test]
    fn an_instant_is_told_in_the_zones_own_time() {
        let hanoi = TimeZone::get("Asia/Ho_Chi_Minh").expect("a zone");
        assert_eq!(local(at("2026-11-23T17:00:00Z"), &hanoi), "2026-11-24T00:00:00+07:00");
        assert_eq!(local(at("2026-11-23T17:00:00.25Z"), &TimeZone::UTC), "2026-11-23T17:00:00.25+00:00");
    }
}
