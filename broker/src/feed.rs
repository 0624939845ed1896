//! The messages that one session, or one share group, is due from the journal.
//!
//! While a feed is live, the dispatcher pushes to it. When its queue is full, or it begins in the past, it is behind: catch-up reads the
//! journal from where it stands until it meets the dispatcher. So a slow subscriber of QoS 1 or 2 loses nothing and costs a
//! bounded queue; what it costs beyond is the journal that its cursor holds back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use domain::Position;
use domain::limits::{FEED_BYTES_MAX, FEED_MESSAGES_MAX};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::change::Subscription;
use crate::filter::matches;
use crate::message::Message;
use crate::packet::Text;

pub struct Feed {
    /// Whose it is; empty for a share group.
    pub client: Text,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    filters: BTreeMap<Text, Subscription>,
    is_live: bool,
    /// In the hands of catch-up.
    is_scheduled: bool,
    /// Everything up to here was matched.
    considered: Position,
    queue: VecDeque<Delivery>,
    queued_bytes: usize,
    /// In the queue or sent, and not answered.
    unanswered: BTreeSet<Position>,
    /// Answered, with something before them unanswered.
    done: BTreeSet<Position>,
    /// Sent on an earlier connection: they keep their ids.
    resend: BTreeMap<Position, u16>,
    /// QoS 0 messages up to here came while nobody was connected.
    absent_until: Position,
    /// Records were trimmed before they could be read.
    is_broken: bool,
    /// An announcement found no room: the state of all topics is due again.
    missed_state: bool,
    members: Vec<Arc<Notify>>,
    turn: usize,
}

/// One message for one session.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub message: Message,
    pub qos: u8,
    pub retain: bool,
    pub identifiers: Vec<u32>,
    /// Set when it was sent before.
    pub id: Option<u16>,
}

impl Delivery {
    /// A share group's message under one member's own subscription.
    pub fn under(&self, own: &Subscription) -> Self {
        Self {
            qos: self.qos.min(own.qos),
            retain: self.retain && own.retain_as_published,
            identifiers: own.identifier.into_iter().collect(),
            ..self.clone()
        }
    }
}

/// What all subscriptions of one session that match a message make of it.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    pub qos: u8,
    pub retain_as_published: bool,
    pub identifiers: Vec<u32>,
}

impl Matched {
    /// `false`: the subscription does not want this message.
    pub fn add(matched: &mut Option<Self>, subscription: &Subscription, own_client: &str, message: &Message) -> bool {
        let own = subscription.no_local && !own_client.is_empty() && message.publish.client == own_client.as_bytes();
        if own || (message.position > Position::START && message.position <= subscription.since) {
            return false;
        }
        let matched = matched.get_or_insert_default();
        matched.qos = matched.qos.max(subscription.qos);
        matched.retain_as_published |= subscription.retain_as_published;
        matched.identifiers.extend(subscription.identifier);
        true
    }
}

/// What a subscriber takes out.
pub enum Taken {
    Message(Box<Delivery>),
    /// The queue is empty, and announcements were missed.
    StateDue,
    Nothing,
}

impl Feed {
    /// A feed that starts behind everything up to `cursor`.
    pub fn new(client: Text, cursor: Position, absent_until: Position) -> Self {
        let inner = Inner { considered: cursor, absent_until, ..Inner::default() };
        Self { client, inner: Mutex::new(inner) }
    }

    /// What an earlier connection left.
    pub fn resume(&self, sent: impl IntoIterator<Item = (u16, Position)>, done: BTreeSet<Position>) {
        let mut inner = self.inner.lock();
        inner.resend = sent.into_iter().map(|(id, position)| (position, id)).collect();
        inner.done = done;
        inner.missed_state = true;
    }

    pub fn subscribe(&self, path: Text, subscription: Subscription) {
        self.inner.lock().filters.insert(path, subscription);
    }

    pub fn unsubscribe(&self, path: &str) {
        self.inner.lock().filters.remove(path);
    }

    pub fn join(&self, member: Arc<Notify>) {
        let mut inner = self.inner.lock();
        inner.members.push(member);
        inner.wake();
    }

    /// The number of members left.
    pub fn leave(&self, member: &Arc<Notify>) -> usize {
        let mut inner = self.inner.lock();
        inner.members.retain(|other| !Arc::ptr_eq(other, member));
        inner.wake();
        inner.members.len()
    }

    /// From the dispatcher, in the order of positions.
    pub fn offer(&self, message: &Message, matched: Matched) {
        let mut inner = self.inner.lock();
        if !inner.is_live {
            return;
        }
        if inner.is_full() {
            inner.is_live = false;
            return;
        }
        inner.considered = message.position;
        inner.push(message, matched);
    }

    /// An announcement: not in the journal, so that what finds no room is made up by the topics' state.
    pub fn announce(&self, message: &Message, matched: Matched) {
        let mut inner = self.inner.lock();
        if inner.is_full() {
            inner.missed_state = true;
        } else {
            inner.push(message, matched);
        }
    }

    /// From catch-up. `false`: no room, it was not taken.
    pub fn consider(&self, message: &Message) -> bool {
        let mut inner = self.inner.lock();
        if inner.is_full() {
            return false;
        }
        let mut matched = None;
        for (path, subscription) in &inner.filters {
            if matches(path, message.publish.topic()) {
                Matched::add(&mut matched, subscription, &self.client, message);
            }
        }
        inner.considered = message.position;
        if let Some(matched) = matched {
            inner.push(&message.detached(), matched);
        }
        true
    }

