//! What is done once a second: wills that are due, sessions that are over or hold back too much, cursors, and the
//! checkpoint that lets the journal go.

use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use domain::limits::SESSION_BACKLOG_MAX;
use hashbrown::HashMap;
use journal::Append;
use metrics::{counter, gauge};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::change::Change;
use crate::checkpoint::Checkpoint;
use crate::durable::Kept;
use crate::error::Error;
use crate::hub::Hub;
use crate::limit::Limit;
use crate::metrics::{SESSIONS, SESSIONS_ENDED};
use crate::online::Progress;
use crate::packet::{Reason, Text};

/// What upkeep remembers from one second to the next.
pub struct Upkeep {
    hub: Arc<Hub>,
    kept_cursors: HashMap<Text, Position>,
    checkpoint: Position,
    next_checkpoint: Duration,
}

/// Where the journal is needed from, as far as the last checkpoint and the cursors say.
#[derive(Default)]
pub struct Floor(Mutex<Position>);

impl Floor {
    pub fn new(position: Position) -> Self {
        Self(Mutex::new(position))
    }

    pub fn checkpointed(&self) -> Position {
        *self.0.lock()
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// A checkpoint takes at most this share of the time.
const CHECKPOINT_PAUSES: u32 = 20;
const CHECKPOINT_PAUSE_MIN: Duration = Duration::from_secs(10);

impl Upkeep {
    pub fn new(hub: Arc<Hub>) -> Self {
        let next_checkpoint = hub.clock.elapsed() + CHECKPOINT_PAUSE_MIN;
        Self { hub, kept_cursors: HashMap::new(), checkpoint: Position::START, next_checkpoint }
    }

    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = self.hub.clock.sleep(SECOND) => {}
            }
            self.hub.send_due_wills();
            self.send_away();
            self.end_sessions();
            let _unawaited = self.keep_cursors();
            if self.hub.clock.elapsed() >= self.next_checkpoint {
                self.checkpoint().await;
            }
        }
    }

    /// The last acts, once no connection is left.
    pub async fn finish(mut self) {
        let _ = self.hub.refusals.flush(&self.hub.journal).await;
        if let Some(append) = self.keep_cursors() {
            let _ = append.await;
        }
        self.checkpoint().await;
    }

    /// Disconnects whoever was revoked since it was let in, or is over.
    fn send_away(&self) {
        let authority = &self.hub.authority;
        for client in self.hub.sessions.kick_unless(|principal| authority.is_in_force(principal), Reason::NOT_AUTHORISED) {
            warn!(%client, "client is no longer authorised and is disconnected");
        }
    }

    fn end_sessions(&self) {
        let (now, head) = (self.hub.clock.now(), self.hub.routes.dispatched());
        let holds_too_much = |cursor| {
            let backlog = self.hub.mileage.behind(cursor, head);
            let too_old = |since| now.micros_since(since) > SESSION_BACKLOG_MAX.as_micros() as i64;
            backlog.bytes > self.hub.options.session_backlog_bytes_max || backlog.since.is_some_and(too_old)
        };
        let mut over = Vec::new();
        self.hub.store.read(|durable| {
            gauge!(SESSIONS).set(durable.sessions.len() as f64);
            let may_end = |client: &Text, kept: &Kept| kept.closed_at.is_some() && !self.hub.options.is_required(client);
            for (client, kept) in durable.sessions.iter().filter(|(client, kept)| may_end(client, kept)) {
                if kept.is_over(now) {
                    over.push((client.clone(), "expired"));
                } else if kept.has_backlog() && holds_too_much(kept.cursor) {
                    over.push((client.clone(), "backlog"));
                }
            }
        });
        for (client, cause) in over {
            // One that is just being taken up is open by then, or ends and the client is told.
            if !self.hub.sessions.is_connected(&client) {
                self.end(client, cause);
            }
        }
        let too_slow = |slow: &Progress| holds_too_much(slow.cursor) && !self.hub.options.is_required(&slow.name);
        for slow in self.hub.online.clients(head).into_iter().filter(too_slow) {
            warn!(client = %slow.name, "subscriber holds back too much of the journal and is disconnected");
            self.hub.sessions.kick(&slow.name, Limit::Backlog);
        }
    }

    fn end(&self, client: Text, cause: &'static str) {
        counter!(SESSIONS_ENDED, "cause" => cause).increment(1);
        if cause == "backlog" {
            Limit::Backlog.reached();
            warn!(%client, "session held back too much of the journal and ends");
        }
        self.hub.rouse_will(&client, 0);
        let _unawaited = self.hub.store.change(Change::Ended { client });
    }

    /// Journals cursors that moved, of sessions and groups that outlive their connections.
    fn keep_cursors(&mut self) -> Option<Append> {
        let dispatched = self.hub.routes.dispatched();
        let moved = |progress: &Progress| self.kept_cursors.get(&progress.name) != Some(&progress.cursor);
        let clients: Vec<_> = self.hub.online.clients(dispatched).into_iter().filter(moved).collect();
        let shares: Vec<_> = self.hub.online.shares(dispatched).into_iter().filter(moved).collect();
        // Its own record moves a cursor that has nothing to wait for: it is kept as often as the checkpoint then.
        let (clients, shares) = self.hub.store.read(|durable| {
            let lasting = |kept: Option<Position>, cursor: Position| kept.is_some_and(|kept| cursor > Position(kept.0 + 2));
            let clients =
                clients.into_iter().filter(|p| lasting(durable.sessions.get(&p.name).map(|kept| kept.cursor), p.cursor));
            let shares = shares.into_iter().filter(|p| lasting(durable.shares.get(&p.name).copied(), p.cursor));
            let pair = |p: Progress| (p.name, p.cursor);
            (clients.map(pair).collect::<Vec<_>>(), shares.map(pair).collect::<Vec<_>>())
        });
        if clients.is_empty() && shares.is_empty() {
            return None;
        }
        self.kept_cursors = clients.iter().chain(&shares).cloned().collect();
        Some(self.hub.store.change(Change::Cursors { clients, shares }))
    }

    async fn checkpoint(&mut self) {
        let started = self.hub.clock.elapsed();
        match write_checkpoint(&self.hub, self.checkpoint).await {
            Ok(position) => self.checkpoint = position,
            Err(error) => error!(%error, "front is not checkpointed; its journal is kept"),
        }
        let took = self.hub.clock.elapsed() - started;
        self.next_checkpoint = self.hub.clock.elapsed() + (took * CHECKPOINT_PAUSES).max(CHECKPOINT_PAUSE_MIN);
    }
}

