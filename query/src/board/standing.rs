//! The board's state at one instant, and how it is brought to the next one.

use std::sync::Arc;

use domain::bay::Seen;
use domain::kind::parking::ParkingValue;
use domain::registry::{Layout, SiteEntry};
use domain::{ObjectId, Timestamp, live};
use hashbrown::HashMap;
use lake::contract::{Live, ParkingLast};

use super::deadlines::{Deadlines, Spot};
use super::tally::{BayNow, Count, Tally};
use super::versions::Versions;
use crate::ground::Ground;

/// Last readings that are copied under one lock: about a millisecond.
const CHUNK: usize = 8_192;

/// In [`Standing::site_of`]: the bay's site is not valid now, so the bay stands nowhere.
const NOWHERE: u32 = u32::MAX;

pub struct Standing {
    pub layout: Arc<Layout>,
    /// The spatial index and opening hours of the layout.
    pub ground: Arc<Ground>,
    /// Everything here is true from this instant until the next deadline or change.
    pub as_of: Timestamp,
    /// By place in the layout's sites.
    pub tallies: Vec<Tally>,
    /// By place in the layout's sites: the version in which the site last changed.
    pub changed_at: Vec<u64>,
    /// Sites that are no more, with the version in which they went.
    pub removed: Vec<(u64, ObjectId)>,
    pub versions: Versions,
    /// By place in the layout's bays.
    bays: Vec<Option<Seen>>,
    site_of: Vec<u32>,
    /// By place in the layout's sites.
    counts: HashMap<usize, Count>,
    deadlines: Deadlines,
    /// How far the live state's changes are in here.
    seen: u64,
}

/// A last reading as it is kept.
enum Last {
    Bay(Seen),
    Count(Count),
}

impl Last {
    fn of(last: &ParkingLast) -> Self {
        match last.value {
            ParkingValue::Bay(state) => Self::Bay(Seen { at: last.observed_at, state }),
            ParkingValue::Counter { free, capacity } => {
                Self::Count(Count { at: last.observed_at, free, capacity, flags: last.flags })
            }
        }
    }
}

impl Standing {
    /// Reads everything. `before` is what stood until now, whose versions go on.
    pub fn anew(live: &dyn Live, layout: Arc<Layout>, now: Timestamp, before: Option<Self>) -> Self {
        let site_of: Vec<u32> =
            layout.bays.iter().map(|bay| layout.site_by_id.get(&bay.site).map_or(NOWHERE, |&site| site as u32)).collect();
        let ground = before.as_ref().filter(|before| before.layout.generation == layout.generation);
        let ground = ground.map(|before| Arc::clone(&before.ground)).unwrap_or_default();
        let mut standing = Self {
            ground,
            as_of: now,
            tallies: Vec::new(),
            changed_at: Vec::new(),
            removed: Vec::new(),
            versions: Versions::starting(now),
            bays: vec![None; layout.bays.len()],
            site_of,
            counts: HashMap::new(),
            deadlines: Deadlines::new(layout.bays.len() + layout.sites.len()),
            seen: 0,
            layout,
        };
        standing.read_all(live);
        standing.expect_edges();
        standing.tallies = (0..standing.layout.sites.len()).map(|site| standing.tally(site)).collect();
        standing.continue_from(before);
        // What changed while it was read.
        standing.brought_to(live, now)
    }

    /// Whether nothing has happened up to `now`.
    pub fn is_settled(&self, live: &dyn Live, now: Timestamp) -> bool {
        if self.deadlines.are_due(now) || now.micros_since(self.as_of) <= -super::SET_BACK_MICROS {
            return false;
        }
        let mut end = 0;
        live.with_state(&mut |state| end = state.changes.end());
        end == self.seen
    }

