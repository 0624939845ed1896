//! Who subscribes to what, and how far messages have been handed out.
//!
//! One lock for the trie, the retained messages and the dispatched position: a subscription that begins under it gets as retained what
//! came before and live what comes after, nothing twice and nothing never.

use std::sync::Arc;

use domain::Position;
use domain::record::Publish;
use domain::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::change::Subscription;
use crate::feed::{Feed, Matched};
use crate::message::Message;
use crate::meter::Meter;
use crate::packet::Text;
use crate::retained::Retained;
use crate::trie::Trie;

pub struct Routes {
    inner: Mutex<Inner>,
    dispatched: watch::Sender<Position>,
}

struct Inner {
    trie: Trie<Entry>,
    retained: Retained,
    dispatched: Position,
}

struct Entry {
    subscription: Subscription,
    target: Target,
}

/// Where a subscription's messages go.
#[derive(Clone)]
pub enum Target {
    Feed(Arc<Feed>),
    /// Live QoS 0 through the engine.
    Live(Arc<Meter>),
}

impl Target {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Feed(one), Self::Feed(other)) => Arc::ptr_eq(one, other),
            (Self::Live(one), Self::Live(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Routes {
    pub fn new(retained: Retained, dispatched: Position) -> Self {
        let inner = Inner { trie: Trie::default(), retained, dispatched };
        Self { inner: Mutex::new(inner), dispatched: watch::Sender::new(dispatched) }
    }

    pub fn dispatched(&self) -> Position {
        *self.dispatched.borrow()
    }

    /// Waits until everything up to `position` is handed out and retained.
    pub async fn reached(&self, position: Position) {
        // The sender lives as long as `self`.
        let _ = self.dispatched.subscribe().wait_for(|&dispatched| dispatched >= position).await;
    }

    /// Begins a subscription and returns the retained messages that came before it.
    pub fn subscribe(
        &self,
        path: &Text,
        mut subscription: Subscription,
        target: Target,
        retained: WithRetained,
    ) -> Vec<Arc<Message>> {
        let mut inner = self.inner.lock();
        if subscription.since == Position::START {
            subscription.since = inner.dispatched;
        }
        if let Target::Feed(feed) = &target {
            feed.subscribe(path.clone(), subscription);
            if feed.considered() == Position::START {
                feed.skip_to(inner.dispatched);
            }
            feed.go_live(inner.dispatched);
        }
        inner.trie.remove(path, |entry| entry.target.is(&target));
        inner.trie.insert(path, Entry { subscription, target });
        match retained {
            WithRetained::Yes => inner.retained.matching(path),
            WithRetained::No => Vec::new(),
        }
    }

    pub fn unsubscribe(&self, path: &str, target: &Target) {
        let mut inner = self.inner.lock();
        inner.trie.remove(path, |entry| entry.target.is(target));
        if let Target::Feed(feed) = target {
            feed.unsubscribe(path);
        }
    }

    /// Whether a feed that was behind has met the dispatcher and is live now.
    pub fn go_live(&self, feed: &Feed) -> bool {
        let inner = self.inner.lock();
        feed.go_live(inner.dispatched)
    }

    pub fn retained(&self, path: &str) -> Vec<Arc<Message>> {
        self.inner.lock().retained.matching(path)
    }

    /// Hands out what became durable; returns what the live engine is to be fed with.
    pub fn dispatch(&self, messages: &[Message], upto: Position) -> Vec<Message> {
        let mut live = Vec::new();
        let mut inner = self.inner.lock();
        for message in messages {
            if message.publish.retain {
                inner.retained.take(message);
            }
            if inner.hand_out(message, Feed::offer) {
                live.push(message.clone());
            }
        }
        inner.dispatched = upto;
        self.dispatched.send_replace(upto);
        live
    }

    /// An announcement of the server's own; returned when the live engine is to be fed with it.
    pub fn announce(&self, publish: Publish, now: Timestamp) -> Option<Message> {
        let message = Message { position: Position::START, received_at: now, publish };
        let mut inner = self.inner.lock();
        inner.retained.take(&message);
        inner.hand_out(&message, Feed::announce).then_some(message)
    }

    /// The retained messages that a checkpoint keeps, and the position that they stand for.
    pub fn snapshot(&self) -> (Position, Vec<crate::retained::KeptMessage>) {
        let inner = self.inner.lock();
        (inner.dispatched, inner.retained.kept())
    }

    pub fn retained_count(&self) -> usize {
        self.inner.lock().retained.len()
    }
}

/// Whether a subscription is due retained messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithRetained {
    Yes,
    No,
}

impl Inner {
    /// Whether a live subscriber wants it, too.
    fn hand_out(&self, message: &Message, give: impl Fn(&Feed, &Message, Matched)) -> bool {
        if self.trie.is_empty() {
            return false;
        }
        let mut feeds: Vec<(&Arc<Feed>, Option<Matched>)> = Vec::new();
        let mut meters: Vec<&Arc<Meter>> = Vec::new();
        self.trie.matching(message.publish.topic(), &mut |entry: &Entry| match &entry.target {
            Target::Live(meter) if meters.iter().any(|known| Arc::ptr_eq(known, meter)) => {}
            Target::Live(meter) => meters.push(meter),
            Target::Feed(feed) => {
                let known = feeds.iter().position(|(known, _)| Arc::ptr_eq(known, feed));
                let at = known.unwrap_or_else(|| {
                    feeds.push((feed, None));
                    feeds.len() - 1
                });
                Matched::add(&mut feeds[at].1, &entry.subscription, &feed.client, message);
            }
        });
        // One copy for all: what waits for a slow subscriber keeps nothing else in memory.
        let own = feeds.iter().any(|(_, matched)| matched.is_some()).then(|| message.detached());
        for (feed, matched) in feeds {
            if let (Some(matched), Some(own)) = (matched, &own) {
                give(feed, own, matched);
            }
        }
        // Each of them, also after the first that is live.
        meters.into_iter().filter(|meter| meter.expect(message)).count() > 0
    }
}
