//! Brings what stands to the next instant: by what changed and what came due, or by reading everything anew.

use std::sync::Arc;

use domain::bay::Seen;
use domain::kind::parking::ParkingValue;
use domain::registry::{Layout, Registry, SiteEntry};
use domain::{ObjectId, Timestamp};
use hashbrown::HashMap;
use lake::contract::{Live, ParkingLast};

use super::deadlines::{Deadlines, Spot};
use super::standing::{Plot, Standing};
use super::tally::{Count, Tally};
use super::versions::Versions;

/// Last readings that are copied under one lock: about a millisecond.
const CHUNK: usize = 8_192;

/// What only the one needs that brings the board on.
pub struct Follower {
    /// By place in the layout's sites.
    counts: HashMap<usize, Count>,
    deadlines: Deadlines,
    /// Read and not taken in yet: last readings by spot, and how far that goes.
    news: Vec<(Spot, Option<Last>)>,
    seen: u64,
    /// Spots that came due and are not counted again yet.
    due: Vec<Spot>,
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

impl Follower {
    /// Reads everything. `before` is what stood until now, whose versions go on.
    pub fn anew(live: &dyn Live, now: Timestamp, before: Option<&Standing>) -> (Self, Standing) {
        loop {
            let registry = live.registry();
            let layout = registry.layout(now);
            // An edit while it is read: state and registry would not belong together.
            if let Some(read) = Self::read(live, registry, layout, now, before) {
                return read;
            }
        }
    }

    fn read(
        live: &dyn Live,
        registry: Arc<Registry>,
        layout: Arc<Layout>,
        now: Timestamp,
        before: Option<&Standing>,
    ) -> Option<(Self, Standing)> {
        let known = before.filter(|before| before.layout.generation == layout.generation);
        let mut standing = Standing {
            registry,
            ground: known.map(|known| Arc::clone(&known.ground)).unwrap_or_default(),
            as_of: now,
            tallies: std::iter::repeat_n(Tally::default(), layout.sites.len()).collect(),
            changed_at: std::iter::repeat_n(0, layout.sites.len()).collect(),
            removed: Vec::new(),
            versions: Versions::starting(now),
            plots: known.map_or_else(|| Plot::all(&layout), |known| Arc::clone(&known.plots)),
            bays: std::iter::repeat_n(None, layout.bays.len()).collect(),
            seen: 0,
            due: None,
            layout,
        };
        let mut follower = Self {
            counts: HashMap::new(),
            deadlines: Deadlines::new(standing.layout.bays.len() + standing.layout.sites.len()),
            news: Vec::new(),
            seen: 0,
            due: Vec::new(),
        };
        follower.read_all(live, &mut standing)?;
        follower.expect_edges(&standing);
        for site in 0..standing.layout.sites.len() {
            standing.tallies.set(site, follower.tally(&standing, site));
        }
        continue_from(&mut standing, before);
        // What changed while it was read.
        follower.gather(live, &standing, now, usize::MAX).then(|| {
            follower.take(&mut standing, now);
            (follower, standing)
        })
    }

    /// All last readings, a piece at a time: the pipeline never waits for long. What changes meanwhile is among the news later.
    fn read_all(&mut self, live: &dyn Live, standing: &mut Standing) -> Option<()> {
        live.with_state(&mut |state, _| standing.seen = state.changes.end());
        let (bays, layout) = (standing.layout.bays.len(), Arc::clone(&standing.layout));
        let counters = (0..layout.sites.len()).filter(|&site| layout.sites[site].is_counter());
        let spots: Vec<Spot> = (0..bays).chain(counters.map(|site| bays + site)).collect();
        for chunk in spots.chunks(CHUNK) {
            let mut lasts = None;
            live.with_state(&mut |state, registry| {
                let last = |spot: &Spot| state.parking.get(target_at(&layout, *spot)).map(Last::of);
                lasts = Arc::ptr_eq(registry, &standing.registry).then(|| chunk.iter().map(last).collect::<Vec<_>>());
            });
            for (&spot, last) in chunk.iter().zip(lasts?) {
                self.keep(standing, spot, last);
            }
        }
        Some(())
    }

    /// Reads what happened to `standing` up to `now`, without taking it in. `false` where that is more than `most`, or everything
    /// is to be read.
    pub fn gather(&mut self, live: &dyn Live, standing: &Standing, now: Timestamp, most: usize) -> bool {
        let layout = &standing.layout;
        let mut news = None;
        live.with_state(&mut |state, registry| {
            let changed = state.changes.since(standing.seen).filter(|changed| changed.len() <= most);
            news = changed.filter(|_| Arc::ptr_eq(registry, &standing.registry)).map(|targets| {
                let here = targets.filter_map(|target| Some((spot_of(layout, target)?, target)));
                let lasts = here.map(|(spot, target)| (spot, state.parking.get(target).map(Last::of)));
                (state.changes.end(), lasts.collect())
            });
        });
        let Some((seen, news)) = news else {
            return false;
        };
        (self.seen, self.news) = (seen, news);
        let now = now.max(standing.as_of);
        while self.due.len() < most {
            match self.deadlines.pop(now, |spot| last_heard(&self.counts, standing, spot)) {
                Some(spot) => self.due.push(spot),
                None => return true,
            }
        }
        false
    }