    /// Nothing up to `position` that was not considered concerns this feed.
    pub fn skip_to(&self, position: Position) {
        let mut inner = self.inner.lock();
        inner.considered = inner.considered.max(position);
    }

    pub fn considered(&self) -> Position {
        self.inner.lock().considered
    }

    /// Becomes live when it stands where the dispatcher stands; called under the dispatcher's lock.
    pub fn go_live(&self, dispatched: Position) -> bool {
        let mut inner = self.inner.lock();
        inner.is_live |= inner.considered >= dispatched && !inner.is_broken;
        inner.is_live
    }

    /// Whether catch-up should take it now; marks it as taken.
    pub fn wants_catch_up(&self) -> bool {
        let mut inner = self.inner.lock();
        let wants = !inner.is_live && !inner.is_scheduled && !inner.is_broken && inner.queue.len() <= FEED_MESSAGES_MAX / 2;
        inner.is_scheduled |= wants;
        wants
    }

    pub fn unschedule(&self) {
        self.inner.lock().is_scheduled = false;
    }

    pub fn mark_broken(&self) {
        let mut inner = self.inner.lock();
        inner.is_broken = true;
        inner.members.iter().for_each(|member| member.notify_one());
    }

    pub fn is_broken(&self) -> bool {
        self.inner.lock().is_broken
    }

    pub fn take(&self) -> Taken {
        let mut inner = self.inner.lock();
        match inner.queue.pop_front() {
            Some(delivery) => {
                inner.queued_bytes -= delivery.message.bytes();
                if !inner.queue.is_empty() && inner.members.len() > 1 {
                    inner.wake();
                }
                Taken::Message(Box::new(delivery))
            }
            None if inner.missed_state && inner.is_live => {
                inner.missed_state = false;
                Taken::StateDue
            }
            None => Taken::Nothing,
        }
    }

    /// The subscriber has it, or will never take it.
    pub fn answered(&self, position: Position) {
        let mut inner = self.inner.lock();
        if inner.unanswered.remove(&position) {
            inner.done.insert(position);
            inner.prune();
        }
    }

    /// A share member left without answering: the others are due it.
    pub fn give_back(&self, mut deliveries: Vec<Delivery>) {
        let mut inner = self.inner.lock();
        deliveries.sort_by_key(|delivery| std::cmp::Reverse(delivery.message.position));
        for delivery in deliveries {
            inner.queued_bytes += delivery.message.bytes();
            inner.queue.push_front(delivery);
        }
        inner.wake();
    }

    /// Ids of an earlier connection whose messages are not sent again yet.
    pub fn reserved(&self) -> BTreeSet<(u16, Position)> {
        self.inner.lock().resend.iter().map(|(&position, &id)| (id, position)).collect()
    }

    pub fn is_reserved(&self, id: u16) -> bool {
        let inner = self.inner.lock();
        !inner.resend.is_empty() && inner.resend.values().any(|&reserved| reserved == id)
    }

    /// Everything up to there is answered.
    pub fn cursor(&self, dispatched: Position) -> Position {
        self.inner.lock().cursor(dispatched)
    }

    /// The cursor, and what is answered behind it.
    pub fn park(&self, dispatched: Position) -> (Position, Vec<Position>) {
        let mut inner = self.inner.lock();
        inner.prune();
        (inner.cursor(dispatched), inner.done.iter().copied().collect())
    }
}

impl Inner {
    fn is_full(&self) -> bool {
        self.queue.len() >= FEED_MESSAGES_MAX || self.queued_bytes >= FEED_BYTES_MAX || self.done.len() >= FEED_MESSAGES_MAX
    }

    fn push(&mut self, message: &Message, matched: Matched) {
        let position = message.position;
        let qos = matched.qos.min(message.publish.qos);
        let came_in_absence = qos == 0 && position > Position::START && position <= self.absent_until;
        if came_in_absence || self.done.contains(&position) {
            return;
        }
        if qos > 0 && position > Position::START {
            self.unanswered.insert(position);
        }
        let retain = matched.retain_as_published && message.publish.retain;
        let id = self.resend.remove(&position);
        self.queued_bytes += message.bytes();
        self.queue.push_back(Delivery { message: message.clone(), qos, retain, identifiers: matched.identifiers, id });
        self.wake();
    }

    /// One member, in turn: a share group's messages go round.
    fn wake(&mut self) {
        if !self.members.is_empty() {
            self.turn = (self.turn + 1) % self.members.len();
            self.members[self.turn].notify_one();
        }
    }

    fn prune(&mut self) {
        match self.unanswered.first() {
            Some(first) => self.done = self.done.split_off(first),
            // What catch-up has still to consider may be done already.
            None if self.is_live => self.done.clear(),
            None => self.done = self.done.split_off(&self.considered.next()),
        }
    }

    fn cursor(&self, dispatched: Position) -> Position {
        match self.unanswered.first() {
            Some(first) => Position(first.0 - 1),
            None if self.is_live => dispatched.max(self.considered),
            None => self.considered,
        }
    }
}

#[cfg(test)]
mod tests;
