//! The promise of a durable position. Waiting costs no channel of its own: see `epoch.rs`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use domain::Position;

use crate::epoch::Epoch;
use crate::error::AppendError;

/// Resolves once its record is fdatasynced, or fails with it. Dropping it changes nothing about the record.
///
/// Judge an append by this, never by the durable watermark alone: a failed record's position is given out again.
#[must_use = "a record counts as kept only once this says so"]
pub struct Append {
    position: Position,
    fate: Fate,
    /// Whether a waker stands in the epoch for it.
    awaited: bool,
}

enum Fate {
    Open(Arc<Epoch>),
    /// Refused at the call.
    Failed(AppendError),
}

impl Append {
    pub(crate) fn waiting(position: Position, epoch: Arc<Epoch>) -> Self {
        Self { position, fate: Fate::Open(epoch), awaited: false }
    }

    pub(crate) fn failed(position: Position, error: AppendError) -> Self {
        Self { position, fate: Fate::Failed(error), awaited: false }
    }

    /// Fixed at the call of `append`; rises in the order of the calls. Means nothing when the append fails.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The outcome when it is known: for a caller that keeps many appends in order and wakes by
    /// [`Journal::durable`](crate::Journal::durable), which is also notified of failures.
    pub fn outcome(&self) -> Option<Result<Position, AppendError>> {
        match &self.fate {
            Fate::Open(epoch) => epoch.outcome(self.position),
            Fate::Failed(error) => Some(Err(error.clone())),
        }
    }
}

impl Future for Append {
    type Output = Result<Position, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = match &self.fate {
            Fate::Open(epoch) => epoch.poll(self.position, context.waker()),
            Fate::Failed(error) => Poll::Ready(Err(error.clone())),
        };
        self.awaited = polled.is_pending();
        polled
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        if let (true, Fate::Open(epoch)) = (self.awaited, &self.fate) {
            epoch.leave(self.position);
        }
    }
}

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append").field("position", &self.position).field("outcome", &self.outcome()).finish()
    }
}
