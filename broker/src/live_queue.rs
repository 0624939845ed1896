//! QoS 0 messages that wait for one subscriber's socket. Bounded for each subscriber and for all together: whoever does not read is
//! disconnected and told, and neither a message is skipped in silence nor does memory grow.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::limits::{LIVE_QUEUE_MESSAGES_MAX, LIVE_QUEUE_SHARE_BYTES, LIVE_QUEUES_BYTES_MAX};

use crate::engine::Cut;
use crate::message::Message;

pub struct LiveQueue {
    messages: VecDeque<Message>,
    bytes: usize,
    bytes_max: usize,
    /// Bytes in all queues.
    all: Arc<AtomicUsize>,
}

impl LiveQueue {
    pub fn new(bytes_max: usize, all: Arc<AtomicUsize>) -> Self {
        Self { messages: VecDeque::new(), bytes: 0, bytes_max, all }
    }

    /// `Err` when too much waits, with the number of messages that are dropped with the subscriber.
    pub fn push(&mut self, message: Message) -> Result<(), Cut> {
        let bytes = message.bytes();
        self.bytes += bytes;
        let all = self.all.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.messages.push_back(message);
        let is_over = self.messages.len() > LIVE_QUEUE_MESSAGES_MAX
            || self.bytes > self.bytes_max
            || (all > LIVE_QUEUES_BYTES_MAX && self.bytes > LIVE_QUEUE_SHARE_BYTES);
        if is_over { Err(Cut::Lagged(self.messages.len() as u64)) } else { Ok(()) }
    }

    pub fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.bytes();
        self.all.fetch_sub(message.bytes(), Ordering::Relaxed);
        // A burst leaves no room behind.
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
        }
        Some(message)
    }
}

impl Drop for LiveQueue {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::record::{Publish, Source};
    use domain::{Position, Timestamp};

    use super::*;

    fn message(bytes: usize) -> Message {
        let publish = Publish::new(Source::Mqtt, "t", Bytes::from(vec![0; bytes]));
        Message { position: Position::START, received_at: Timestamp::UNIX_EPOCH, publish }
    }

    #[test]
    fn what_waits_is_bounded_for_one_and_for_all() {
        let all = Arc::new(AtomicUsize::new(0));
        let mut queue = LiveQueue::new(10_000, all.clone());
        assert_eq!(queue.push(message(6_000)), Ok(()));
        assert_eq!(queue.push(message(6_000)), Err(Cut::Lagged(2)));
        let mut greedy = LiveQueue::new(usize::MAX, all.clone());
        all.fetch_add(LIVE_QUEUES_BYTES_MAX, Ordering::Relaxed);
        let mut modest = LiveQueue::new(usize::MAX, all.clone());
        assert_eq!(modest.push(message(1_000)), Ok(()));
        assert_eq!(greedy.push(message(LIVE_QUEUE_SHARE_BYTES)), Err(Cut::Lagged(1)));
        assert!(queue.pop().is_some());
        drop((queue, greedy, modest));
        assert_eq!(all.load(Ordering::Relaxed), LIVE_QUEUES_BYTES_MAX);
    }
}
