//! The places of one site, counted.

use domain::bay::State;
use domain::registry::{Bay, Feature, SiteEntry};
use domain::{Flags, Promise, Timestamp, live};

/// Bays that any driver may use, then those with features by their first: [`Feature::ALL`] shifted by one.
pub const CLASSES: usize = 1 + Feature::ALL.len();

/// Under which class a bay counts: of several features the first of their order.
pub fn class_of(bay: &Bay) -> usize {
    bay.features.first().map_or(0, |feature| 1 + *feature as usize)
}

/// How a site stands. Two that are equal read the same, apart from age.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By class.
    pub free: [u32; CLASSES],
    /// By class.
    pub unknown: [u32; CLASSES],
    pub occupied: u32,
    pub closed: u32,
    pub capacity: u32,
    /// Of the newest reading.
    pub observed_at: Option<Timestamp>,
    /// No place of it was heard of within 2.5 of its heartbeats.
    pub stale: bool,
    /// Which of the site's closures holds.
    pub closure: Option<usize>,
    /// Remarks on a counter's last reading.
    pub flags: Flags,
}

/// The last reading of a counter lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub at: Timestamp,
    pub free: i32,
    /// As the payload said.
    pub capacity: Option<i32>,
    pub flags: Flags,
}

impl Tally {
    pub fn unknown_places(&self) -> u32 {
        self.unknown.iter().sum()
    }

    /// Places in a state, whatever their class.
    pub fn of_state(&self, state: State) -> u32 {
        match state {
            State::Vacant => self.free.iter().sum(),
            State::Occupied => self.occupied,
            State::Unknown => self.unknown_places(),
            State::Closed => self.closed,
        }
    }

    /// PARK-1
    fn adds_up(&self) -> bool {
        self.free.iter().sum::<u32>() + self.unknown_places() + self.occupied + self.closed == self.capacity
    }

    /// Of a site with bays, each with its class.
    pub fn of_bays(entry: &SiteEntry, bays: impl Iterator<Item = (usize, BayNow)>, now: Timestamp) -> Self {
        let mut tally = Self { stale: true, closure: closure_at(entry, now), ..Self::default() };
        for (class, is) in bays {
            match is.state {
                State::Vacant => tally.free[class] += 1,
                State::Occupied => tally.occupied += 1,
                State::Unknown => tally.unknown[class] += 1,
                State::Closed => tally.closed += 1,
            }
            tally.capacity += 1;
            tally.observed_at = tally.observed_at.max(is.observed_at);
            tally.stale &= is.stale;
        }
        domain::check!(Promise::Park1, tally.adds_up(), "the places of a site add up to its capacity");
        tally
    }

    /// Of a lot that counts. Its capacity is the payload's, else the registry's; where neither says one, only the places that the
    /// counter tells of are known.
    pub fn of_counter(entry: &SiteEntry, last: Option<Count>, now: Timestamp) -> Self {
        let fresh = last.filter(|count| !live::is_stale(count.at, entry.site.heartbeat_s, now));
        let told = last.and_then(|count| count.capacity).map(|places| u32::try_from(places).unwrap_or(0));
        let counted = || last.map_or(0, |count| u32::try_from(count.free).unwrap_or(0));
        let capacity = told.or(entry.site.capacity).unwrap_or_else(counted);
        let closure = closure_at(entry, now);
        let places = live::counter(fresh.map(|count| count.free), capacity, closure.is_some());
        let mut tally = Self {
            occupied: places.occupied,
            closed: places.closed,
            capacity,
            observed_at: last.map(|count| count.at),
            stale: fresh.is_none(),
            closure,
            flags: last.map_or(Flags::NONE, |count| count.flags),
            ..Self::default()
        };
        tally.free[0] = places.free;
        tally.unknown[0] = places.unknown;
        domain::check!(Promise::Park1, tally.adds_up(), "the places of a counter lot add up to its capacity");
        tally
    }
}

/// A bay at the board's instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BayNow {
    pub state: State,
    pub observed_at: Option<Timestamp>,
    pub stale: bool,
}

fn closure_at(entry: &SiteEntry, now: Timestamp) -> Option<usize> {
    entry.site.closed.iter().position(|closure| closure.span().holds(now))
}
