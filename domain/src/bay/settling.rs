//! How a bay's readings settle into its state: one reading after another, and what time alone brings in between.

use super::{Era, Event, EventKind, Rules, Seen, State};
use crate::kind::parking::BayState;
use crate::live::silence_micros;
use crate::time::{MICROS_PER_SECOND, Timestamp};

/// From here on the bay is in another settled state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub at: Timestamp,
    pub state: State,
    /// Not by a reading: it begins just after `at`.
    pub by_silence: bool,
}

pub(super) struct Settling {
    silence_micros: i64,
    min_dwell_micros: i64,
    /// Occupied or vacant; `None`: unknown.
    settled: Option<BayState>,
    /// What `settled` was when it was last known: events are told from it, across whatever was unknown.
    last_known: Option<BayState>,
    /// A new known state that has not yet stood long enough, with its first reading.
    candidate: Option<Seen>,
    /// The last reading, of any state.
    last_seen: Option<Timestamp>,
    arrived_at: Option<Timestamp>,
    pub changes: Vec<Change>,
    pub events: Vec<Event>,
}

impl Settling {
    pub fn new(rules: &Rules<'_>) -> Self {
        Self {
            silence_micros: silence_micros(rules.heartbeat_s),
            min_dwell_micros: i64::from(rules.min_dwell_s) * MICROS_PER_SECOND,
            settled: None,
            last_known: None,
            candidate: None,
            last_seen: None,
            arrived_at: None,
            changes: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Other rules from here on: a bay that is silent by them alone becomes unknown now.
    pub fn follow(&mut self, era: &Era<'_>) {
        self.pass_until(Timestamp::from_micros(era.from.as_micros() - 1));
        self.silence_micros = silence_micros(era.rules.heartbeat_s);
        self.min_dwell_micros = i64::from(era.rules.min_dwell_s) * MICROS_PER_SECOND;
        if self.last_seen.is_some_and(|last| era.from > after(last, self.silence_micros)) {
            self.lose(era.from, false);
        }
    }

    /// The next reading in time.
    pub fn read(&mut self, seen: Seen) {
        self.pass_until(seen.at);
        self.last_seen = Some(seen.at);
        match (seen.state, self.settled) {
            (BayState::Unknown, _) => self.lose(seen.at, false),
            // The former state is seen again: whatever it was, the candidate has not stood.
            (state, Some(settled)) if state == settled => self.candidate = None,
            (_, Some(_)) if self.min_dwell_micros > 0 => {
                self.candidate.get_or_insert(seen);
            }
            _ => self.settle(seen),
        }
    }

    /// What happens up to and including `now` without a reading: the candidate has stood long enough, or the bay fell silent.
    pub fn pass_until(&mut self, now: Timestamp) {
        let Some(last_seen) = self.last_seen else { return };
        let silent_after = after(last_seen, self.silence_micros);
        if let Some(candidate) = self.candidate {
            let stood = after(candidate.at, self.min_dwell_micros);
            if stood <= now && stood <= silent_after {
                self.candidate = None;
                self.settle(candidate);
            }
        }
        if now > silent_after {
            self.lose(silent_after, true);
        }
    }

    fn settle(&mut self, seen: Seen) {
        self.settled = Some(seen.state);
        self.changes.push(Change { at: seen.at, state: seen.state.into(), by_silence: false });
        let former = self.last_known.replace(seen.state);
        if former.is_none_or(|former| former == seen.state) {
            return;
        }
        let event = if seen.state == BayState::Occupied {
            self.arrived_at = Some(seen.at);
            Event { at: seen.at, kind: EventKind::Arrival, arrived_at: None }
        } else {
            Event { at: seen.at, kind: EventKind::Departure, arrived_at: self.arrived_at.take() }
        };
        self.events.push(event);
    }

    fn lose(&mut self, at: Timestamp, by_silence: bool) {
        self.candidate = None;
        if self.settled.take().is_some() {
            self.changes.push(Change { at, state: State::Unknown, by_silence });
        }
    }
}

fn after(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_add(micros))
}
