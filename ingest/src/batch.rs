//! A run of journal records, decoded: what the pipeline takes in one step.
//!
//! Decoding needs no state, so it stands apart from the pipeline and may run beside it. It is total: what no version of
//! Kerbside could have written becomes a rejection with its bytes, never an error. Elements of all records lie in one vector.

use std::iter::Peekable;

use bytes::Bytes;
use domain::codec;
use domain::limits::{PAYLOAD_BYTES_MAX, REFUSED_HEAD_BYTES_MAX, SLICE_ELEMENTS_MAX};
use domain::reading::Element;
use domain::record::{Erase, Publish, Record, Refused, RegistryPart, Reprocess, Source, kind};
use domain::topic::Route;
use domain::{Kind, Position, Reason, Rejection, SensorId, Timestamp};
use journal::Entry;

/// Decoded records in journal order.
#[derive(Debug, Default)]
pub struct Batch {
    pub records: Vec<Taken>,
    /// Of all messages, in their order: each takes as many as it says.
    pub elements: Vec<Element>,
}

/// One record.
#[derive(Debug)]
pub struct Taken {
    pub position: Position,
    pub received_at: Timestamp,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    Message(Message),
    Reprocess(Again),
    Registry {
        author: String,
        features: Bytes,
    },
    RegistryPart(RegistryPart),
    /// Moves the pipeline's now, as every record does, and nothing else.
    Tick,
    Erase(Erase),
    /// No business of the pipeline.
    Session,
}

/// A message and how many elements it holds.
#[derive(Debug)]
pub struct Message {
    pub publish: Publish,
    /// Whose readings they are; `None` where the topic names nobody who may be believed.
    pub sender: Option<(Kind, SensorId)>,
    pub elements: usize,
    /// Ordinary MQTT traffic: counted, never in the lake.
    pub is_foreign: bool,
    /// Of a payload of which only the head is kept.
    pub whole: Option<Whole>,
    /// How many messages this one stands for: more than one only where the front kept a sum.
    pub count: u32,
}

/// Length and hash of a payload that was refused unread.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    pub length: u64,
    /// xxh3; `None` for a sum.
    pub hash: Option<u64>,
}

const NO_SUCH_TOPIC: &str = "no topic under kerbside/v1/ has this shape";

/// A dead letter taken again.
#[derive(Debug)]
pub struct Again {
    pub of: Position,
    pub element: u32,
    pub was: Reason,
    pub received_at: Timestamp,
    pub detail: String,
    pub message: Message,
}

impl Batch {
    /// What one step takes of the entries that come next: a bounded number of elements, and nothing before the record of a registry edit,
    /// so that an edit can be judged against the state that it meets.
    pub fn next(entries: &mut Peekable<impl Iterator<Item = Entry>>, options: &codec::Options) -> Self {
        let mut batch = Self::default();
        while let Some(Entry { position, received_at, kind, body }) = entries.next() {
            batch.push(position, received_at, kind, body, options);
            let next_is_of_an_edit = entries.peek().is_some_and(|next| matches!(next.kind, kind::REGISTRY | kind::REGISTRY_PART));
            if batch.elements.len() >= SLICE_ELEMENTS_MAX || next_is_of_an_edit {
                break;
            }
        }
        batch
    }

    /// Appends one record, decoded.
    pub fn push(&mut self, position: Position, received_at: Timestamp, kind: u8, body: Bytes, options: &codec::Options) {
        let what = match Record::decode(kind, body.clone()) {
            Ok(Record::Publish(publish)) => What::Message(self.message(publish, options)),
            Ok(Record::Refused(refused)) => What::Message(self.refused(refused)),
            // What was erased was taken before its record went.
            Ok(Record::Tick | Record::Erased) => What::Tick,
            Ok(Record::Erase(erase)) => What::Erase(erase),
            Ok(Record::Registry { author, features }) => What::Registry { author, features },
            Ok(Record::RegistryPart(part)) => What::RegistryPart(part),
            Ok(Record::Reprocess(again)) => What::Reprocess(self.again(again, options)),
            Ok(Record::Session(_)) => What::Session,
            Err(error) => {
                let publish = Publish::new(Source::Mqtt, "", body);
                What::Message(self.rejected(publish, None, Reason::Malformed, format!("journal: {error}")))
            }
        };
        self.records.push(Taken { position, received_at, what });
    }

    fn again(&mut self, again: Reprocess, options: &codec::Options) -> Again {
        let Reprocess { of, element, was, received_at, detail, publish } = again;
        Again { of, element, was, received_at, detail, message: self.message(publish, options) }
    }

    fn message(&mut self, publish: Publish, options: &codec::Options) -> Message {
        match Route::of(publish.topic()) {
            Route::Native { kind, sensor } => self.native(publish, kind, sensor, options),
            Route::Unknown => self.rejected(publish, None, Reason::UnknownTopic, NO_SUCH_TOPIC.to_owned()),
            Route::State | Route::Foreign => {
                Message { publish, sender: None, elements: 0, is_foreign: true, whole: None, count: 1 }
            }
        }
    }

