//! What is published for a client that went without a word (MQTT 5, 3.1.2.5).
//!
//! A will is durable while its client is connected: after a crash it goes out, too, once its client had a moment to come back. It is
//! journaled like any publish; kept until then, so that dying in between sends it twice rather than never.

use std::time::Duration;

use domain::Reason as Rejected;
use domain::limits::WILL_GRACE;
use domain::record::{Publish, Source, kind};
use domain::topic::Route;
use hashbrown::HashMap;
use journal::Append;
use metrics::counter;
use parking_lot::Mutex;

use crate::change::{Change, KeptWill};
use crate::hub::Hub;
use crate::metrics::WILLS;
use crate::packet::{Connect, Text, Will};
use crate::properties::Kept;
use crate::refusal::Refusal;

/// Wills that wait for their delay, by client: due at that time of `Clock::elapsed`.
#[derive(Default)]
pub struct Wills(Mutex<HashMap<Text, Duration>>);

/// Whether a connection goes on with the session that a will belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    Resumed,
    Begun,
}

impl Hub {
    /// A client connects: its former will is silenced or sent, and the new one kept. `None`: there is nothing to wait for.
    pub fn will_of_connect(&self, client: &Text, connect: &Connect, session: Session, expiry_s: u32) -> Option<Append> {
        self.wills.0.lock().remove(client);
        let former = self.store.read(|durable| durable.wills.get(client).cloned());
        if let (Some(former), Session::Begun) = (&former, session) {
            let _unawaited = self.publish_will(client, former);
        }
        let will = connect.will.as_ref().map(|will| kept(will, expiry_s));
        (former.is_some() || will.is_some()).then(|| self.store.change(Change::Will { client: client.clone(), will }))
    }

    /// The client said goodbye.
    pub fn silence_will(&self, client: &Text) {
        if self.store.read(|durable| durable.wills.contains_key(client)) {
            let _unawaited = self.store.change(Change::Will { client: client.clone(), will: None });
        }
    }

    /// The connection ended otherwise: the will goes out after its delay, or with the session if that ends before.
    pub fn rouse_will(&self, client: &Text, expiry_s: u32) {
        let Some(will) = self.store.read(|durable| durable.wills.get(client).cloned()) else { return };
        match will.delay_s.min(expiry_s) {
            0 => self.send_will(client, &will),
            wait_s => {
                let due = self.clock.elapsed() + Duration::from_secs(u64::from(wait_s));
                self.wills.0.lock().insert(client.clone(), due);
            }
        }
    }

    /// After a start: every will that is kept belongs to a client that was connected when the process ended.
    pub fn rouse_wills_of_the_dead(&self) {
        let now = self.clock.elapsed();
        let mut due = self.wills.0.lock();
        self.store.read(|durable| {
            for (client, will) in &durable.wills {
                let wait = Duration::from_secs(u64::from(will.delay_s.min(will.expiry_s))).max(WILL_GRACE);
                due.insert(client.clone(), now + wait);
            }
        });
    }

    /// Sends what is due.
    pub fn send_due_wills(&self) {
        let now = self.clock.elapsed();
        let due: Vec<Text> = self.wills.0.lock().extract_if(|_, at| *at <= now).map(|(client, _)| client).collect();
        for client in due {
            if let Some(will) = self.store.read(|durable| durable.wills.get(&client).cloned()) {
                self.send_will(&client, &will);
            }
        }
    }

    fn send_will(&self, client: &Text, will: &KeptWill) {
        let _unawaited = self.publish_will(client, will);
        let _unawaited = self.store.change(Change::Will { client: client.clone(), will: None });
    }

    fn publish_will(&self, client: &Text, will: &KeptWill) -> Option<Append> {
        counter!(WILLS).increment(1);
        if Route::of(&will.topic) == Route::Unknown {
            let (topic, payload) = (&*will.topic, &*will.payload);
            let refusal = Refusal { reason: Rejected::UnknownTopic, client, topic, payload, is_answered: false };
            let _unawaited = self.refusals.refuse(refusal, &self.journal, &*self.clock);
            return None;
        }
        let mut record = Publish::new(Source::Mqtt, &will.topic, will.payload.clone());
        (record.qos, record.retain) = (will.qos, will.retain);
        record.client = client.as_bytes().clone();
        record.properties = Kept { open_id: 0, properties: will.properties.clone() }.encode();
        Some(self.journal.append_with(kind::PUBLISH, record.encoded_len(), |buffer| record.encode(buffer)))
    }
}

fn kept(will: &Will, expiry_s: u32) -> KeptWill {
    KeptWill {
        topic: Text::from(&*will.topic),
        payload: bytes::Bytes::copy_from_slice(&will.payload),
        qos: will.qos,
        retain: will.retain,
        delay_s: will.delay_s,
        expiry_s,
        properties: will.properties.clone(),
    }
}
