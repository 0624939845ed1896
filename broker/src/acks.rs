//! What a connection may say only once a record is durable, in the order in which it has to say it (ACK-1).
//!
//! The reader goes on appending while earlier records wait for the disk; whatever one fdatasync made durable is released at once
//! and leaves in one write. A window is thus never serialised by its fsyncs, and no acknowledgement overtakes another.

use std::collections::VecDeque;

use bytes::BytesMut;
use domain::check;
use domain::check::Promise;
use domain::limits::{CONNECTION_PENDING_BYTES_MAX, CONNECTION_PENDING_MAX};
use journal::{Append, AppendError};

use crate::codec::Codec;
use crate::packet::Reason;
use crate::refusal::{Kept, SumFate};

/// What to say once a record is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// A QoS 0 publish: nobody waits, but a failure is counted.
    Nothing,
    PubAck {
        id: u16,
        reason: Reason,
    },
    PubRec {
        id: u16,
        reason: Reason,
    },
    PubComp {
        id: u16,
    },
    /// Towards a subscriber: its PUBREC is kept.
    PubRel {
        id: u16,
    },
}

impl Then {
    /// A QoS 1 publish, or a QoS 2 publish that is refused: those that are taken keep their place until PUBCOMP.
    fn frees_a_place(self) -> bool {
        match self {
            Self::PubAck { .. } => true,
            Self::PubRec { reason, .. } => reason != Reason::SUCCESS,
            Self::Nothing | Self::PubComp { .. } | Self::PubRel { .. } => false,
        }
    }
}

/// Records on their way to the disk and the answers that wait for them.
#[derive(Default)]
pub struct Acks {
    queue: VecDeque<Pending>,
    bytes: usize,
    /// Answers among them that give a client back a place of its window.
    owed: usize,
}

struct Pending {
    wait: Wait,
    bytes: usize,
    then: Then,
}

/// What has to be durable first.
pub enum Wait {
    /// Nothing of its own, only its turn.
    Turn,
    Record(Append),
    Sum(SumFate),
}

impl Wait {
    fn outcome(&self) -> Option<Result<(), AppendError>> {
        match self {
            Self::Turn => Some(Ok(())),
            Self::Record(append) => append.outcome().map(|outcome| outcome.map(drop)),
            Self::Sum(fate) => fate.outcome(),
        }
    }
}

impl From<Option<Append>> for Wait {
    fn from(append: Option<Append>) -> Self {
        append.map_or(Self::Turn, Self::Record)
    }
}

impl From<Kept> for Wait {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Whole(append) => Self::Record(append),
            Kept::InSum(fate) => Self::Sum(fate),
        }
    }
}

/// An answer that may not be given: its record is not in the journal.
#[derive(Debug)]
pub struct Unwritten {
    pub then: Then,
    pub error: AppendError,
}

impl Acks {
    pub fn push(&mut self, wait: impl Into<Wait>, bytes: usize, then: Then) {
        self.bytes += bytes;
        self.owed += usize::from(then.frees_a_place());
        self.queue.push_back(Pending { wait: wait.into(), bytes, then });
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Publishes whose place in the client's window is taken until they are answered.
    pub fn owed(&self) -> usize {
        self.owed
    }

    /// No more may be read from the socket until the disk caught up.
    pub fn is_full(&self) -> bool {
        self.bytes >= CONNECTION_PENDING_BYTES_MAX || self.queue.len() >= CONNECTION_PENDING_MAX
    }

    /// Writes every answer whose turn has come and returns their number. On a failure nothing of that record has been said;
    /// calling again goes on behind it.
    pub fn release(&mut self, codec: &mut Codec, out: &mut BytesMut) -> Result<usize, Unwritten> {
        let mut released = 0;
        while let Some(pending) = self.queue.front() {
            let Some(outcome) = pending.wait.outcome() else { break };
            let Some(Pending { bytes, then, wait }) = self.queue.pop_front() else { break };
            self.bytes -= bytes;
            self.owed -= usize::from(then.frees_a_place());
            if let Err(error) = outcome {
                return Err(Unwritten { then, error });
            }
            check!(Promise::Ack1, matches!(wait.outcome(), Some(Ok(()))), "an answer leaves after its record is durable");
            released += usize::from(then != Then::Nothing);
            say(then, codec, out);
        }
        Ok(released)
    }

    /// Waits until the fate of the oldest record is known.
    pub async fn settled(&mut self) {
        match self.queue.front_mut().map(|pending| &mut pending.wait) {
            Some(Wait::Record(append)) => drop(append.await),
            Some(Wait::Sum(fate)) => fate.settled().await,
            Some(Wait::Turn) | None => {}
        }
    }

    /// The oldest one waits for a sum, of which the journal's watermark says nothing.
    pub fn waits_for_sum(&self) -> bool {
        matches!(self.queue.front(), Some(Pending { wait: Wait::Sum(_), .. }))
    }
}

fn say(then: Then, codec: &mut Codec, out: &mut BytesMut) {
    match then {
        Then::Nothing => {}
        Then::PubAck { id, reason } => codec.puback(id, reason, out),
        Then::PubRec { id, reason } => codec.pubrec(id, reason, out),
        Then::PubComp { id } => codec.pubcomp(id, Reason::SUCCESS, out),
        Then::PubRel { id } => codec.pubrel(id, Reason::SUCCESS, out),
    }
}
