//! Retained messages that subscriptions are due: sent as the window allows, never cut short.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::change::Subscription;
use crate::feed::Delivery;
use crate::message::Message;
use crate::packet::Text;

#[derive(Default)]
pub struct RetainedDue {
    due: VecDeque<Due>,
    /// Messages of a filter that are due or unanswered.
    left: HashMap<Text, usize>,
}

struct Due {
    filter: Text,
    subscription: Subscription,
    messages: VecDeque<Arc<Message>>,
}

impl RetainedDue {
    pub fn add(&mut self, filter: Text, subscription: Subscription, messages: Vec<Arc<Message>>) {
        if !messages.is_empty() {
            *self.left.entry(filter.clone()).or_default() += messages.len();
            self.due.push_back(Due { filter, subscription, messages: messages.into() });
        }
    }

    pub fn next(&mut self) -> Option<(Delivery, Text)> {
        loop {
            let due = self.due.front_mut()?;
            let Some(message) = due.messages.pop_front() else {
                self.due.pop_front();
                continue;
            };
            let delivery = Delivery {
                message: (*message).clone(),
                qos: due.subscription.qos.min(message.publish.qos),
                // A message that is sent because it is retained says so, whatever the subscription's options.
                retain: true,
                identifiers: due.subscription.identifier.into_iter().collect(),
                id: None,
            };
            return Some((delivery, due.filter.clone()));
        }
    }

    /// `true` when that was the filter's last one.
    pub fn answered(&mut self, filter: &Text) -> bool {
        let Some(left) = self.left.get_mut(filter) else { return false };
        *left -= 1;
        let is_last = *left == 0;
        if is_last {
            self.left.remove(filter);
        }
        is_last
    }

    pub fn forget(&mut self, filter: &str) {
        self.due.retain(|due| due.filter != *filter);
        self.left.remove(filter);
    }
}
