//! One bay through time: its readings into the states that it had and the arrivals and departures that they show.
//!
//! The batch function behind every parking number (docs/reference/numbers.md): windows, histories and recomputations call it,
//! so that they cannot disagree. Pure, in whole microseconds. A bay is settled by its readings alone; a closure covers its state
//! and makes no event.
//!
//! Absent on purpose: whose readings these are (two devices of one bay at one instant are resolved before), where the rules
//! come from (the registry), and sums (windows).

mod settling;

use serde::{Deserialize, Serialize};

use crate::kind::parking::BayState;
use crate::registry::Closure;
use crate::time::Timestamp;

use settling::{Change, Settling};

/// What a bay is at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Vacant,
    Occupied,
    Unknown,
    Closed,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Vacant, Self::Occupied, Self::Unknown, Self::Closed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Vacant => "vacant",
            Self::Occupied => "occupied",
            Self::Unknown => "unknown",
            Self::Closed => "closed",
        }
    }
}

impl From<BayState> for State {
    fn from(state: BayState) -> Self {
        match state {
            BayState::Vacant => Self::Vacant,
            BayState::Occupied => Self::Occupied,
            BayState::Unknown => Self::Unknown,
        }
    }
}

/// An accepted reading of a bay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub at: Timestamp,
    pub state: BayState,
}

/// What the registry says of the bay.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The bay is unknown once its last reading is more than 2.5 times this ago.
    pub heartbeat_s: u32,
    /// How long a new known state must stand before it is the bay's; 0: at once.
    pub min_dwell_s: u32,
    pub closed: &'a [Closure],
}

/// Other rules, from an instant on.
#[derive(Clone, Copy, Debug)]
pub struct Era<'a> {
    pub from: Timestamp,
    pub rules: Rules<'a>,
}

/// [from, to), never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
    pub state: State,
}

impl Span {
    pub fn micros(&self) -> i64 {
        self.to.micros_since(self.from)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Arrival,
    Departure,
}

/// A change between the two known states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The first reading of the new state.
    pub at: Timestamp,
    pub kind: EventKind,
    /// Of a departure: when the vehicle came; `None` when its arrival was not seen. Then both are a session.
    pub arrived_at: Option<Timestamp>,
}

impl Event {
    /// How long the session lasted that ends here.
    pub fn dwell_micros(&self) -> Option<i64> {
        self.arrived_at.map(|arrived_at| self.at.micros_since(arrived_at))
    }
}

/// A bay's history, as it is known at `as_of`.
#[derive(Clone, Debug)]
pub struct Timeline {
    changes: Vec<Change>,
    events: Vec<Event>,
    closed: Vec<Closure>,
    as_of: Timestamp,
}

impl Timeline {
    /// Of readings in any order, at most one an instant. Those after `as_of` are not yet.
    pub fn new(readings: &[Seen], rules: &Rules<'_>, as_of: Timestamp) -> Self {
        Self::through(readings, rules, &[], as_of)
    }

    /// The same under rules that changed: `first` until the first of `later`, which stand in order. Silence and dwell are judged at
    /// each instant by the rules that hold there.
    pub fn through(readings: &[Seen], first: &Rules<'_>, later: &[Era<'_>], as_of: Timestamp) -> Self {
        let mut readings: Vec<Seen> = readings.iter().filter(|seen| seen.at <= as_of).copied().collect();
        readings.sort_by_key(|seen| seen.at);
        let mut settling = Settling::new(first);
        let mut eras = later.iter().filter(|era| era.from <= as_of).peekable();
        for seen in readings {
            while let Some(era) = eras.next_if(|era| era.from <= seen.at) {
                settling.follow(era);
            }
            settling.read(seen);
        }
        eras.for_each(|era| settling.follow(era));
        settling.pass_until(as_of);
        Self { changes: settling.changes, events: settling.events, closed: closures(first, later), as_of }
    }

    /// Arrivals and departures, in order, of the settled state.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The settled state at an instant up to `as_of`. At the very end of its 2.5 heartbeats a bay is still known.
    pub fn state_at(&self, at: Timestamp) -> State {
        if is_closed(&self.closed, at) {
            return State::Closed;
        }
        let begun = |change: &Change| if change.by_silence { change.at < at } else { change.at <= at };
        let after = self.changes.partition_point(begun);
        after.checked_sub(1).map_or(State::Unknown, |last| self.changes[last].state)
    }

    /// The states of [from, min(to, as_of)), in order and without gaps; neighbours differ.
    pub fn spans(&self, from: Timestamp, to: Timestamp) -> Vec<Span> {
        let to = to.min(self.as_of);
        let inside = |at: &Timestamp| (from..to).contains(at);
        let edges = self.closed.iter().flat_map(|closure| [closure.from, closure.to]).flatten();
        let mut cuts: Vec<_> = self.changes.iter().map(|change| change.at).chain(edges).filter(inside).collect();
        cuts.push(from);
        cuts.sort_unstable();
        let mut spans: Vec<Span> = Vec::new();
        for (index, &start) in cuts.iter().enumerate() {
            let end = cuts.get(index + 1).copied().unwrap_or(to);
            if start >= end {
                continue;
            }
            let state = self.state_from(start);
            match spans.last_mut() {
                Some(last) if last.state == state => last.to = end,
                _ => spans.push(Span { from: start, to: end, state }),
            }
        }
        spans
    }

    /// The state right after `at`: silence has begun where [`state_at`](Self::state_at) is still its last instant.
    fn state_from(&self, at: Timestamp) -> State {
        if is_closed(&self.closed, at) {
            return State::Closed;
        }
        let after = self.changes.partition_point(|change| change.at <= at);
        after.checked_sub(1).map_or(State::Unknown, |last| self.changes[last].state)
    }
}

/// Each era's closures, as far as the era lasts.
fn closures(first: &Rules<'_>, later: &[Era<'_>]) -> Vec<Closure> {
    let starts = std::iter::once(None).chain(later.iter().map(|era| Some(era.from)));
    let ends = later.iter().map(|era| Some(era.from)).chain(std::iter::once(None));
    let rules = std::iter::once(first).chain(later.iter().map(|era| &era.rules));
    let mut all = Vec::new();
    for ((start, end), rules) in starts.zip(ends).zip(rules) {
        all.extend(rules.closed.iter().map(|closure| Closure {
            from: closure.from.max(start),
            to: closure.to.into_iter().chain(end).min(),
            reason: closure.reason.clone(),
        }));
    }
    all
}

/// Whether one of the periods, each [from, to), holds the instant.
pub fn is_closed(closures: &[Closure], at: Timestamp) -> bool {
    let holds = |closure: &Closure| closure.from.is_none_or(|from| from <= at) && closure.to.is_none_or(|to| at < to);
    closures.iter().any(holds)
}

#[cfg(test)]
mod tests;
