//! The subscribing side of one client: what it is sent, what it has not answered, and what is left when it goes.
//!
//! Messages come from its own feed and the share groups it is in (QoS 1 and 2, from the journal), from the live engine (QoS 0) and from
//! the retained messages that a subscription is due. A QoS 2 message of a lasting session is sent only once its packet id is
//! durable, so that it keeps its id whatever dies and arrives exactly once.

mod retained_due;
mod subscribing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::BytesMut;
use domain::Position;
use domain::limits::{CONNECTION_OUTPUT_BYTES_MAX, FEED_BYTES_MAX, SUBSCRIBER_WINDOW_MAX};
use hashbrown::{HashMap, HashSet};
use journal::{Append, AppendError};
use metrics::counter;
use tokio::sync::Notify;

use crate::acks::{Acks, Then};
use crate::change::{Change, Subscription};
use crate::codec::Codec;
use crate::durable::Kept;
use crate::engine::{Cut, Link};
use crate::feed::{Delivery, Feed, Taken};
use crate::filter::{Filter, matches};
use crate::hub::Hub;
use crate::live_queue::LiveQueue;
use crate::message::Message;
use crate::metrics::{DROPPED, Tally};
use crate::packet::{Publish, Reason, Text};
use crate::subscriber::retained_due::RetainedDue;

pub struct Subscriber {
    hub: Arc<Hub>,
    client: Text,
    /// Nobody in particular: private topics are not for it.
    is_anonymous: bool,
    window: usize,
    /// The session outlives the connection.
    is_lasting: bool,
    /// It must miss nothing.
    is_required: bool,
    /// Something may be due.
    pub wake: Arc<Notify>,
    filters: BTreeMap<Text, Subscribed>,
    own: Arc<Feed>,
    shares: Vec<Share>,
    pub live: Option<Link>,
    live_queue: LiveQueue,
    retained: RetainedDue,
    inflight: HashMap<u16, Inflight>,
    /// Bytes of share groups' messages among them, which are kept to be given back.
    shared_bytes: usize,
    /// QoS 2 ids from PUBREC to PUBCOMP.
    received: HashSet<u16>,
    last_id: u16,
    held: VecDeque<Held>,
    staged: BytesMut,
    staged_ids: Vec<(u16, Position)>,
}

struct Subscribed {
    filter: Filter,
    subscription: Subscription,
}

struct Share {
    text: Text,
    feed: Arc<Feed>,
}

/// Sent and not answered.
struct Inflight {
    qos: u8,
    origin: Origin,
}

impl Inflight {
    fn shared_bytes(&self) -> usize {
        if let Origin::Share(_, delivery) = &self.origin { delivery.message.bytes() } else { 0 }
    }
}

enum Origin {
    Own(Position),
    /// Given back when the client leaves without an answer.
    Share(Arc<Feed>, Box<Delivery>),
    Retained(Text),
}

/// Packets that wait until their ids are durable, and all that come behind them.
struct Held {
    append: Option<Append>,
    packets: BytesMut,
}

/// What a subscriber is told apart from its messages.
pub struct Terms {
    pub client: Text,
    pub is_anonymous: bool,
    pub receive_max: u16,
    pub is_lasting: bool,
}

impl Subscriber {
    pub fn new(hub: Arc<Hub>, terms: Terms, resumed: Option<&Kept>) -> Self {
        let Terms { client, is_anonymous, receive_max, is_lasting } = terms;
        let wake = Arc::new(Notify::new());
        let cursor = resumed.map_or(Position::START, |kept| kept.cursor);
        let is_required = is_lasting && hub.options.is_required(&client);
        // Of QoS 0 others get what comes while they are connected.
        let absent_until = if is_required { Position::START } else { hub.routes.dispatched() };
        let own = Arc::new(Feed::new(client.clone(), cursor, absent_until));
        own.join(wake.clone());
        let live_queue = LiveQueue::new(hub.options.live_queue_bytes_max, hub.live_queued.clone());
        Self {
            hub,
            client,
            is_anonymous,
            window: usize::from(receive_max.min(SUBSCRIBER_WINDOW_MAX)),
            is_lasting,
            is_required,
            wake,
            filters: BTreeMap::new(),
            own,
            shares: Vec::new(),
            live: None,
            live_queue,
            retained: RetainedDue::default(),
            inflight: HashMap::new(),
            shared_bytes: 0,
            received: HashSet::new(),
            last_id: 0,
            held: VecDeque::new(),
            staged: BytesMut::new(),
            staged_ids: Vec::new(),
        }
    }

