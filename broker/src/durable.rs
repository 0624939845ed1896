//! The state of all sessions that outlive their connection: a plain fold of records, the same at run time and in replay.
//!
//! Pure: no journal, no clock, no locks. `store.rs` appends a change and applies it here under one lock.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Position, Timestamp};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::change::{Change, KeptWill, Subscription};
use crate::options::Options;
use crate::packet::Text;

/// Everything that a restart needs to know of clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Durable {
    pub sessions: HashMap<Text, Kept>,
    /// Cursors of `$share` groups with a lasting member, by the whole filter.
    pub shares: HashMap<Text, Position>,
    /// Wills of connected clients, and of those that were when the process died.
    pub wills: HashMap<Text, KeptWill>,
}

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    pub expiry_s: u32,
    /// When its connection ended; `None` while connected.
    pub closed_at: Option<Timestamp>,
    /// Everything up to there that its subscriptions match is acknowledged.
    pub cursor: Position,
    pub subscriptions: BTreeMap<Text, Subscription>,
    /// Ids of QoS 2 publishes from the client, from PUBLISH to PUBREL.
    pub open: BTreeSet<u16>,
    /// Messages to the client without an answer: QoS 2 from before they are sent to PUBREC, QoS 1 of its last connection.
    pub sent: BTreeMap<u16, Position>,
    /// Ids of QoS 2 messages to the client from PUBREC to PUBCOMP.
    pub received: BTreeSet<u16>,
    /// Messages after the cursor that the client has, as far as it is known.
    pub done: BTreeSet<Position>,
}

impl Kept {
    /// Whether it was left behind longer ago than it may be.
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self.closed_at {
            Some(closed) if self.expiry_s != u32::MAX => now.micros_since(closed) >= i64::from(self.expiry_s) * 1_000_000,
            _ => false,
        }
    }

    fn advance(&mut self, cursor: Position) {
        self.cursor = self.cursor.max(cursor);
        self.done = self.done.split_off(&self.cursor.next());
        self.sent.retain(|_, &mut position| position > self.cursor);
    }

    /// Roughly what it takes in memory; ids and positions that are open are bounded by windows.
    fn bytes(&self) -> usize {
        SESSION_BYTES + self.subscriptions.keys().map(|filter| filter.len() + SUBSCRIPTION_BYTES).sum::<usize>()
    }

    /// Subscriptions that are served from the journal: QoS 1 and 2, and every shared one.
    pub fn has_backlog(&self) -> bool {
        self.subscriptions.iter().any(|(filter, subscription)| subscription.qos > 0 && !filter.starts_with("$share/"))
    }
}

/// A session and a subscription with their places in the maps.
pub const SESSION_BYTES: usize = 384;
pub const SUBSCRIPTION_BYTES: usize = 96;

impl Durable {
    /// Roughly what it takes in memory.
    pub fn bytes(&self) -> usize {
        self.sessions.values().map(Kept::bytes).chain(self.wills.values().map(KeptWill::bytes)).sum()
    }

    /// The part of it that is one client's.
    pub fn bytes_of(&self, client: &str) -> usize {
        self.sessions.get(client).map_or(0, Kept::bytes) + self.wills.get(client).map_or(0, KeptWill::bytes)
    }

    /// The least position after which a session or a group is owed something; `None`: none is.
    pub fn floor(&self, options: &Options) -> Option<Position> {
        let is_held = |(client, kept): &(&Text, &Kept)| kept.has_backlog() || options.is_required(client);
        let sessions = self.sessions.iter().filter(is_held).map(|(_, kept)| kept.cursor);
        sessions.chain(self.shares.values().copied()).min()
    }

