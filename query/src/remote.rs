//! Ingest as it is seen from a process of query alone: copies of what it has in memory, kept fresh through the link.
//!
//! ```text
//! ingest's link ──► follower (task) ──► staged step ──seal──► copy: state, ledger, sensors, registry, hot rows ◄── Live
//!                        └── which lake versions there are ──► lake, read again ──► snapshots of the copy
//! Intake, one sensor's ledger, uplinks ──► calls ──► ingest's link
//! ```
//!
//! While ingest is away the copy goes on answering with what it has: its age is told, and what it shows turns stale by itself. What
//! only ingest can do is refused until it is back.

mod calls;
mod copy;
mod follower;
mod hot;
mod staged;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::limits::LINK_SILENCE_MAX;
use domain::record::Publish;
use domain::registry::{CityOptions, Registry};
use domain::{Clock, Position, SensorId, Timestamp};
use lake::Lake;
use lake::contract::link::{Reply, Request};
use lake::contract::{
    Away, EditVerdict, IngestStatus, Intake, IntakeError, LedgerView, Live, LiveState, SensorStatus, Uplink, View,
};

use crate::server::Readiness;
use calls::Calls;
use copy::Copy;
pub use follower::Follower;

/// Ingest in another process; cheap to clone.
#[derive(Clone)]
pub struct Remote {
    copy: Arc<Copy>,
    calls: Arc<Calls>,
}

/// Where ingest is and what is wanted of it.
pub struct Link {
    /// `host:port` of ingest's link.
    pub address: String,
    /// Ingest's lake, opened for reading; without it there are no views, only the live state.
    pub lake: Option<Lake>,
    /// Must be ingest's own.
    pub city: CityOptions,
    pub clock: Arc<dyn Clock>,
}

impl Remote {
    /// The copy, empty at first, and what fills it while it [runs](Follower::run).
    pub fn new(link: Link) -> (Self, Follower) {
        let copy = Arc::new(Copy::new(link.address.clone(), link.city.clone(), Arc::clone(&link.clock)));
        let calls = Arc::new(Calls::new(link.address.clone(), copy.standing(), Arc::clone(&link.clock)));
        (Self { copy: Arc::clone(&copy), calls }, Follower::new(link, copy))
    }

    /// Waits until the copy is whole for the first time.
    pub async fn caught_up(&self) {
        self.copy.known().await;
    }

    /// Whether answers are those of now; if not, why, and how old they are.
    pub fn readiness(&self) -> Readiness {
        match self.copy.complaint() {
            None => Readiness::Ready,
            Some(complaint) => Readiness::Waiting(complaint),
        }
    }

    /// Until the copy shows what ingest said that it shows: an answer must not be ahead of those that follow it.
    async fn shown(&self, position: Position) {
        self.copy.reached(position, LINK_SILENCE_MAX).await;
    }
}

#[async_trait::async_trait]
impl Live for Remote {
    fn is_known(&self) -> Result<(), Away> {
        self.copy.is_known()
    }

    async fn view(&self) -> Result<View, lake::Error> {
        Ok(self.copy.view()?)
    }

    async fn history(&self) -> Result<(View, Arc<Registry>), lake::Error> {
        Ok(self.copy.history()?)
    }

    fn registry(&self) -> Arc<Registry> {
        self.copy.registry()
    }

    fn with_state(&self, read: &mut dyn FnMut(&LiveState, &Arc<Registry>)) {
        self.copy.with_state(read);
    }

    fn ledger(&self) -> LedgerView {
        self.copy.ledger()
    }

    async fn ledger_of(&self, sensor: &SensorId) -> Result<Option<LedgerView>, Away> {
        match self.calls.call(Request::LedgerOf(sensor.clone()), Bytes::new()).await?.head {
            Reply::Ledger(line) => {
                let head = line.as_ref().map_or(Position::START, |line| Position(line.head));
                self.shown(head).await;
                Ok(line)
            }
            other => Err(unexpected(&other)),
        }
    }

    fn status(&self) -> IngestStatus {
        self.copy.status()
    }

    fn sensors(&self, after: Option<&SensorId>, limit: usize) -> Vec<SensorStatus> {
        self.copy.sensors(after, limit)
    }

    async fn uplinks(&self, sensor: &SensorId) -> Result<Vec<Uplink>, Away> {
        match self.calls.call(Request::Uplinks(sensor.clone()), Bytes::new()).await?.head {
            Reply::Uplinks(uplinks) => Ok(uplinks),
            other => Err(unexpected(&other)),
        }
    }
}

#[async_trait::async_trait]
impl Intake for Remote {
    async fn publish(&self, messages: Vec<Publish>) -> Result<Vec<Position>, IntakeError> {
        let mut body = BytesMut::with_capacity(messages.iter().map(Publish::encoded_len).sum());
        let lengths = messages.iter().map(|message| message.encoded_len() as u32).collect();
        messages.iter().for_each(|message| message.encode(&mut body));
        match self.calls.call(Request::Publish { lengths }, body.freeze()).await?.head {
            Reply::Published(positions) => Ok(positions),
            other => Err(refusal(other)),
        }
    }

    async fn edit_registry(&self, author: &str, features: Bytes, dry_run: bool) -> Result<EditVerdict, IntakeError> {
        let request = Request::EditRegistry { author: author.to_owned(), dry_run };
        match self.calls.call(request, features).await?.head {
            Reply::Edited { verdict, seen_at } => {
                if verdict.position.is_some() {
                    self.shown(seen_at).await;
                }
                Ok(verdict)
            }
            other => Err(refusal(other)),
        }
    }

    async fn export_registry(&self, at: Option<Timestamp>) -> Result<Bytes, IntakeError> {
        let answer = self.calls.call(Request::ExportRegistry { at }, Bytes::new()).await?;
        match answer.head {
            Reply::Exported => Ok(answer.body),
            other => Err(refusal(other)),
        }
    }

    async fn reprocess(&self, of: Position, element: u32) -> Result<bool, IntakeError> {
        match self.calls.call(Request::Reprocess { of, element }, Bytes::new()).await?.head {
            Reply::Reprocessed { anew, seen_at } => {
                self.shown(seen_at).await;
                Ok(anew)
            }
            other => Err(refusal(other)),
        }
    }

    async fn settled(&self, position: Position, wait: Duration) -> bool {
        self.copy.reached(position, wait).await
    }
}

fn refusal(reply: Reply) -> IntakeError {
    match reply {
        Reply::Failed(error) => error,
        other => IntakeError::Away(unexpected(&other)),
    }
}

fn unexpected(reply: &Reply) -> Away {
    match reply {
        Reply::Failed(error) => Away(error.to_string()),
        other => Away(format!("ingest gave another answer than was asked for: {other:?}")),
    }
}

#[cfg(test)]
mod tests;
