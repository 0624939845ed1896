//! The one reader of the journal that all online subscribers share, and the few that catch up.
//!
//! ```text
//! journal tail ─► retained, trie ─► feeds that are live ─► connections
//!                       └─► live engine (only what a QoS 0 subscriber wants)
//! journal from a cursor ─► feeds that are behind, until they meet the dispatcher
//! ```

use std::sync::Arc;

use domain::Position;
use domain::limits::{DISPATCH_BYTES_MAX, DISPATCH_RECORDS_MAX};
use journal::TailError;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::error::Error;
use crate::feed::Feed;
use crate::hub::Hub;
use crate::message::Message;

/// Follows the journal until `shutdown`.
pub async fn dispatch(hub: Arc<Hub>, shutdown: CancellationToken) -> Result<(), Error> {
    let mut tail = hub.journal.tail(hub.routes.dispatched())?;
    loop {
        let entries = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            entries = tail.next(DISPATCH_RECORDS_MAX, DISPATCH_BYTES_MAX) => entries,
        };
        let entries = match entries {
            Ok(entries) => entries,
            Err(TailError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let bytes: u64 = entries.iter().map(|entry| entry.body.len() as u64).sum();
        if let Some(last) = entries.last() {
            hub.mileage.passed(last.position, last.received_at, bytes);
        }
        let upto = tail.after();
        let messages: Vec<Message> = entries.into_iter().filter_map(Message::of).collect();
        let live = hub.routes.dispatch(&messages, upto);
        if !live.is_empty() {
            hub.engine.feed(live, &*hub.clock).await;
        }
    }
}

/// Feeds that wait for catch-up.
pub struct CatchUp {
    waiting: mpsc::UnboundedSender<Arc<Feed>>,
    turn: Mutex<mpsc::UnboundedReceiver<Arc<Feed>>>,
}

/// What one reader takes for one feed before the next feed's turn.
const STEP_RECORDS: usize = 2_048;
const STEP_BYTES: usize = 1024 * 1024;

impl CatchUp {
    pub fn new() -> Self {
        // Bounded by the feeds: each stands in it once at most.
        let (waiting, turn) = mpsc::unbounded_channel();
        Self { waiting, turn: Mutex::new(turn) }
    }

    /// Takes a feed on if it is behind and has room.
    pub fn offer(&self, feed: &Arc<Feed>) {
        if feed.wants_catch_up() {
            let _ = self.waiting.send(feed.clone());
        }
    }

    /// One reader, until `shutdown`.
    pub async fn run(&self, hub: &Hub, shutdown: &CancellationToken) -> Result<(), Error> {
        loop {
            let next = async { self.turn.lock().await.recv().await };
            let feed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some(feed) = next => feed,
            };
            let step = step(hub, &feed).await;
            feed.unschedule();
            match step {
                Ok(Step::More) => self.offer(&feed),
                Ok(Step::Done) => {}
                Err(TailError::Closed) => return Ok(()),
                Err(TailError::Trimmed { first }) => {
                    warn!(client = %feed.client, %first, "messages were trimmed before a subscriber could read them");
                    feed.mark_broken();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

enum Step {
    More,
    /// Live, or no room: the subscriber asks again.
    Done,
}

async fn step(hub: &Hub, feed: &Feed) -> Result<Step, TailError> {
    let dispatched = hub.routes.dispatched();
    let mut tail = hub.journal.tail(feed.considered().max(Position::START))?;
    let entries = tail.try_next(STEP_RECORDS, STEP_BYTES).await?;
    for entry in entries {
        let position = entry.position;
        if position > dispatched {
            break;
        }
        match Message::of(entry) {
            Some(message) if !feed.consider(&message) => return Ok(Step::Done),
            Some(_) => {}
            None => feed.skip_to(position),
        }
    }
    if hub.routes.go_live(feed) { Ok(Step::Done) } else { Ok(Step::More) }
}
