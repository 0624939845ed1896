//! The newest durable records in memory, as the chunks they were written in: what a tail that keeps up reads.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::{Position, Timestamp};

use crate::frame;

pub(crate) struct Hot {
    chunks: VecDeque<HotChunk>,
    bytes: usize,
    bytes_max: usize,
}

struct HotChunk {
    first: Position,
    last: Position,
    frames: Bytes,
    /// Memory that it holds, which may be more than its frames.
    held: usize,
}

impl Hot {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { chunks: VecDeque::new(), bytes: 0, bytes_max }
    }

    /// Adds the records that follow the newest here; the oldest leave beyond the limit.
    pub(crate) fn push(&mut self, first: Position, last: Position, frames: Bytes, held: usize) {
        self.chunks.push_back(HotChunk { first, last, frames, held });
        self.bytes += held;
        while self.bytes > self.bytes_max {
            match self.chunks.pop_front() {
                Some(oldest) => self.bytes -= oldest.held,
                None => break,
            }
        }
    }

    /// The frames from `position` to the end of its chunk; `None` when it has left.
    pub(crate) fn from(&self, position: Position) -> Option<Bytes> {
        let at = self.chunks.partition_point(|chunk| chunk.last < position);
        let chunk = self.chunks.get(at).filter(|chunk| chunk.first <= position)?;
        Some(skip_to(chunk.frames.clone(), position))
    }

    pub(crate) fn received_at(&self, position: Position) -> Option<Timestamp> {
        self.from(position).map(|frames| frame::received_at_of(&frames))
    }
}

/// Drops the frames before `position`.
pub(crate) fn skip_to(mut frames: Bytes, position: Position) -> Bytes {
    let mut at = 0;
    while at < frames.len() && frame::position_of(&frames[at..]) < position {
        at += frame::length_with_head(&frames[at..]);
    }
    frames.split_off(at)
}