    /// Takes in the change that stands in the journal at `position`.
    pub fn apply(&mut self, change: Change, position: Position, at: Timestamp) {
        match change {
            Change::Opened { client, clean, expiry_s } => self.open(client, clean, expiry_s, position),
            Change::Ended { client } => self.end_session(&client),
            Change::Cursors { clients, shares } => self.advance(clients, shares),
            Change::Will { client, will: Some(will) } => drop(self.wills.insert(client, will)),
            Change::Will { client, will: None } => drop(self.wills.remove(&client)),
            Change::Closed { client, expiry_s } => self.change(&client, |kept| {
                (kept.expiry_s, kept.closed_at) = (expiry_s, Some(at));
            }),
            Change::Subscribed { client, filter, subscription } => self.subscribe(&client, filter, subscription, position),
            Change::Unsubscribed { client, filter } => {
                self.change(&client, |kept| kept.subscriptions.remove(&filter));
                self.forget_share(&filter);
            }
            Change::RetainedDone { client, filter } => self.change(&client, |kept| {
                if let Some(subscription) = kept.subscriptions.get_mut(&filter) {
                    subscription.retained_due = false;
                }
            }),
            Change::Released { client, id } => self.change(&client, |kept| kept.open.remove(&id)),
            Change::Sent { client, ids } => self.change(&client, |kept| kept.sent.extend(ids)),
            Change::Parked { client, cursor, sent, done } => self.change(&client, |kept| {
                kept.sent = sent.into_iter().collect();
                kept.done = done.into_iter().collect();
                kept.advance(cursor);
            }),
            Change::Received { client, ids } => self.change(&client, |kept| {
                for id in ids {
                    kept.done.extend(kept.sent.remove(&id));
                    kept.received.insert(id);
                }
            }),
            Change::Completed { client, ids } => self.change(&client, |kept| {
                for id in ids {
                    kept.done.extend(kept.sent.remove(&id));
                    kept.received.remove(&id);
                }
            }),
        }
    }

    /// Takes in a QoS 2 publish whose session outlives the connection.
    pub fn opened(&mut self, client: &str, id: u16) {
        self.change(client, |kept| kept.open.insert(id));
    }

    fn change<R>(&mut self, client: &str, change: impl FnOnce(&mut Kept) -> R) {
        if let Some(kept) = self.sessions.get_mut(client) {
            change(kept);
        }
    }

    fn open(&mut self, client: Text, clean: bool, expiry_s: u32, position: Position) {
        if clean {
            self.end_session(&client);
        }
        let kept = self.sessions.entry(client).or_insert_with(|| Kept { cursor: position, ..Kept::default() });
        (kept.expiry_s, kept.closed_at) = (expiry_s, None);
    }

    fn end_session(&mut self, client: &str) {
        let Some(kept) = self.sessions.remove(client) else { return };
        for filter in kept.subscriptions.keys() {
            self.forget_share(filter);
        }
    }

    fn subscribe(&mut self, client: &str, filter: Text, subscription: Subscription, position: Position) {
        let Some(kept) = self.sessions.get_mut(client) else { return };
        // A required session's first subscription concerns what came before it, too.
        let begin = if subscription.since > Position::START { subscription.since } else { position };
        if filter.starts_with("$share/") {
            self.shares.entry(filter.clone()).or_insert(begin);
        } else if subscription.qos > 0 && !kept.has_backlog() {
            // Nothing before the first subscription concerns the session.
            kept.cursor = kept.cursor.max(begin);
        }
        let since = kept.subscriptions.get(&filter).map_or(begin, |former| former.since);
        kept.subscriptions.insert(filter, Subscription { since, ..subscription });
    }

    /// A share's cursor ends with its last lasting member.
    fn forget_share(&mut self, filter: &Text) {
        if self.shares.contains_key(filter) && !self.sessions.values().any(|kept| kept.subscriptions.contains_key(filter)) {
            self.shares.remove(filter);
        }
    }

    fn advance(&mut self, clients: Vec<(Text, Position)>, shares: Vec<(Text, Position)>) {
        for (client, cursor) in clients {
            self.change(&client, |kept| kept.advance(cursor));
        }
        for (filter, cursor) in shares {
            if let Some(kept) = self.shares.get_mut(&filter) {
                *kept = cursor.max(*kept);
            }
        }
    }
}

#[cfg(test)]
mod tests;
