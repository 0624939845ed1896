//! What time alone will change: a bay or counter falls silent, a closure begins or ends.
//!
//! A silence has at most one entry a spot, however often it reports: a reading only moves what the spot is due at, and the
//! entry is put off when it comes up too early. So a million bays that report every minute hold a million entries, not a hundred.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use domain::{Timestamp, live};

/// A bay (its place in the layout) or a counter (behind all bays, its site's place).
pub type Spot = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Silence,
    Edge,
}

#[derive(Debug, Default)]
pub struct Deadlines {
    queue: BinaryHeap<Reverse<(Timestamp, u32, Cause)>>,
    /// When the entry of a spot's silence comes up; `None` where it has none.
    waiting: Vec<Option<Timestamp>>,
}

impl Deadlines {
    pub fn new(spots: usize) -> Self {
        Self { queue: BinaryHeap::new(), waiting: vec![None; spots] }
    }

    /// The first instant at which a reading of `observed_at` counts no more.
    fn silent_from(observed_at: Timestamp, heartbeat_s: u32) -> Timestamp {
        Timestamp::from_micros(observed_at.as_micros().saturating_add(live::silence_micros(heartbeat_s)).saturating_add(1))
    }

    /// A spot was heard. One that is silent already needs no entry.
    pub fn heard(&mut self, spot: Spot, observed_at: Timestamp, heartbeat_s: u32, now: Timestamp) {
        let due = Self::silent_from(observed_at, heartbeat_s);
        if due > now && self.waiting[spot].is_none_or(|waiting| due < waiting) {
            self.waiting[spot] = Some(due);
            self.queue.push(Reverse((due, spot as u32, Cause::Silence)));
        }
    }

    /// Something about a spot changes at a known instant.
    pub fn edge(&mut self, spot: Spot, at: Timestamp) {
        self.queue.push(Reverse((at, spot as u32, Cause::Edge)));
    }

    /// When the next entry comes up.
    pub fn next(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse((at, _, _))| *at)
    }

    /// The next spot whose time has come. `last` tells a spot's newest reading and its heartbeat.
    pub fn pop(&mut self, now: Timestamp, last: impl Fn(Spot) -> Option<(Timestamp, u32)>) -> Option<Spot> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse((at, spot, cause)) = self.queue.pop()?;
            let spot = spot as usize;
            if cause == Cause::Edge {
                return Some(spot);
            }
            if self.waiting[spot] != Some(at) {
                continue;
            }
            self.waiting[spot] = None;
            match last(spot) {
                Some((observed_at, heartbeat_s)) if Self::silent_from(observed_at, heartbeat_s) > now => {
                    self.heard(spot, observed_at, heartbeat_s, now);
                }
                _ => return Some(spot),
            }
        }
        None
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}
