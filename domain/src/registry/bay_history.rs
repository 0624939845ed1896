//! What decides a bay's history: whose readings are its own, and by which rules they are judged, each with when it holds.
//!
//! History belongs to the bay, not to the device: a swapped sensor is a new binding. So a history is put together from the
//! readings of every sensor that ever spoke for the bay, each within its spans.

use super::Registry;
use super::object::{Bay, Site};
use super::resolution::{Resolution, Target, TargetKind};
use super::speakers::Speakers;
use super::version::Version;
use crate::id::ObjectId;
use crate::kind::Kind;
use crate::time::Timestamp;

/// From one instant to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BayHistory {
    /// Whose readings were the bay's, and when.
    pub sensors: Speakers,
    /// In order: each holds until the next one's start, the first since ever. Empty where no site was ever under the bay.
    pub rules: Vec<BayRules>,
}

/// What a bay is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BayRules {
    /// `None` is since ever.
    pub from: Option<Timestamp>,
    pub heartbeat_s: u32,
    pub min_dwell_s: u32,
}

impl Registry {
    /// Who spoke for a bay in [from, to), with all rules that it ever had. `None` for a bay that never was.
    pub fn bay_history(&self, bay: &ObjectId, from: Timestamp, to: Timestamp) -> Option<BayHistory> {
        let versions = self.bays.of(bay.as_str());
        if versions.is_empty() {
            return None;
        }
        let mut rules: Vec<BayRules> = versions.iter().flat_map(|version| self.rules_of(version)).collect();
        rules.dedup_by(|next, last| (next.heartbeat_s, next.min_dwell_s) == (last.heartbeat_s, last.min_dwell_s));
        let is_bay = |target: &Target| target.kind == TargetKind::Bay && target.id == *bay;
        let counts = |answer: &Resolution| answer.target.as_ref().is_some_and(is_bay);
        let sensors = self.speakers(Kind::Parking, bay, from, to, counts);
        Some(BayHistory { sensors, rules })
    }

    /// The rules of one version of a bay: its site's heartbeat may change within it.
    fn rules_of(&self, version: &Version<Bay>) -> Vec<BayRules> {
        let sites = self.sites.of(version.object.site.as_str());
        let mut starts = vec![version.span.from];
        if version.object.heartbeat_s.is_none() {
            let inside = |at: &Timestamp| version.span.holds(*at) && version.span.from != Some(*at);
            starts.extend(sites.iter().flat_map(|site| site.span.edges()).filter(inside).map(Some));
            starts.sort_unstable();
            starts.dedup();
        }
        let heartbeat_at = |start: Option<Timestamp>| {
            let holds = |site: &&Version<Site>| start.map_or(site.span.from.is_none(), |at| site.span.holds(at));
            // A bay whose site does not stand then keeps the heartbeat of the site's nearest version.
            let site = sites.iter().find(holds).or(sites.first());
            version.object.heartbeat_s.or(site.map(|site| site.object.heartbeat_s))
        };
        let rule = |start: Option<Timestamp>| {
            Some(BayRules { from: start, heartbeat_s: heartbeat_at(start)?, min_dwell_s: version.object.min_dwell_s })
        };
        starts.into_iter().filter_map(rule).collect()
    }
}