/// Writes a checkpoint unless nothing happened since the one at `last`; returns where the newest one stands.
async fn write_checkpoint(hub: &Hub, last: Position) -> Result<Position, Error> {
    if hub.journal.head() <= last {
        return Ok(last);
    }
    let (mark, sessions) = hub.store.snapshot();
    let (retained_at, retained) = hub.routes.snapshot();
    // Never ahead of the journal: what it says happened must be durable there, too.
    let sessions_at = tokio::select! {
        biased;
        Ok(durable) = mark => durable,
        // The journal cannot write: the next time will do.
        () = hub.clock.sleep(SECOND) => return Ok(last),
    };
    let checkpoint = Checkpoint { journal: hub.journal.id().0, sessions_at, sessions, retained_at, retained };
    let floor = checkpoint.floor();
    let checkpoints = hub.checkpoints.clone();
    let written = aside::run(move || checkpoints.write(&checkpoint)).await;
    written.map_err(|_| Error::Panicked { task: "checkpoint" })??;
    *hub.floor.0.lock() = floor;
    Ok(sessions_at)
}

impl Hub {
    /// A required session begins when it is first named, not when its client first connects: what comes in between is its own.
    pub fn name_required_sessions(&self) {
        for name in &self.options.required_sessions {
            if self.store.session(name).is_none() {
                let opened = Change::Opened { client: Text::from(name.as_str()), clean: false, expiry_s: u32::MAX };
                // Nothing that is acknowledged from now on is durable before this record is.
                let _unawaited = self.store.change(opened);
            }
        }
    }

    /// The journal has to be kept after this position.
    pub fn trim_floor(&self) -> Position {
        let dispatched = self.routes.dispatched();
        let kept = self.store.read(|durable| durable.floor(&self.options));
        let online = self.online.clients(dispatched).into_iter().chain(self.online.shares(dispatched));
        let online = online.map(|progress| progress.cursor).min();
        [Some(self.floor.checkpointed()), Some(dispatched), kept, online].into_iter().flatten().min().unwrap_or_default()
    }
}
