//! Changes to lasting sessions: into the journal and into the state, in one order.
//!
//! One lock spans the append and the application, so that the state at any moment is the fold of exactly the session records up to a
//! position: that is what a checkpoint writes. Appending is a copy into memory, never a disk access. A change whose append failed was
//! answered to nobody, and stands in the state all the same: a client may find it done, as after an answer that was lost.

use domain::Clock;
use domain::record::kind;
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
    /// What sessions and wills take in memory.
    bytes: usize,
}

impl Store {
    pub fn new(journal: Journal, clock: Arc<dyn Clock>, durable: Durable) -> Self {
        let bytes = durable.bytes();
        Self { journal, clock, state: Mutex::new(State { durable, bytes }) }
    }

    pub fn change(&self, change: Change) -> Append {
        let body = change.encode();
        let mut state = self.state.lock();
        let append = self.journal.append(kind::SESSION, &body);
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

    /// The state, and a record of its own that marks where in the journal it stands: once that is durable, the state is the fold of all
    /// before it. No position could say as much, since those of failed appends are given out again.
    pub fn snapshot(&self) -> (Append, Durable) {
        let state = self.state.lock();
        let mark = Change::Cursors { clients: Vec::new(), shares: Vec::new() };
        (self.journal.append(kind::SESSION, &mark.encode()), state.durable.clone())
    }
}

#[cfg(test)]
mod tests {
    use domain::JournalId;
    use domain::time::SystemClock;

    use super::*;

    #[tokio::test]
    async fn what_changes_after_a_snapshot_stands_behind_it_in_the_journal_also_when_appends_failed() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(|_| Box::pin(std::future::pending())));
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options = journal::Options { dir: dir.path().to_owned(), ..journal::Options::default() };
        let (journal, _) = Journal::open(options, Arc::clone(&clock), JournalId(1)).expect("opens");
        let store = Store::new(journal.clone(), clock, Durable::default());
        let opened = |client: &str| Change::Opened { client: Text::from(client), clean: false, expiry_s: 60 };
        store.change(opened("a")).await.expect("durable");
        journal.hold("full", |_| false);
        assert!(store.change(opened("b")).await.is_err());
        journal.release();
        let (mark, durable) = store.snapshot();
        let later = store.change(opened("c"));
        let (mark, later) = (mark.await.expect("durable"), later.await.expect("durable"));
        assert!(mark < later, "{mark} {later}");
        let mut clients: Vec<_> = durable.sessions.keys().map(ToString::to_string).collect();
        clients.sort_unstable();
        assert_eq!(clients, ["a", "b"], "all before the mark, and nothing of after it");
        journal.close().await.expect("closes");
    }
}
