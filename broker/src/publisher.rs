//! The publishing side of one client: checks of what may be published, open QoS 2 ids, and the way into the journal.
//!
//! A publish is either journaled, refused and kept as such, known already, or the end of the connection. Nothing is decoded here: what
//! a payload says is the pipeline's matter.

use domain::Reason as Rejected;
use domain::access::Principal;
use domain::limits::PAYLOAD_BYTES_MAX;
use domain::record::{Content, Publish as Record, Source, kind};
use domain::topic::Route;
use hashbrown::HashSet;
use journal::Append;

use crate::acks::{Acks, Then};
use crate::alias::Taken;
use crate::filter::is_topic;
use crate::hub::Hub;
use crate::metrics::Tally;
use crate::packet::{Ending, Publish, Reason, Text, Version};
use crate::properties::Kept;
use crate::refusal::Refusal;

/// What a client publishes through.
pub struct Publisher {
    version: Version,
    client: Text,
    principal: Principal,
    aliases: Taken,
    /// QoS 2 ids from their PUBLISH to their PUBREL.
    open: HashSet<u16>,
    /// The session outlives the connection, so that open ids are durable.
    durable: bool,
}

impl Publisher {
    pub fn new(version: Version, client: Text, principal: Principal, durable: bool) -> Self {
        Self { version, client, principal, aliases: Taken::default(), open: HashSet::new(), durable }
    }

    /// Takes up the open ids of a session.
    pub fn resume(&mut self, open: impl IntoIterator<Item = u16>) {
        self.open.extend(open);
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub fn open_ids(&self) -> usize {
        self.open.len()
    }

    /// Takes a publish towards the journal; its answer waits in `acks`. `Err`: the connection ends with that reason.
    pub fn take(&mut self, mut publish: Publish, hub: &Hub, acks: &mut Acks, tally: &mut Tally) -> Result<(), Ending> {
        self.aliases.resolve(&mut publish)?;
        if !is_topic(&publish.topic) || publish.properties.response_topic.as_deref().is_some_and(|topic| !is_topic(topic)) {
            return Err(Reason::TOPIC_NAME_INVALID.into());
        }
        tally.publishes[usize::from(publish.qos.min(2))] += 1;
        tally.publish_bytes += publish.payload.len() as u64;
        if publish.qos == 2 && self.open.contains(&publish.id) {
            hub.meters.duplicates.increment(1);
            acks.push(None, 0, Then::PubRec { id: publish.id, reason: Reason::SUCCESS });
            return Ok(());
        }
        if let Some(rejected) = self.refused(&publish, tally, hub) {
            self.refuse(&publish, rejected, hub, acks);
            return Ok(());
        }
        let (bytes, id, qos) = (publish.payload.len() + publish.topic.len(), publish.id, publish.qos);
        let append = self.append(publish, hub);
        let then = match qos {
            0 => Then::Nothing,
            1 => Then::PubAck { id, reason: Reason::SUCCESS },
            _ => {
                self.open.insert(id);
                Then::PubRec { id, reason: Reason::SUCCESS }
            }
        };
        acks.push(Some(append), bytes, then);
        Ok(())
    }

    /// A PUBREL: the id is free again, for a durable session once that is durable.
    pub fn release(&mut self, id: u16, hub: &Hub, acks: &mut Acks) -> Option<Reason> {
        if !self.open.remove(&id) {
            return Some(Reason::PACKET_ID_NOT_FOUND);
        }
        let append = self.durable.then(|| hub.store.released(&self.client, id));
        acks.push(append, 0, Then::PubComp { id });
        None
    }

    /// The record of this id did not become durable: a repetition is no duplicate.
    pub fn forget(&mut self, id: u16, hub: &Hub) {
        self.open.remove(&id);
        if self.durable {
            hub.store.forget(&self.client, id);
        }
    }

    fn refused(&self, publish: &Publish, tally: &mut Tally, hub: &Hub) -> Option<Rejected> {
        let route = Route::of(&publish.topic);
        if route == Route::State || !hub.authority.may_publish(&self.principal, &publish.topic) {
            return Some(Rejected::NotAuthorised);
        }
        if route == Route::Unknown {
            return Some(Rejected::UnknownTopic);
        }
        if publish.payload.len() > PAYLOAD_BYTES_MAX {
            return Some(Rejected::TooLarge);
        }
        tally.foreign += u64::from(route == Route::Foreign);
        None
    }

    fn refuse(&mut self, publish: &Publish, rejected: Rejected, hub: &Hub, acks: &mut Acks) {
        let (topic, payload) = (&*publish.topic, &*publish.payload);
        let is_answered = publish.qos > 0;
        let refusal = Refusal { reason: rejected, client: &self.client, topic, payload, is_answered };
        let kept = hub.refusals.refuse(refusal, &hub.journal, &*hub.clock);
        // 3.1.1 has no word for it and would send it again for ever.
        let told = self.version == Version::V5 && rejected == Rejected::NotAuthorised;
        let reason = if told { Reason::NOT_AUTHORISED } else { Reason::SUCCESS };
        let then = match publish.qos {
            0 => Then::Nothing,
            1 => Then::PubAck { id: publish.id, reason },
            _ => {
                // After a PUBREC that refuses there is no PUBREL; after one that does not, the id is open like any other.
                if !told {
                    self.open.insert(publish.id);
                }
                Then::PubRec { id: publish.id, reason }
            }
        };
        acks.push(kept, publish.payload.len(), then);
    }

    fn append(&self, publish: Publish, hub: &Hub) -> Append {
        let open_id = if publish.qos == 2 && self.durable { publish.id } else { 0 };
        let content = if publish.properties.is_cbor() { Content::Cbor } else { Content::Default };
        let mut record = Record::sharing(Source::Mqtt, publish.topic.into_bytes(), publish.payload).expect("text is UTF-8");
        record.content = content;
        record.qos = publish.qos;
        record.retain = publish.retain;
        record.client = self.client.as_bytes().clone();
        record.properties = Kept { open_id, properties: publish.properties }.encode();
        let write = || hub.journal.append_with(kind::PUBLISH, record.encoded_len(), |buffer| record.encode(buffer));
        if open_id == 0 { write() } else { hub.store.opened(&self.client, open_id, write) }
    }
}
