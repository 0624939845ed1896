//! What others may ask of a running front.

use std::sync::Arc;

use bytes::Bytes;
use domain::Position;
use domain::record::{Publish, Source};
use metrics::counter;
use serde::Serialize;

use crate::hub::Hub;
use crate::metrics::DROPPED;

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

    /// Publishes a message of the server's own (`kerbside/v1/state/…`): retained in memory until the process ends, sent to
    /// subscribers that are connected, not journaled. Never waits.
    pub fn announce(&self, topic: &str, payload: Bytes) {
        let mut publish = Publish::new(Source::Mqtt, topic, payload);
        publish.retain = true;
        if let Some(live) = self.hub.routes.announce(publish, self.hub.clock.now())
            && !self.hub.engine.try_feed(live)
        {
            counter!(DROPPED, "cause" => "engine_busy").increment(1);
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
