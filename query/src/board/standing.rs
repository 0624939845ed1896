//! How everything stands at one instant: what an answer is made from.

use std::sync::Arc;

use domain::bay::Seen;
use domain::registry::{Bay, Layout, Registry, SiteEntry};
use domain::{ObjectId, Timestamp, live};
use lake::contract::Live;

use super::pieces::Pieces;
use super::tally::{BayNow, Tally, class_of};
use super::versions::Versions;
use crate::ground::Ground;

/// Bays and sites whose state is copied together when somebody reads on: so many that a copy of all is short, so few that one
/// change copies little.
const BAYS: usize = 1_024;
const SITES: usize = 128;

/// Cheap to copy: most of it is shared.
#[derive(Clone)]
pub struct Standing {
    /// What all of this stands under.
    pub registry: Arc<Registry>,
    pub layout: Arc<Layout>,
    /// The spatial index and opening hours of the layout.
    pub ground: Arc<Ground>,
    /// Everything here is true from this instant until the next deadline or change.
    pub as_of: Timestamp,
    /// By place in the layout's sites.
    pub tallies: Pieces<Tally, SITES>,
    /// By place in the layout's sites: the version in which the site last changed.
    pub changed_at: Pieces<u64, SITES>,
    /// Sites that are no more, with the version in which they went.
    pub removed: Vec<(u64, ObjectId)>,
    pub versions: Versions,
    /// By place in the layout's bays.
    pub(super) plots: Arc<[Plot]>,
    pub(super) bays: Pieces<Option<Seen>, BAYS>,
    /// How far the live state's changes are in here.
    pub(super) seen: u64,
    /// When time alone will change something.
    pub(super) due: Option<Timestamp>,
}

/// What a layout says of one bay, all bays close together: counting a site goes through them without a detour.
#[derive(Clone, Copy)]
pub(super) struct Plot {
    /// A place in the layout's sites, or [`NOWHERE`].
    site: u32,
    pub heartbeat_s: u32,
    pub class: u8,
    /// It has closures of its own.
    closes: bool,
}

/// The bay's site is not valid now, so the bay stands nowhere.
const NOWHERE: u32 = u32::MAX;

impl Plot {
    pub fn all(layout: &Layout) -> Arc<[Self]> {
        layout.bays.iter().map(|bay| Self::of(layout, bay)).collect()
    }

    fn of(layout: &Layout, bay: &Bay) -> Self {
        let site = layout.site_by_id.get(&bay.site).copied();
        let of_site = site.map_or(0, |site| layout.sites[site].site.heartbeat_s);
        Self {
            site: site.map_or(NOWHERE, |site| site as u32),
            heartbeat_s: bay.heartbeat_s.unwrap_or(of_site),
            class: class_of(bay) as u8,
            closes: !bay.closed.is_empty(),
        }
    }

    pub fn site(self) -> Option<usize> {
        Some(self.site).filter(|&site| site != NOWHERE).map(|site| site as usize)
    }
}

impl Standing {
    /// Whether it can be brought to `now` by what changed.
    pub(super) fn serves(&self, now: Timestamp) -> bool {
        now.micros_since(self.as_of) > -super::SET_BACK_MICROS
            && self.layout.valid_from.is_none_or(|from| from <= now)
            && self.layout.valid_to.is_none_or(|to| now < to)
    }

    /// Whether nothing has happened up to `now`.
    pub(super) fn is_settled(&self, live: &dyn Live, now: Timestamp) -> bool {
        if !self.serves(now) || self.due.is_some_and(|due| due <= now) {
            return false;
        }
        let mut settled = false;
        live.with_state(&mut |state, registry| {
            settled = state.changes.end() == self.seen && Arc::ptr_eq(registry, &self.registry);
        });
        settled
    }

    /// A bay at `now`, which is not before `as_of`; `None` where it stands nowhere.
    pub fn bay(&self, bay: usize, now: Timestamp) -> Option<(&SiteEntry, BayNow)> {
        let entry = &self.layout.sites[self.site_of(bay)?];
        let is_site_closed = entry.site.closure_at(now).is_some();
        Some((entry, self.bay_now(bay, is_site_closed, now)))
    }

    /// The site of a bay, as a place in the layout.
    pub fn site_of(&self, bay: usize) -> Option<usize> {
        self.plots[bay].site()
    }

    pub(super) fn bay_now(&self, bay: usize, is_site_closed: bool, now: Timestamp) -> BayNow {
        let (last, plot) = (self.bays[bay], self.plots[bay]);
        let closed = is_site_closed || plot.closes && self.layout.bays[bay].closure_at(now).is_some();
        BayNow {
            state: live::bay(last, plot.heartbeat_s, closed, now),
            observed_at: last.map(|seen| seen.at),
            stale: last.is_none_or(|seen| live::is_stale(seen.at, plot.heartbeat_s, now)),
        }
    }

    /// The places of a site with bays, counted.
    pub(super) fn count(&self, entry: &SiteEntry) -> Tally {
        let is_site_closed = entry.site.closure_at(self.as_of).is_some();
        let bays = entry.bays.clone();
        let bays = bays.map(|bay| (usize::from(self.plots[bay].class), self.bay_now(bay, is_site_closed, self.as_of)));
        Tally::of_bays(entry, bays, self.as_of)
    }
}