    /// Nothing was ever subscribed: the connection need not look.
    pub fn is_idle(&self) -> bool {
        self.filters.is_empty() && self.inflight.is_empty() && self.held.is_empty() && self.received.is_empty()
    }

    pub fn waits_for_disk(&self) -> bool {
        !self.held.is_empty()
    }

    /// Its messages were trimmed before it could be sent them: the session cannot go on.
    pub fn is_broken(&self) -> bool {
        self.own.is_broken()
    }

    /// Writes what is due and fits into window and output.
    pub fn pump(&mut self, codec: &mut Codec, out: &mut BytesMut, tally: &mut Tally) -> Result<(), AppendError> {
        if self.is_idle() {
            return Ok(());
        }
        self.let_go(out)?;
        self.pump_live(codec, out, tally);
        while out.len() + self.staged.len() < CONNECTION_OUTPUT_BYTES_MAX
            && self.inflight.len() + self.received.len() < self.window
        {
            let Some((delivery, origin)) = self.next_due() else { break };
            self.send(delivery, origin, codec, out, tally);
        }
        self.hub.catch_up.offer(&self.own);
        for share in &self.shares {
            self.hub.catch_up.offer(&share.feed);
        }
        self.hold_staged();
        self.let_go(out)
    }

    fn next_due(&mut self) -> Option<(Delivery, Origin)> {
        loop {
            match self.own.take() {
                Taken::Message(delivery) => {
                    let position = delivery.message.position;
                    return Some((*delivery, Origin::Own(position)));
                }
                Taken::StateDue => self.state_due(),
                Taken::Nothing => break,
            }
        }
        // A member that does not answer holds no more than any other subscriber; the others go on.
        let shares = if self.shared_bytes < FEED_BYTES_MAX { &self.shares[..] } else { &[] };
        for share in shares {
            if let Taken::Message(delivery) = share.feed.take() {
                let own = self.filters.get(&share.text).map(|own| own.subscription).unwrap_or_default();
                return Some((delivery.under(&own), Origin::Share(share.feed.clone(), delivery)));
            }
        }
        self.retained.next().map(|(delivery, filter)| (delivery, Origin::Retained(filter)))
    }

    fn send(&mut self, delivery: Delivery, origin: Origin, codec: &mut Codec, out: &mut BytesMut, tally: &mut Tally) {
        let Delivery { message, qos, retain, identifiers, id: former } = delivery;
        if self.is_anonymous && self.hub.options.is_private(message.publish.topic()) {
            return self.complete(origin);
        }
        let Some(properties) = message.properties(self.hub.clock.now()) else {
            self.hub.meters.expired.increment(1);
            return self.complete(origin);
        };
        let id = if qos == 0 { 0 } else { former.unwrap_or_else(|| self.free_id()) };
        let needs_record =
            qos == 2 && self.is_lasting && former.is_none() && matches!(origin, Origin::Own(p) if p > Position::START);
        let publish = Publish {
            dup: former.is_some(),
            qos,
            retain,
            topic: Text::try_from(message.publish.topic_bytes().clone()).unwrap_or_default(),
            id,
            alias: None,
            payload: message.publish.payload.clone(),
            properties,
            subscriptions: identifiers,
        };
        let to_staged = needs_record || !self.staged.is_empty() || !self.held.is_empty();
        let target = if to_staged { &mut self.staged } else { out };
        if !codec.publish(publish, target) {
            counter!(DROPPED, "cause" => "packet_max").increment(1);
            return self.complete(origin);
        }
        tally.deliveries[usize::from(qos)] += 1;
        if qos == 0 {
            return self.complete(origin);
        }
        if needs_record {
            self.staged_ids.push((id, message.position));
        }
        let inflight = Inflight { qos, origin };
        self.shared_bytes += inflight.shared_bytes();
        self.inflight.insert(id, inflight);
    }

    /// A message of the live engine waits for the socket; `Err` when too many do.
    pub fn queue_live(&mut self, message: Message) -> Result<(), Cut> {
        self.live_queue.push(message)
    }

    fn pump_live(&mut self, codec: &mut Codec, out: &mut BytesMut, tally: &mut Tally) {
        while out.len() + self.staged.len() < CONNECTION_OUTPUT_BYTES_MAX {
            let Some(message) = self.live_queue.pop() else { break };
            self.send_live(message, codec, out, tally);
        }
    }

