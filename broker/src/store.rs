//! Changes to lasting sessions: into the journal and into the state, in one order.
//!
//! One lock spans the append and the application, so that the state at any moment is the fold of exactly the session records up to a
//! position: that is what a checkpoint writes. Appending is a copy into memory, never a disk access.

use domain::record::kind;
use domain::{Clock, Position};
use journal::{Append, Journal};
use parking_lot::Mutex;
use std::sync::Arc;

use crate::change::Change;
use crate::durable::{Durable, Kept};
use crate::packet::Text;

pub struct Store {
    journal: Journal,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    durable: Durable,
    /// The newest record that is applied.
    applied: Position,
    /// What sessions and wills take in memory.
    bytes: usize,
}

impl Store {
    pub fn new(journal: Journal, clock: Arc<dyn Clock>, durable: Durable, applied: Position) -> Self {
        let bytes = durable.bytes();
        Self { journal, clock, state: Mutex::new(State { durable, applied, bytes }) }
    }

    pub fn change(&self, change: Change) -> Append {
        let body = change.encode();
        let mut state = self.state.lock();
        let append = self.journal.append(kind::SESSION, &body);
        state.applied = append.position();
        let State { durable, bytes, .. } = &mut *state;
        let of_client = change.resizes().cloned();
        let weigh = |durable: &Durable| of_client.as_ref().map_or(0, |client| durable.bytes_of(client));
        *bytes -= weigh(durable);
        durable.apply(change, append.position(), self.clock.now());
        *bytes += weigh(durable);
        append
    }

    /// Whether `more` bytes would be more than `max`.
    pub fn is_full(&self, more: usize, max: usize) -> bool {
        self.state.lock().bytes.saturating_add(more) > max
    }

    /// A QoS 2 publish of a lasting session: `write` appends it with the id in it.
    pub fn opened(&self, client: &str, id: u16, write: impl FnOnce() -> Append) -> Append {
        let mut state = self.state.lock();
        let append = write();
        state.applied = append.position();
        state.durable.opened(client, id);
        append
    }

    pub fn released(&self, client: &Text, id: u16) -> Append {
        self.change(Change::Released { client: client.clone(), id })
    }

    /// Takes back [`Store::opened`] of a publish that could not be kept.
    pub fn forget(&self, client: &str, id: u16) {
        let mut state = self.state.lock();
        if let Some(kept) = state.durable.sessions.get_mut(client) {
            kept.open.remove(&id);
        }
    }

    /// After a start: nobody is connected, and a session's time runs from when the process ended, which is about now.
    pub fn close_all(&self) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        for kept in state.durable.sessions.values_mut() {
            kept.closed_at.get_or_insert(now);
        }
    }

    pub fn session(&self, client: &str) -> Option<Kept> {
        self.state.lock().durable.sessions.get(client).cloned()
    }

    pub fn read<T>(&self, read: impl FnOnce(&Durable) -> T) -> T {
        read(&self.state.lock().durable)
    }

    /// The state and the position up to which it is the fold of the journal. That position may not be durable yet.
    pub fn snapshot(&self) -> (Position, Durable) {
        let state = self.state.lock();
        // No session record stands between the newest applied one and the head: they are appended under this lock only.
        (state.applied.max(self.journal.head()), state.durable.clone())
    }
}
