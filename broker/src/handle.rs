//! What others may ask of a running front.

use std::sync::Arc;

use bytes::Bytes;
use domain::Position;
use domain::record::{Publish, Source};
use serde::Serialize;

use crate::hub::Hub;

/// Announcements that reach the live engine as one batch: other messages go in between.
const ANNOUNCED_TOGETHER: usize = 256;

/// A cheap handle to the front, valid also after it stopped.
#[derive(Clone)]
pub struct Handle {
    hub: Arc<Hub>,
}

/// How the front is, for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Clients that are connected.
    pub connections: usize,
    /// Sessions that outlive their connection.
    pub sessions: usize,
    pub retained: usize,
    /// Everything up to here has been handed out to subscribers.
    pub dispatched: Position,
    pub trim_floor: Position,
}

impl Handle {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// The journal has to be kept after this position: sessions and retained messages are recovered from there.
    pub fn trim_floor(&self) -> Position {
        self.hub.trim_floor()
    }

    /// Publishes messages of the server's own (`kerbside/v1/state/…`): retained in memory until the process ends, sent to
    /// subscribers that are connected, not journaled. Waits while the live engine has no room: none is left out.
    pub async fn announce(&self, announcements: Vec<(String, Bytes)>) {
        let now = self.hub.clock.now();
        let live = announcements.into_iter().filter_map(|(topic, payload)| {
            let mut publish = Publish::new(Source::Mqtt, &topic, payload);
            publish.retain = true;
            self.hub.routes.announce(publish, now)
        });
        let mut live = live.peekable();
        while live.peek().is_some() {
            self.hub.engine.announce(live.by_ref().take(ANNOUNCED_TOGETHER).collect()).await;
        }
    }

    pub fn connections(&self) -> usize {
        self.hub.sessions.count()
    }

    pub fn status(&self) -> Status {
        Status {
            connections: self.connections(),
            sessions: self.hub.store.read(|durable| durable.sessions.len()),
            retained: self.hub.routes.retained_count(),
            dispatched: self.hub.routes.dispatched(),
            trim_floor: self.trim_floor(),
        }
    }
}