    fn send_live(&mut self, message: Message, codec: &mut Codec, out: &mut BytesMut, tally: &mut Tally) {
        let (mut wanted, mut retain_as_published, mut identifiers) = (false, false, Vec::new());
        for Subscribed { filter, subscription } in self.filters.values() {
            let own = subscription.no_local && message.publish.client == self.client.as_bytes();
            let is_live = subscription.qos == 0 && filter.share.is_none();
            if is_live && !own && matches(&filter.path, message.publish.topic()) {
                wanted = true;
                retain_as_published |= subscription.retain_as_published;
                identifiers.extend(subscription.identifier);
            }
        }
        if wanted {
            let retain = message.publish.retain && retain_as_published;
            let delivery = Delivery { message, qos: 0, retain, identifiers, id: None };
            self.send(delivery, Origin::Own(Position::START), codec, out, tally);
        }
    }

    /// An unused id. The window is far smaller than the ids, so there is one.
    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.inflight.contains_key(&self.last_id)
                && !self.received.contains(&self.last_id)
                && !self.own.is_reserved(self.last_id)
            {
                return self.last_id;
            }
        }
    }

    fn hold_staged(&mut self) {
        if self.staged.is_empty() {
            return;
        }
        let ids = std::mem::take(&mut self.staged_ids);
        let append = (!ids.is_empty()).then(|| self.hub.store.change(Change::Sent { client: self.client.clone(), ids }));
        self.held.push_back(Held { append, packets: self.staged.split() });
    }

    /// Moves what is durable by now to the output.
    fn let_go(&mut self, out: &mut BytesMut) -> Result<(), AppendError> {
        while let Some(held) = self.held.front() {
            match held.append.as_ref().map(Append::outcome) {
                Some(None) => break,
                Some(Some(Err(error))) => return Err(error),
                Some(Some(Ok(_))) | None => {}
            }
            if let Some(held) = self.held.pop_front() {
                out.unsplit(held.packets);
            }
        }
        Ok(())
    }

    pub fn puback(&mut self, id: u16) {
        if self.inflight.get(&id).is_some_and(|inflight| inflight.qos == 1)
            && let Some(inflight) = self.take_inflight(id)
        {
            self.complete(inflight.origin);
        }
    }

    /// `Some`: an answer that need not wait.
    pub fn pubrec(&mut self, id: u16, refused: bool, acks: &mut Acks) -> Option<Reason> {
        if self.received.contains(&id) {
            return Some(Reason::SUCCESS);
        }
        if self.inflight.get(&id).is_none_or(|inflight| inflight.qos != 2) {
            return Some(Reason::PACKET_ID_NOT_FOUND);
        }
        let inflight = self.take_inflight(id)?;
        self.complete(inflight.origin);
        let client = self.client.clone();
        if refused {
            if self.is_lasting {
                let _unawaited = self.hub.store.change(Change::Completed { client, ids: vec![id] });
            }
            return None;
        }
        self.received.insert(id);
        if !self.is_lasting {
            return Some(Reason::SUCCESS);
        }
        let append = self.hub.store.change(Change::Received { client, ids: vec![id] });
        acks.push(Some(append), 0, Then::PubRel { id });
        None
    }

    pub fn pubcomp(&mut self, id: u16) {
        if self.received.remove(&id) && self.is_lasting {
            // Lost with a crash, it costs one more PUBREL.
            let _unawaited = self.hub.store.change(Change::Completed { client: self.client.clone(), ids: vec![id] });
        }
    }

    fn take_inflight(&mut self, id: u16) -> Option<Inflight> {
        let inflight = self.inflight.remove(&id)?;
        self.shared_bytes -= inflight.shared_bytes();
        Some(inflight)
    }

    fn complete(&mut self, origin: Origin) {
        match origin {
            Origin::Own(position) => self.own.answered(position),
            Origin::Share(feed, delivery) => feed.answered(delivery.message.position),
            Origin::Retained(filter) => {
                if self.retained.answered(&filter) && self.is_lasting && self.is_retained_due(&filter) {
                    let done = Change::RetainedDone { client: self.client.clone(), filter };
                    let _unawaited = self.hub.store.change(done);
                }
            }
        }
    }

    fn is_retained_due(&self, filter: &str) -> bool {
        self.filters.get(filter).is_some_and(|subscribed| subscribed.subscription.retained_due)
    }

    /// The state of all topics that the server announces, instead of announcements that were missed.
    fn state_due(&mut self) {
        for (text, Subscribed { filter, subscription }) in &self.filters {
            if subscription.qos > 0 && filter.share.is_none() {
                let state =
                    self.hub.routes.retained(&filter.path).into_iter().filter(|message| message.position == Position::START);
                self.retained.add(text.clone(), *subscription, state.collect());
            }
        }
    }
}
