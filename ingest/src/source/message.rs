//! A message of an external broker as a journal record.

use bytes::Bytes;
use domain::Reason;
use domain::limits::{PAYLOAD_BYTES_MAX, REFUSED_HEAD_BYTES_MAX};
use domain::record::{Content, Publish, Record, Refused, Source, kind};
use journal::{Append, Journal};
use metrics::counter;

use super::metrics as names;

/// What the broker sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: Bytes,
    pub(super) payload: Bytes,
    /// 0 to 2
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) content: Content,
    /// 0 with QoS 0.
    pub(super) packet_id: u16,
}

impl Message {
    /// Fixes its place in the journal; never waits. `client` names the source.
    pub(super) fn append(self, journal: &Journal, client: &Bytes) -> Append {
        counter!(names::MESSAGES).increment(1);
        if self.payload.len() > PAYLOAD_BYTES_MAX {
            return self.refuse(Reason::TooLarge, journal, client);
        }
        match Publish::sharing(Source::Bridge, self.topic.clone(), self.payload.clone()) {
            Some(mut publish) => {
                publish.client = client.clone();
                publish.content = self.content;
                publish.qos = self.qos;
                publish.retain = self.retain;
                journal.append_with(kind::PUBLISH, publish.encoded_len(), |buffer| publish.encode(buffer))
            }
            None => self.refuse(Reason::UnknownTopic, journal, client),
        }
    }

    /// Each is kept, unlike at the front: a record of 4 KiB costs less than the message cost to bring.
    fn refuse(self, reason: Reason, journal: &Journal, client: &Bytes) -> Append {
        counter!(names::REFUSED, "reason" => reason.name()).increment(1);
        let refused = Refused {
            reason,
            client: String::from_utf8_lossy(client).into_owned(),
            topic: String::from_utf8_lossy(&self.topic).into_owned(),
            head: self.payload.slice(..self.payload.len().min(REFUSED_HEAD_BYTES_MAX)),
            length: self.payload.len() as u64,
            hash: xxhash_rust::xxh3::xxh3_64(&self.payload),
            count: 1,
        };
        let (kind, body) = Record::Refused(refused).encode();
        journal.append(kind, &body)
    }
}
