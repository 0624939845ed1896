//! What decides a station's means: whose readings of a quantity are its own, and how often it expected one, each with when it holds.

use super::Registry;
use super::resolution::TargetKind;
use super::speakers::Speakers;
use crate::id::ObjectId;
use crate::kind::Kind;
use crate::quantity::Quantity;
use crate::time::Timestamp;

/// From one instant to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationHistory {
    pub sensors: Speakers,
    /// In order: each holds until the next one's start; before the first holds the first.
    intervals: Vec<(Option<Timestamp>, u32)>,
}

impl StationHistory {
    /// Seconds between two readings, as the registry had them at an instant.
    pub fn interval_s(&self, at: Timestamp) -> u32 {
        let held = self.intervals.iter().rev().find(|(from, _)| from.is_none_or(|from| from <= at));
        held.or(self.intervals.first()).map_or(0, |(_, interval_s)| *interval_s)
    }
}

impl Registry {
    /// Who spoke for a quantity of a station in [from, to). `None` for a station that never was.
    pub fn station_history(
        &self,
        station: &ObjectId,
        quantity: Quantity,
        from: Timestamp,
        to: Timestamp,
    ) -> Option<StationHistory> {
        let versions = self.stations.of(station.as_str());
        if versions.is_empty() {
            return None;
        }
        let intervals = versions.iter().map(|version| (version.span.from, version.object.interval_s)).collect();
        let sensors = self.speakers(Kind::Air, station, from, to, |answer| {
            answer.target_of(quantity).is_some_and(|target| target.kind == TargetKind::Station && target.id == *station)
        });
        Some(StationHistory { sensors, intervals })
    }
}
