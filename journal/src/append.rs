//! The promise of a durable position. Waiting costs no allocation of its own.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use domain::Position;

use crate::error::AppendError;

/// Resolves once its record is fdatasynced, or fails with it. Dropping it changes nothing about the record.
///
/// Judge an append by this, never by the durable watermark alone: a failed record's position is given out again.
#[must_use = "a record counts as kept only once this says so"]
#[derive(Debug)]
pub struct Append {
    position: Position,
}

impl Append {
    /// Fixed at the call of `append`; positions of one journal rise in the order of the calls.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The outcome when it is known: for a caller that keeps many appends in order and wakes by
    /// [`Journal::durable`](crate::Journal::durable), which is also notified of failures.
    pub fn outcome(&self) -> Option<Result<Position, AppendError>> {
        None
    }
}

impl Future for Append {
    type Output = Result<Position, AppendError>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(AppendError::Closed))
    }
}