    /// Takes in what was gathered.
    pub fn take(&mut self, standing: &mut Standing, now: Timestamp) {
        standing.as_of = standing.as_of.max(now);
        standing.seen = self.seen;
        let mut touched = Vec::with_capacity(self.news.len() + self.due.len());
        for (spot, last) in std::mem::take(&mut self.news) {
            self.keep(standing, spot, last);
            touched.extend(site_at(standing, spot));
        }
        touched.extend(self.due.drain(..).filter_map(|spot| site_at(standing, spot)));
        touched.sort_unstable();
        touched.dedup();
        let mut version = None;
        for site in touched {
            let tally = self.tally(standing, site);
            if tally != standing.tallies[site] {
                standing.tallies.set(site, tally);
                let version = *version.get_or_insert_with(|| standing.versions.next(standing.as_of));
                standing.changed_at.set(site, version);
            }
        }
        if standing.versions.age(standing.as_of) {
            let oldest = standing.versions.oldest();
            standing.removed.retain(|(version, _)| *version > oldest);
        }
        standing.due = self.deadlines.next();
    }

    fn tally(&self, standing: &Standing, site: usize) -> Tally {
        let entry = &standing.layout.sites[site];
        match entry.is_counter() {
            true => Tally::of_counter(entry, self.counts.get(&site).copied(), standing.as_of),
            false => standing.count(entry),
        }
    }

    /// A reading of the other kind than the spot's says nothing of it.
    fn keep(&mut self, standing: &mut Standing, spot: Spot, last: Option<Last>) {
        match spot.checked_sub(standing.layout.bays.len()) {
            None => standing.bays.set(
                spot,
                match last {
                    Some(Last::Bay(seen)) => Some(seen),
                    _ => None,
                },
            ),
            Some(site) => {
                match last {
                    Some(Last::Count(count)) => self.counts.insert(site, count),
                    _ => self.counts.remove(&site),
                };
            }
        }
        if let Some((observed_at, heartbeat_s)) = last_heard(&self.counts, standing, spot) {
            self.deadlines.heard(spot, observed_at, heartbeat_s, standing.as_of);
        }
    }

    /// The edges of closures that lie ahead.
    fn expect_edges(&mut self, standing: &Standing) {
        let layout = &standing.layout;
        let bays = layout.bays.iter().enumerate().map(|(bay, of)| (bay, &of.closed));
        let sites = layout.sites.iter().enumerate().map(|(site, entry)| (layout.bays.len() + site, &entry.site.closed));
        for (spot, closures) in bays.chain(sites) {
            let edges = closures.iter().flat_map(|closure| [closure.from, closure.to]).flatten();
            edges.filter(|edge| *edge > standing.as_of).for_each(|edge| self.deadlines.edge(spot, edge));
        }
    }

    #[cfg(test)]
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }
}

fn site_at(standing: &Standing, spot: Spot) -> Option<usize> {
    match spot.checked_sub(standing.layout.bays.len()) {
        Some(site) => Some(site),
        None => standing.site_of(spot),
    }
}

fn spot_of(layout: &Layout, target: &ObjectId) -> Option<Spot> {
    if let Some(&bay) = layout.bay_by_id.get(target) {
        return Some(bay);
    }
    let &site = layout.site_by_id.get(target)?;
    layout.sites[site].is_counter().then_some(layout.bays.len() + site)
}

fn target_at(layout: &Layout, spot: Spot) -> &ObjectId {
    match spot.checked_sub(layout.bays.len()) {
        Some(site) => &layout.sites[site].site.id,
        None => &layout.bays[spot].id,
    }
}

/// When a spot was last heard, and how often it should be.
fn last_heard(counts: &HashMap<usize, Count>, standing: &Standing, spot: Spot) -> Option<(Timestamp, u32)> {
    match spot.checked_sub(standing.layout.bays.len()) {
        Some(site) => counts.get(&site).map(|count| (count.at, standing.layout.sites[site].site.heartbeat_s)),
        None => {
            standing.site_of(spot)?;
            standing.bays[spot].map(|seen| (seen.at, standing.plots[spot].heartbeat_s))
        }
    }
}

/// Carries on the line of versions: a site that reads as before keeps its version.
fn continue_from(standing: &mut Standing, before: Option<&Standing>) {
    let layout = Arc::clone(&standing.layout);
    let Some(before) = before else {
        standing.changed_at = std::iter::repeat_n(standing.versions.current(), layout.sites.len()).collect();
        return;
    };
    standing.versions = before.versions.clone();
    standing.removed.clone_from(&before.removed);
    let mut next = None;
    let as_of = standing.as_of;
    let mut version = |versions: &mut Versions| *next.get_or_insert_with(|| versions.next(as_of));
    for (site, entry) in layout.sites.iter().enumerate() {
        let known = before.layout.site_by_id.get(&entry.site.id).copied();
        let same = known.filter(|&known| {
            before.tallies[known] == standing.tallies[site] && reads_the_same((&before.layout, known), (&layout, site))
        });
        let changed_at = match same {
            Some(known) => before.changed_at[known],
            None => version(&mut standing.versions),
        };
        standing.changed_at.set(site, changed_at);
    }
    standing.removed.retain(|(_, id)| !layout.site_by_id.contains_key(id));
    let gone = before.layout.sites.iter().filter(|entry| !layout.site_by_id.contains_key(&entry.site.id));
    for entry in gone {
        standing.removed.push((version(&mut standing.versions), entry.site.id.clone()));
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