    /// Takes what changed. `now` is not earlier than the clock's reading at the last time, but for a moment.
    pub fn brought_to(mut self, live: &dyn Live, now: Timestamp) -> Self {
        self.as_of = self.as_of.max(now);
        let Some((seen, news)) = self.news(live) else {
            let layout = Arc::clone(&self.layout);
            return Self::anew(live, layout, now, Some(self));
        };
        self.seen = seen;
        let mut touched = Vec::new();
        for (spot, last) in news {
            self.keep(spot, last);
            touched.extend(self.site_at(spot));
        }
        let mut deadlines = std::mem::take(&mut self.deadlines);
        while let Some(spot) = deadlines.pop(self.as_of, |spot| self.last_heard(spot)) {
            touched.extend(self.site_at(spot));
        }
        self.deadlines = deadlines;
        touched.sort_unstable();
        touched.dedup();
        let mut version = None;
        for site in touched {
            let tally = self.tally(site);
            if tally != self.tallies[site] {
                self.tallies[site] = tally;
                self.changed_at[site] = *version.get_or_insert_with(|| self.versions.next(self.as_of));
            }
        }
        if self.versions.age(self.as_of) {
            let oldest = self.versions.oldest();
            self.removed.retain(|(version, _)| *version > oldest);
        }
        self
    }

    /// A bay at `now`, which is not before `as_of`; `None` where it stands nowhere.
    pub fn bay(&self, bay: usize, now: Timestamp) -> Option<(&SiteEntry, BayNow)> {
        let entry = &self.layout.sites[self.site_at(bay)?];
        Some((entry, self.bay_now(bay, entry, now)))
    }

    fn bay_now(&self, bay: usize, entry: &SiteEntry, now: Timestamp) -> BayNow {
        let (last, of) = (self.bays[bay], &self.layout.bays[bay]);
        let heartbeat_s = of.heartbeat_s.unwrap_or(entry.site.heartbeat_s);
        let closed = entry.site.closure_at(now).or_else(|| of.closure_at(now)).is_some();
        BayNow {
            state: live::bay(last, heartbeat_s, closed, now),
            observed_at: last.map(|seen| seen.at),
            stale: last.is_none_or(|seen| live::is_stale(seen.at, heartbeat_s, now)),
        }
    }

    fn tally(&self, site: usize) -> Tally {
        let entry = &self.layout.sites[site];
        if entry.is_counter() {
            return Tally::of_counter(entry, self.counts.get(&site).copied(), self.as_of);
        }
        let bays = entry.bays.clone().map(|bay| (&*self.layout.bays[bay], self.bay_now(bay, entry, self.as_of)));
        Tally::of_bays(entry, bays, self.as_of)
    }

    /// All last readings, a piece at a time: the pipeline never waits for long. What changes meanwhile is among the news later.
    fn read_all(&mut self, live: &dyn Live) {
        live.with_state(&mut |state| self.seen = state.changes.end());
        let counters = (0..self.layout.sites.len()).filter(|&site| self.layout.sites[site].is_counter());
        let spots: Vec<Spot> = (0..self.bays.len()).chain(counters.map(|site| self.bays.len() + site)).collect();
        for chunk in spots.chunks(CHUNK) {
            let mut lasts = Vec::with_capacity(chunk.len());
            live.with_state(&mut |state| {
                lasts.clear();
                lasts.extend(chunk.iter().map(|&spot| state.parking.get(self.target_at(spot)).map(Last::of)));
            });
            for (&spot, last) in chunk.iter().zip(lasts) {
                self.keep(spot, last);
            }
        }
    }

    /// The last readings at spots that changed, and how far that goes. `None`: everything is to be read.
    fn news(&self, live: &dyn Live) -> Option<(u64, Vec<(Spot, Option<Last>)>)> {
        let mut news = None;
        live.with_state(&mut |state| {
            news = state.changes.since(self.seen).map(|targets| {
                let here = targets.filter_map(|target| Some((self.spot_of(target)?, target)));
                let lasts = here.map(|(spot, target)| (spot, state.parking.get(target).map(Last::of)));
                (state.changes.end(), lasts.collect())
            });
        });
        news
    }

    /// A reading of the other kind than the spot's says nothing of it.
    fn keep(&mut self, spot: Spot, last: Option<Last>) {
        match spot.checked_sub(self.bays.len()) {
            None => {
                self.bays[spot] = match last {
                    Some(Last::Bay(seen)) => Some(seen),
                    _ => None,
                };
            }
            Some(site) => {
                match last {
                    Some(Last::Count(count)) => self.counts.insert(site, count),
                    _ => self.counts.remove(&site),
                };
            }
        }
        if let Some((observed_at, heartbeat_s)) = self.last_heard(spot) {
            self.deadlines.heard(spot, observed_at, heartbeat_s, self.as_of);
        }
    }

