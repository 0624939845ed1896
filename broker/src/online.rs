//! The feeds of connected subscribers, and the share groups that have a member connected.

use std::sync::Arc;

use domain::Position;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::change::{Change, Subscription};
use crate::feed::Feed;
use crate::hub::Hub;
use crate::packet::Text;
use crate::routes::{Target, WithRetained};

#[derive(Default)]
pub struct Online {
    feeds: Mutex<HashMap<Text, Arc<Feed>>>,
    shares: Mutex<HashMap<Text, Group>>,
}

struct Group {
    path: Text,
    feed: Arc<Feed>,
}

/// How far a subscriber is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// A client identifier, or the whole filter of a share group.
    pub name: Text,
    pub cursor: Position,
}

impl Online {
    pub fn enter(&self, feed: &Arc<Feed>) {
        self.feeds.lock().insert(feed.client.clone(), feed.clone());
    }

    pub fn leave(&self, client: &str) {
        self.feeds.lock().remove(client);
    }

    /// The group's feed; begins at its kept cursor, or now.
    pub fn join_share(&self, hub: &Hub, text: &Text, path: &Text) -> Arc<Feed> {
        let mut shares = self.shares.lock();
        let group = shares.entry(text.clone()).or_insert_with(|| {
            let cursor = hub.share_cursor(text).unwrap_or(Position::START);
            let feed = Arc::new(Feed::new(Text::default(), cursor, Position::START));
            // What a group is due is its cursor's matter; each member gets it under its own options.
            let subscription = Subscription { qos: 1, retain_as_published: true, since: cursor, ..Subscription::default() };
            hub.routes.subscribe(path, subscription, Target::Feed(feed.clone()), WithRetained::No);
            Group { path: path.clone(), feed }
        });
        group.feed.clone()
    }

    /// The last member's leaving ends the group until one comes back; a lasting group's cursor is kept.
    pub fn leave_share(&self, hub: &Hub, text: &Text, feed: &Arc<Feed>, member: &Arc<Notify>) {
        let mut shares = self.shares.lock();
        if feed.leave(member) > 0 {
            return;
        }
        if let Some(group) = shares.remove(text) {
            hub.routes.unsubscribe(&group.path, &Target::Feed(group.feed.clone()));
            if hub.share_cursor(text).is_some() {
                let cursor = feed.cursor(hub.routes.dispatched());
                let _unawaited = hub.store.change(Change::Cursors { clients: Vec::new(), shares: vec![(text.clone(), cursor)] });
            }
        }
    }

    pub fn clients(&self, dispatched: Position) -> Vec<Progress> {
        let of = |(name, feed): (&Text, &Arc<Feed>)| Progress { name: name.clone(), cursor: feed.cursor(dispatched) };
        self.feeds.lock().iter().map(of).collect()
    }

    pub fn shares(&self, dispatched: Position) -> Vec<Progress> {
        let of = |(name, group): (&Text, &Group)| Progress { name: name.clone(), cursor: group.feed.cursor(dispatched) };
        self.shares.lock().iter().map(of).collect()
    }
}
