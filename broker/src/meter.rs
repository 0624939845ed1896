//! What one live subscriber should have got and did get.
//!
//! The engine gives no back-pressure and no account of what it overwrote; counting both sides of it gives both. Written by the
//! dispatcher and by the subscriber's connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::limits::LIVE_LAG_BYTES_MAX;
use tokio::sync::Notify;

use crate::message::Message;

#[derive(Default)]
pub struct Meter {
    expected: AtomicU64,
    expected_bytes: AtomicU64,
    got: AtomicU64,
    got_bytes: AtomicU64,
    is_cut: AtomicBool,
    /// Told when it is cut off.
    cut: Notify,
    /// The dispatcher waits for it, at `drained`.
    is_awaited: AtomicBool,
    drained: Arc<Notify>,
}

impl Meter {
    /// `drained` is told when the subscriber has caught up while it is awaited.
    pub fn new(drained: Arc<Notify>) -> Self {
        Self { drained, ..Self::default() }
    }

    /// Counts a message that is about to be fed. `false`: the subscriber is cut off.
    pub fn expect(&self, message: &Message) -> bool {
        self.expected.fetch_add(1, Ordering::Relaxed);
        self.expected_bytes.fetch_add(message.bytes() as u64, Ordering::Relaxed);
        !self.is_cut()
    }

    pub fn got(&self, message: &Message) {
        self.got.fetch_add(1, Ordering::Relaxed);
        self.got_bytes.fetch_add(message.bytes() as u64, Ordering::Relaxed);
        self.tell_drained();
    }

    /// Messages that are on their way.
    pub fn missing(&self) -> u64 {
        self.expected.load(Ordering::Relaxed).saturating_sub(self.got.load(Ordering::Relaxed))
    }

    pub fn lags(&self) -> bool {
        let got = self.got_bytes.load(Ordering::Relaxed);
        !self.is_cut() && self.expected_bytes.load(Ordering::Relaxed).saturating_sub(got) > LIVE_LAG_BYTES_MAX
    }

    /// What is expected now never comes: its filter is gone, or its subscriber.
    pub fn settle(&self) {
        self.got.fetch_max(self.expected.load(Ordering::Relaxed), Ordering::Relaxed);
        self.got_bytes.fetch_max(self.expected_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        self.tell_drained();
    }

    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.cut.notify_one();
        self.tell_drained();
    }

    pub fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    pub async fn until_cut(&self) {
        self.cut.notified().await;
    }

    pub fn await_it(&self) {
        self.is_awaited.store(true, Ordering::SeqCst);
    }

    pub fn no_longer_await_it(&self) {
        self.is_awaited.store(false, Ordering::Relaxed);
    }

    fn tell_drained(&self) {
        if self.is_awaited.load(Ordering::SeqCst) && !self.lags() {
            self.drained.notify_one();
        }
    }
}
