//! The duplicate look-up: what stands under which identity, by sensor and UTC day.
//!
//! Only readings at or below a sensor's newest one need it. A set is loaded once from the lake and the hot rows; from then
//! on every accepted row is inserted, so that it stays whole until it is evicted. The cache has a byte limit: the sets
//! that were not asked for longest go first, in bulk, so that eviction costs nothing a row.

use domain::Kind;
use domain::identity::{Fingerprint, Identity};
use hashbrown::HashMap;

/// Names one set. `sensor` is the pipeline's number of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId {
    pub kind: Kind,
    pub sensor: u32,
    /// UTC day of `observed_at`.
    pub day: i32,
}

/// Everything accepted of one sensor on one day.
#[derive(Clone, Debug, Default)]
pub struct KeySet(HashMap<Identity, Fingerprint>);

impl KeySet {
    pub fn get(&self, identity: Identity) -> Option<Fingerprint> {
        self.0.get(&identity).copied()
    }

    /// The first stays: rows come in journal order.
    pub fn insert(&mut self, identity: Identity, fingerprint: Fingerprint) {
        self.0.entry(identity).or_insert(fingerprint);
    }

    /// Costs no walk.
    fn bytes(&self) -> usize {
        const ENTRY: usize = size_of::<(Identity, Fingerprint)>() + 1;
        self.0.allocation_size().max(self.0.capacity() * ENTRY) + 64
    }
}

/// The sets in memory.
#[derive(Debug)]
pub struct KeyCache {
    sets: HashMap<SetId, Cached>,
    /// Of all sets.
    bytes: usize,
    bytes_max: usize,
    /// Rises with every step: the age of a set is in steps.
    now: u64,
}

#[derive(Debug)]
struct Cached {
    set: KeySet,
    used: u64,
}

impl KeyCache {
    pub fn new(bytes_max: usize) -> Self {
        Self { sets: HashMap::new(), bytes: 0, bytes_max, now: 0 }
    }

    /// Whether the set is there; it then stays until the step after the next [`KeyCache::trim`].
    pub fn touch(&mut self, id: SetId) -> bool {
        let now = self.now;
        self.sets.get_mut(&id).map(|cached| cached.used = now).is_some()
    }

    pub fn put(&mut self, id: SetId, set: KeySet) {
        self.bytes += set.bytes();
        if let Some(before) = self.sets.insert(id, Cached { set, used: self.now }) {
            self.bytes -= before.set.bytes();
        }
    }

    pub fn get(&self, id: SetId) -> Option<&KeySet> {
        self.sets.get(&id).map(|cached| &cached.set)
    }

    /// Keeps a cached set whole.
    pub fn insert(&mut self, id: SetId, identity: Identity, fingerprint: Fingerprint) {
        if let Some(cached) = self.sets.get_mut(&id) {
            let before = cached.set.bytes();
            cached.set.insert(identity, fingerprint);
            self.bytes += cached.set.bytes() - before;
        }
    }

    /// Ends a step: evicts down to three quarters of the limit when it is passed.
    pub fn trim(&mut self) {
        self.now += 1;
        if self.bytes <= self.bytes_max {
            return;
        }
        let mut by_age: Vec<(u64, SetId, usize)> =
            self.sets.iter().map(|(id, cached)| (cached.used, *id, cached.set.bytes())).collect();
        by_age.sort_unstable();
        for (_, id, size) in by_age {
            if self.bytes <= self.bytes_max / 4 * 3 {
                break;
            }
            self.sets.remove(&id);
            self.bytes -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    fn identity(micros: i64) -> Identity {
        Identity::Parking { observed_at: Timestamp::from_micros(micros) }
    }

    #[test]
    fn the_first_value_under_an_identity_stays() {
        let mut set = KeySet::default();
        set.insert(identity(1), Fingerprint(1));
        set.insert(identity(1), Fingerprint(2));
        assert_eq!(set.get(identity(1)), Some(Fingerprint(1)));
    }

    #[test]
    fn the_sets_not_asked_for_longest_are_evicted_first() {
        let mut cache = KeyCache::new(10_000);
        let id = |day| SetId { kind: Kind::Parking, sensor: 0, day };
        for day in 0..10 {
            let mut set = KeySet::default();
            (0..50).for_each(|micros| set.insert(identity(micros), Fingerprint(0)));
            cache.put(id(day), set);
            assert!(cache.touch(id(0)));
            cache.insert(id(day), identity(50 + i64::from(day)), Fingerprint(0));
            cache.put(id(0), cache.get(id(0)).cloned().expect("touched"));
            assert_eq!(cache.bytes, cache.sets.values().map(|cached| cached.set.bytes()).sum::<usize>());
            cache.trim();
        }
        assert!(cache.bytes <= 10_000);
        assert!(cache.get(id(0)).is_some() && cache.get(id(9)).is_some() && cache.get(id(1)).is_none());
    }
}
