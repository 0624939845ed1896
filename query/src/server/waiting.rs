//! Connections on which nobody asks anything, the one that has been silent longest first: when all places are taken and others
//! come, they give up theirs. So no number of silent callers keeps everybody else out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub struct Waiting(Mutex<Line>);

#[derive(Default)]
struct Line {
    /// Counts up from 1.
    last: u64,
    silent: BTreeMap<u64, CancellationToken>,
}

/// One connection's entry, for as long as the connection is.
pub struct Entry {
    waiting: Arc<Waiting>,
    leave: CancellationToken,
    /// Its number in the line.
    number: AtomicU64,
}

impl Waiting {
    /// A connection that was just accepted and is silent. With `stop` it leaves, too.
    pub fn entry(self: &Arc<Self>, stop: &CancellationToken) -> Entry {
        let entry = Entry { waiting: Arc::clone(self), leave: stop.child_token(), number: AtomicU64::new(0) };
        entry.answered();
        entry
    }

    /// Tells the one that has been silent longest to leave, if any is.
    pub fn send_away(&self) {
        if let Some((_, leave)) = self.0.lock().silent.pop_first() {
            leave.cancel();
        }
    }
}

impl Entry {
    /// A request's head has come: until it is answered the connection keeps its place.
    pub fn asked(&self) {
        self.waiting.0.lock().silent.remove(&self.number.load(Ordering::Relaxed));
    }

    /// The next request is waited for. An answer that is still being written is written to its end whatever comes.
    pub fn answered(&self) {
        let mut line = self.waiting.0.lock();
        line.last += 1;
        let number = line.last;
        line.silent.insert(number, self.leave.clone());
        self.number.store(number, Ordering::Relaxed);
    }

    /// When the connection has to leave.
    pub async fn told_to_leave(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.asked();
    }
}