    /// The edges of closures that lie ahead.
    fn expect_edges(&mut self) {
        let first_site = self.bays.len();
        let bays = self.layout.bays.iter().enumerate().map(|(bay, of)| (bay, &of.closed));
        let sites = self.layout.sites.iter().enumerate().map(|(site, entry)| (first_site + site, &entry.site.closed));
        for (spot, closures) in bays.chain(sites) {
            let edges = closures.iter().flat_map(|closure| [closure.from, closure.to]).flatten();
            edges.filter(|edge| *edge > self.as_of).for_each(|edge| self.deadlines.edge(spot, edge));
        }
    }

    /// Carries on the line of versions: a site that reads as before keeps its version.
    fn continue_from(&mut self, before: Option<Self>) {
        let Some(before) = before else {
            self.changed_at = vec![self.versions.current(); self.tallies.len()];
            return;
        };
        self.versions = before.versions.clone();
        self.removed.clone_from(&before.removed);
        let mut next = None;
        let mut version = |versions: &mut Versions| *next.get_or_insert_with(|| versions.next(self.as_of));
        for (site, entry) in self.layout.sites.iter().enumerate() {
            let known = before.layout.site_by_id.get(&entry.site.id).copied();
            let same = known.filter(|&known| {
                before.tallies[known] == self.tallies[site] && reads_the_same((&before.layout, known), (&self.layout, site))
            });
            self.changed_at.push(match same {
                Some(known) => before.changed_at[known],
                None => version(&mut self.versions),
            });
        }
        self.removed.retain(|(_, id)| !self.layout.site_by_id.contains_key(id));
        let gone = before.layout.sites.iter().filter(|entry| !self.layout.site_by_id.contains_key(&entry.site.id));
        for entry in gone {
            self.removed.push((version(&mut self.versions), entry.site.id.clone()));
        }
    }

    fn site_at(&self, spot: Spot) -> Option<usize> {
        match spot.checked_sub(self.bays.len()) {
            Some(site) => Some(site),
            None => Some(self.site_of[spot]).filter(|&site| site != NOWHERE).map(|site| site as usize),
        }
    }

    fn spot_of(&self, target: &ObjectId) -> Option<Spot> {
        if let Some(&bay) = self.layout.bay_by_id.get(target) {
            return Some(bay);
        }
        let &site = self.layout.site_by_id.get(target)?;
        self.layout.sites[site].is_counter().then_some(self.bays.len() + site)
    }

    fn target_at(&self, spot: Spot) -> &ObjectId {
        match spot.checked_sub(self.bays.len()) {
            Some(site) => &self.layout.sites[site].site.id,
            None => &self.layout.bays[spot].id,
        }
    }

    /// When a spot was last heard, and how often it should be.
    fn last_heard(&self, spot: Spot) -> Option<(Timestamp, u32)> {
        let site = self.site_at(spot)?;
        let of_site = self.layout.sites[site].site.heartbeat_s;
        match spot.checked_sub(self.bays.len()) {
            Some(_) => self.counts.get(&site).map(|count| (count.at, of_site)),
            None => self.bays[spot].map(|seen| (seen.at, self.layout.bays[spot].heartbeat_s.unwrap_or(of_site))),
        }
    }

    #[cfg(test)]
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }
}

/// Whether what the registry says of a site is the same in two layouts.
fn reads_the_same((a, site_a): (&Layout, usize), (b, site_b): (&Layout, usize)) -> bool {
    let (one, other) = (&a.sites[site_a], &b.sites[site_b]);
    let areas = |layout: &Layout, entry: &SiteEntry| -> Vec<ObjectId> {
        entry.areas.iter().map(|&area| layout.areas[area].id.clone()).collect()
    };
    (Arc::ptr_eq(&one.site, &other.site) || one.site == other.site) && areas(a, one) == areas(b, other)
}
