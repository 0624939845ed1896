//! Subscribing, unsubscribing, coming back and leaving.
//!
//! What a lasting session subscribes is durable before the SUBACK, and everything that was acknowledged before the SUBSCRIBE came has
//! been handed out by then: a client that publishes, subscribes and asks for retained messages finds its own.

use std::collections::BTreeSet;

use bytes::BytesMut;
use domain::Position;
use domain::access::Principal;
use domain::limits::SUBSCRIPTIONS_BYTES_MAX;
use metrics::counter;
use tracing::warn;

use super::{Filter, Hub, Origin, Share, Subscribed, Subscriber, Text};
use crate::change::{Change, Subscription};
use crate::codec::Codec;
use crate::durable::{Kept, SUBSCRIPTION_BYTES};
use crate::feed::Delivery;
use crate::filter::overlap;
use crate::limit::Limit;
use crate::metrics::SUBSCRIBES_REFUSED;
use crate::packet::{Reason, Subscribe, SubscribeOptions};
use crate::routes::{Target, WithRetained};

/// A subscription that was granted.
struct Granted {
    text: Text,
    subscribed: Subscribed,
    retained: WithRetained,
}

impl Subscriber {
    /// Answers a SUBSCRIBE. `Err`: the connection ends with that reason.
    pub async fn subscribe(
        &mut self,
        subscribe: Subscribe,
        principal: &Principal,
        codec: &mut Codec,
        out: &mut BytesMut,
    ) -> Result<(), Reason> {
        let mut reasons = Vec::with_capacity(subscribe.filters.len());
        let mut granted = Vec::new();
        for (text, options) in subscribe.filters {
            match self.grant(text, options, subscribe.identifier, principal, &granted)? {
                Ok(grant) => {
                    reasons.push(Reason(grant.subscribed.subscription.qos));
                    granted.push(grant);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        let durable_until = self.keep(&mut granted).await?;
        self.hub.routes.reached(durable_until).await;
        // The SUBACK goes out before the first message under it.
        codec.suback(subscribe.id, &reasons, out);
        for grant in granted {
            self.begin(grant).await?;
        }
        Ok(())
    }

    fn grant(
        &self,
        text: Text,
        options: SubscribeOptions,
        identifier: Option<u32>,
        principal: &Principal,
        granted: &[Granted],
    ) -> Result<Result<Granted, Reason>, Reason> {
        let Some(filter) = Filter::parse(&text) else { return Ok(Err(Reason::TOPIC_FILTER_INVALID)) };
        if filter.share.is_some() && options.no_local {
            return Err(Reason::PROTOCOL_ERROR);
        }
        if !self.is_granted(principal, &filter) {
            return Ok(Err(Reason::NOT_AUTHORISED));
        }
        let former = self.filters.get(&text);
        if former.is_none()
            && granted.iter().all(|grant| grant.text != text)
            && let Some(limit) = self.limit_of_another(&text, granted)
        {
            limit.reached();
            warn!(client = %self.client, filter = %text, limit = limit.name(), "subscription refused: a limit is reached");
            return Ok(Err(limit.reason()));
        }
        let mut subscription = Subscription::new(options, identifier);
        subscription.since = former.map_or(self.first_since(), |former| former.subscription.since);
        if filter.share.is_some() {
            // A message of a group goes to another member when one leaves; exactly once cannot be kept then.
            subscription.qos = subscription.qos.min(1);
        }
        let wants =
            filter.share.is_none() && (options.retain_handling == 0 || (options.retain_handling == 1 && former.is_none()));
        let retained = if wants { WithRetained::Yes } else { WithRetained::No };
        // A copy: a slice would keep the read buffer.
        let text = Text::from(&*text);
        Ok(Ok(Granted { text, subscribed: Subscribed { filter, subscription }, retained }))
    }

    /// The limit that one more subscription is over.
    fn limit_of_another(&self, text: &Text, granted: &[Granted]) -> Option<Limit> {
        let new = || granted.iter().map(|grant| &grant.text).filter(|text| !self.filters.contains_key(*text));
        let bytes: usize = self.filters.keys().chain(new()).map(|filter| filter.len()).sum();
        if self.filters.len() + new().count() >= self.hub.options.subscriptions_max
            || bytes + text.len() > SUBSCRIPTIONS_BYTES_MAX
        {
            return Some(Limit::Subscriptions);
        }
        let more = text.len() + SUBSCRIPTION_BYTES;
        let is_full = || self.hub.store.is_full(more, self.hub.options.session_store_bytes_max);
        (self.is_lasting && is_full()).then_some(Limit::SessionStore)
    }

    /// Since when a new subscription counts: since now, of a required session's first ones since the session was named.
    fn first_since(&self) -> Position {
        match self.is_required && self.filters.is_empty() {
            true => self.own.considered(),
            false => Position::START,
        }
    }

    /// Of a share group's messages none can be left out for one member: the group would miss it.
    fn is_private(&self, filter: &Filter) -> bool {
        let options = &self.hub.options;
        let is_met = || options.private_topics.iter().any(|private| overlap(private.as_str(), &filter.path));
        options.is_private(&filter.path) || (filter.share.is_some() && is_met())
    }

    fn is_granted(&self, principal: &Principal, filter: &Filter) -> bool {
        let is_private = *principal == Principal::Anonymous && self.is_private(filter);
        let path = &*filter.path;
        let granted = !is_private && self.hub.authority.may_subscribe(principal, path);
        if !granted {
            counter!(SUBSCRIBES_REFUSED).increment(1);
            warn!(client = %self.client, filter = %path, "subscription refused: not authorised");
        }
        granted
    }

    /// Keeps a lasting session's new subscriptions; returns what has to be handed out before they begin.
    async fn keep(&self, granted: &mut [Granted]) -> Result<Position, Reason> {
        let mut until = self.hub.journal.head();
        if !self.is_lasting {
            return Ok(until);
        }
        let mut appends = Vec::with_capacity(granted.len());
        for Granted { text, subscribed: Subscribed { filter, subscription }, retained } in granted {
            let wants = *retained == WithRetained::Yes && subscription.qos > 0;
            subscription.retained_due = wants && !self.hub.routes.retained(&filter.path).is_empty();
            let (client, filter) = (self.client.clone(), text.clone());
            appends.push(self.hub.store.change(Change::Subscribed { client, filter, subscription: *subscription }));
        }
        for append in appends {
            until = until.max(append.await.map_err(|_| Reason::QUOTA_EXCEEDED)?);
        }
        Ok(until)
    }

    async fn begin(&mut self, grant: Granted) -> Result<(), Reason> {
        let Granted { text, subscribed, retained } = grant;
        let Subscribed { filter, subscription } = &subscribed;
        let former = self.filters.get(&text).map(|former| former.subscription.qos);
        if filter.share.is_some() {
            if former.is_none() {
                self.join(text.clone(), &filter.path);
            }
            self.filters.insert(text, subscribed);
            return Ok(());
        }
        let target = if subscription.qos > 0 {
            self.hub.online.enter(&self.own);
            Target::Feed(self.own.clone())
        } else {
            Target::Live(self.link(&filter.path, former == Some(0)).await?)
        };
        if former.is_some_and(|former| (former == 0) != (subscription.qos == 0)) {
            self.end_path(&text);
        }
        let messages = self.hub.routes.subscribe(&filter.path, *subscription, target, retained);
        self.retained.forget(&text);
        self.retained.add(text.clone(), *subscription, messages);
        self.filters.insert(text, subscribed);
        self.wake.notify_one();
        Ok(())
    }

    /// The meter of the live link, which from now on is subscribed to `path`.
    async fn link(&mut self, path: &str, is_subscribed: bool) -> Result<std::sync::Arc<crate::meter::Meter>, Reason> {
        if self.live.is_none() {
            self.live = self.hub.engine.link().await;
        }
        let link = self.live.as_mut().ok_or(Reason::SERVER_UNAVAILABLE)?;
        if !is_subscribed {
            self.hub.engine.subscribe(link, path).await;
        }
        Ok(link.meter.clone())
    }

    fn join(&mut self, text: Text, path: &Text) {
        let feed = self.hub.online.join_share(&self.hub, &text, path);
        feed.join(self.wake.clone());
        self.shares.push(Share { text, feed });
    }

    /// Answers an UNSUBSCRIBE.
    pub async fn unsubscribe(
        &mut self,
        id: u16,
        filters: Vec<Text>,
        codec: &mut Codec,
        out: &mut BytesMut,
    ) -> Result<(), Reason> {
        let mut reasons = Vec::with_capacity(filters.len());
        for text in filters {
            if !self.filters.contains_key(&text) {
                reasons.push(Reason::NO_SUBSCRIPTION);
                continue;
            }
            if self.is_lasting {
                let change = Change::Unsubscribed { client: self.client.clone(), filter: Text::from(&*text) };
                self.hub.store.change(change).await.map_err(|_| Reason::QUOTA_EXCEEDED)?;
            }
            self.end_path(&text);
            self.retained.forget(&text);
            self.filters.remove(&text);
            reasons.push(Reason::SUCCESS);
        }
        codec.unsuback(id, &reasons, out);
        Ok(())
    }

    /// Ends what a filter brings, but not that it is known.
    fn end_path(&mut self, text: &Text) {
        let Some(Subscribed { filter, subscription }) = self.filters.get(text) else { return };
        if filter.share.is_some() {
            if let Some(at) = self.shares.iter().position(|share| share.text == *text) {
                let share = self.shares.swap_remove(at);
                self.leave_share(share);
            }
        } else if subscription.qos > 0 {
            self.hub.routes.unsubscribe(&filter.path, &Target::Feed(self.own.clone()));
        } else if let Some(link) = &mut self.live {
            self.hub.routes.unsubscribe(&filter.path, &Target::Live(link.meter.clone()));
            self.hub.engine.unsubscribe(link, &filter.path);
        }
    }

    fn leave_share(&mut self, share: Share) {
        let is_of_it = |origin: &Origin| matches!(origin, Origin::Share(feed, _) if std::sync::Arc::ptr_eq(feed, &share.feed));
        let unanswered: Vec<_> = self.inflight.extract_if(|_, inflight| is_of_it(&inflight.origin)).collect();
        self.shared_bytes -= unanswered.iter().map(|(_, inflight)| inflight.shared_bytes()).sum::<usize>();
        let given_back: Vec<Delivery> = unanswered
            .into_iter()
            .filter_map(|(_, inflight)| match inflight.origin {
                Origin::Share(_, delivery) => Some(*delivery),
                _ => None,
            })
            .collect();
        share.feed.give_back(given_back);
        self.hub.online.leave_share(&self.hub, &share.text, &share.feed, &self.wake);
    }

    /// Takes up what an earlier connection left; writes the PUBRELs that are open.
    pub async fn resume(
        &mut self,
        kept: &Kept,
        principal: &Principal,
        codec: &mut Codec,
        out: &mut BytesMut,
    ) -> Result<(), Reason> {
        for &id in &kept.received {
            self.received.insert(id);
            codec.pubrel(id, Reason::SUCCESS, out);
        }
        let sent = kept.sent.iter().map(|(&id, &position)| (id, position));
        self.own.resume(sent, kept.done.clone());
        for (text, subscription) in &kept.subscriptions {
            let Some(filter) = Filter::parse(text) else { continue };
            // What was granted when it was subscribed may have been taken back since.
            if !self.is_granted(principal, &filter) {
                let change = Change::Unsubscribed { client: self.client.clone(), filter: text.clone() };
                self.hub.store.change(change).await.map_err(|_| Reason::QUOTA_EXCEEDED)?;
                continue;
            }
            let retained = if subscription.retained_due { WithRetained::Yes } else { WithRetained::No };
            let subscribed = Subscribed { filter, subscription: *subscription };
            self.begin(Granted { text: text.clone(), subscribed, retained }).await?;
        }
        Ok(())
    }

    /// Gives everything back; a lasting session's unanswered messages are kept with their ids.
    pub fn leave(&mut self, expiry_s: u32) {
        for share in std::mem::take(&mut self.shares) {
            self.leave_share(share);
        }
        for (text, Subscribed { filter, subscription }) in &self.filters {
            let target = match (&self.live, subscription.qos) {
                _ if filter.share.is_some() => continue,
                (Some(link), 0) => Target::Live(link.meter.clone()),
                (None, 0) => continue,
                _ => Target::Feed(self.own.clone()),
            };
            tracing::trace!(client = %self.client, filter = %text, "subscription ends with its connection");
            self.hub.routes.unsubscribe(&filter.path, &target);
        }
        self.live = None;
        let (cursor, done) = self.own.park(self.hub.routes.dispatched());
        self.hub.online.leave(&self.client);
        if !self.is_lasting {
            return;
        }
        self.park(cursor, done);
        let closed = Change::Closed { client: self.client.clone(), expiry_s };
        let _unawaited = self.hub.store.change(closed);
    }

    fn park(&self, cursor: Position, done: Vec<Position>) {
        if self.filters.is_empty() {
            return;
        }
        let mut sent: BTreeSet<(u16, Position)> = self.own.reserved();
        for (&id, inflight) in &self.inflight {
            if let Origin::Own(position) = inflight.origin
                && position > Position::START
            {
                sent.insert((id, position));
            }
        }
        let client = self.client.clone();
        let parked = Change::Parked { client, cursor, sent: sent.into_iter().collect(), done };
        let _unawaited = self.hub.store.change(parked);
    }
}

impl Hub {
    /// The text under which a share group's cursor is kept.
    pub fn share_cursor(&self, text: &str) -> Option<Position> {
        self.store.read(|durable| durable.shares.get(text).copied())
    }
}