    fn native(&mut self, publish: Publish, kind: Kind, sensor: SensorId, options: &codec::Options) -> Message {
        if publish.payload.len() > PAYLOAD_BYTES_MAX {
            let detail = format!("{} bytes, at most {PAYLOAD_BYTES_MAX} are decoded", publish.payload.len());
            return self.rejected(publish, Some((kind, sensor)), Reason::TooLarge, detail);
        }
        let before = self.elements.len();
        let elements = &mut self.elements;
        codec::decode_native(kind, publish.content, &publish.payload, options, &mut |element| elements.push(element));
        if self.elements.len() == before {
            let detail = "the payload holds no reading".to_owned();
            return self.rejected(publish, Some((kind, sensor)), Reason::Malformed, detail);
        }
        let elements = self.elements.len() - before;
        Message { publish, sender: Some((kind, sensor)), elements, is_foreign: false, whole: None, count: 1 }
    }

    /// As the front kept it. Only a too large payload is held against the sensor of its topic: the front let its sender
    /// publish there.
    fn refused(&mut self, refused: Refused) -> Message {
        let sender = match (refused.reason, Route::of(&refused.topic)) {
            (Reason::TooLarge, Route::Native { kind, sensor }) => Some((kind, sensor)),
            _ => None,
        };
        let count = refused.count.max(1);
        let why = match refused.reason {
            Reason::TooLarge => format!("at most {PAYLOAD_BYTES_MAX} bytes are taken"),
            Reason::NotAuthorised => "the client may not publish under this topic".to_owned(),
            _ => NO_SUCH_TOPIC.to_owned(),
        };
        let detail = match count {
            1 => format!("{why}; {} bytes", refused.length),
            _ => format!("{why}; {count} messages, {} bytes together", refused.length),
        };
        let mut publish = Publish::new(Source::Mqtt, &refused.topic, refused.head);
        publish.client = Bytes::from(refused.client);
        let mut message = self.rejected(publish, sender, refused.reason, detail);
        message.whole = Some(Whole { length: refused.length, hash: (count == 1).then_some(refused.hash) });
        message.count = count;
        message
    }

    /// A message that counts as one rejected element. Of a long one that was not even looked into the head is kept, and what it was as a
    /// whole.
    fn rejected(&mut self, publish: Publish, sender: Option<(Kind, SensorId)>, reason: Reason, detail: String) -> Message {
        let payload = &publish.payload;
        let kept = if reason == Reason::Malformed { PAYLOAD_BYTES_MAX } else { REFUSED_HEAD_BYTES_MAX };
        let head = payload.slice(..payload.len().min(kept));
        let whole = (head.len() < payload.len()).then(|| Whole::of(payload));
        self.elements.push(Element { index: 0, outcome: Err(Rejection::new(reason, detail, head)) });
        Message { publish, sender, elements: 1, is_foreign: false, whole, count: 1 }
    }
}

impl Whole {
    fn of(payload: &[u8]) -> Self {
        Self { length: payload.len() as u64, hash: Some(xxhash_rust::xxh3::xxh3_64(payload)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a payload of so many bytes: what is kept of it, and what is said of the whole.
    fn kept(topic: &str, bytes: usize) -> (Rejection, Option<Whole>) {
        let mut batch = Batch::default();
        let publish = Publish::new(Source::Import, topic, Bytes::from(vec![b' '; bytes]));
        let message = batch.message(publish, &codec::Options::default());
        let element = batch.elements.pop().expect("one element");
        (element.outcome.expect_err("refused"), message.whole)
    }

    #[test]
    fn a_step_takes_a_bounded_number_of_elements_and_begins_anew_at_an_edit() {
        let array = format!("[{}1]", "1,".repeat(999));
        let publish = Publish::new(Source::Http, "kerbside/v1/parking/bay-1", Bytes::from(array));
        let (message, body) = Record::Publish(publish).encode();
        let (edit, features) = Record::Registry { author: "anna".into(), features: Bytes::from_static(b"{}") }.encode();
        let kinds = [[message; 12].as_slice(), &[edit, message, edit, edit]].concat();
        let entries = kinds.into_iter().zip(1..).map(|(kind, position)| {
            let body = if kind == edit { features.clone() } else { body.clone() };
            Entry { position: Position(position), received_at: Timestamp::UNIX_EPOCH, kind, body }
        });
        let mut entries = entries.collect::<Vec<_>>().into_iter().peekable();
        let mut steps = Vec::new();
        while entries.peek().is_some() {
            steps.push(Batch::next(&mut entries, &codec::Options::default()).records.len());
        }
        assert_eq!(steps, [9, 3, 2, 1, 1]);
    }

    #[test]
    fn of_a_refused_payload_of_which_only_the_head_is_kept_length_and_hash_are_kept_as_well() {
        for (topic, bytes) in [("kerbside/v1/parking/bay-1", PAYLOAD_BYTES_MAX + 1), ("kerbside/v1/senml/+", 5_000)] {
            let (rejection, whole) = kept(topic, bytes);
            let whole = whole.expect("it is longer than its head");
            assert_eq!((rejection.payload.len(), whole.length), (REFUSED_HEAD_BYTES_MAX, bytes as u64), "{topic}");
            assert_eq!(whole.hash, Some(xxhash_rust::xxh3::xxh3_64(&vec![b' '; bytes])));
        }
        let (rejection, whole) = kept("kerbside/v1/senml/+", 100);
        assert!(rejection.payload.len() == 100 && whole.is_none(), "it is whole");
        let (rejection, whole) = kept("kerbside/v1/parking/bay-1", 5_000);
        assert!(rejection.reason == Reason::Malformed && rejection.payload.len() == 5_000 && whole.is_none(), "{rejection:?}");
    }
}
