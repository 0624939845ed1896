//! An erasure on request, on a data directory that nobody serves: what the front keeps of messages beside the journal.
//!
//! Retained messages and wills stand in the front's checkpoint and, since it was written, in the journal. So everything up to the
//! journal's end is taken in first, as a start does, and the checkpoint is written anew without what the erasure reaches: from then on
//! nothing of the journal before it is needed, and whoever takes the messages' bytes out of it brings no older retained message back.

use domain::erasure::{Erasure, Message};
use domain::record::{Content, kind};
use journal::Entry;

use crate::at_rest::AtRest;
use crate::change::{Change, KeptWill};
use crate::error::Error;
use crate::retained::KeptMessage;

impl AtRest {
    /// Retained messages and wills that an erasure reaches.
    pub fn count(&self, erasure: &Erasure) -> u64 {
        let retained = self.recovered.retained.kept().iter().filter(|message| reaches_retained(erasure, message)).count();
        let wills = self.recovered.durable.wills.values().filter(|will| reaches_will(erasure, will)).count();
        (retained + wills) as u64
    }

    /// Writes the checkpoint without them. Blocks until it is on the disk.
    pub fn erase(&self, erasure: &Erasure) -> Result<(), Error> {
        let mut retained = self.recovered.retained.kept();
        retained.retain(|message| !reaches_retained(erasure, message));
        let mut sessions = self.recovered.durable.clone();
        sessions.wills.retain(|_, will| !reaches_will(erasure, will));
        self.write(sessions, retained)
    }
}

/// Whether an erasure reaches what a journal's record holds of a session: its will.
pub fn reaches(erasure: &Erasure, entry: &Entry) -> bool {
    entry.kind == kind::SESSION
        && matches!(Change::decode(&entry.body), Some(Change::Will { will: Some(will), .. }) if reaches_will(erasure, &will))
}

fn reaches_retained(erasure: &Erasure, message: &KeptMessage) -> bool {
    let content = if message.cbor { Content::Cbor } else { Content::Default };
    let (topic, payload, received_at) = (&*message.topic, &message.payload, Some(message.received_at));
    erasure.reaches(&Message { topic, content, payload, received_at })
}

/// When it was left is not kept.
fn reaches_will(erasure: &Erasure, will: &KeptWill) -> bool {
    let content = if will.properties.is_cbor() { Content::Cbor } else { Content::Default };
    erasure.reaches(&Message { topic: &will.topic, content, payload: &will.payload, received_at: None })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use domain::record::{Publish, Source};
    use domain::time::SystemClock;
    use domain::{Clock, JournalId, SensorId, Timestamp};
    use journal::Journal;

    use super::*;

    const TOPIC: &str = "kerbside/v1/parking/bay-1";

    fn erasure() -> Erasure {
        let at = |second: i64| Timestamp::from_micros(1_790_000_000_000_000 + second * 1_000_000);
        Erasure { sensor: SensorId::new("bay-1").expect("valid"), from: at(0), to: at(10) }
    }

    fn reading(second: i64) -> Bytes {
        Bytes::from(format!(r#"{{"ts":{},"state":"vacant"}}"#, 1_790_000_000_000 + second * 1_000))
    }

    async fn publish(journal: &Journal, topic: &str, payload: Bytes) {
        let mut publish = Publish::new(Source::Mqtt, topic, payload);
        publish.retain = true;
        let (kind, body) = domain::record::Record::Publish(publish).encode();
        journal.append(kind, &body).await.expect("durable");
    }

    fn will(topic: &str, payload: Bytes) -> KeptWill {
        let (topic, properties) = (topic.into(), Default::default());
        KeptWill { topic, payload, qos: 1, retain: false, delay_s: 0, expiry_s: 0, properties }
    }

    #[tokio::test]
    async fn retained_messages_and_wills_of_the_period_go_and_no_older_one_comes_back() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(|_| Box::pin(std::future::pending())));
        let options = journal::Options { dir: dir.path().join("journal"), ..journal::Options::default() };
        let (journal, _) = Journal::open(options, clock, JournalId(1)).expect("opens");
        publish(&journal, TOPIC, reading(-5)).await;
        publish(&journal, TOPIC, reading(5)).await;
        publish(&journal, "kerbside/v1/parking/bay-2", reading(5)).await;
        for (client, will) in [("a", will(TOPIC, reading(5))), ("b", will(TOPIC, reading(50)))] {
            let change = Change::Will { client: client.into(), will: Some(will) };
            let position = journal.append(kind::SESSION, &change.encode()).await.expect("durable");
            let entry =
                Entry { position, received_at: Timestamp::UNIX_EPOCH, kind: kind::SESSION, body: Bytes::from(change.encode()) };
            assert_eq!(reaches(&erasure(), &entry), client == "a");
        }
        let front = dir.path().join("broker");
        assert!(AtRest::open(front.clone(), &journal).await.expect("readable").is_none());
        std::fs::create_dir(&front).expect("writable");
        let kept = AtRest::open(front.clone(), &journal).await.expect("readable").expect("a front");
        assert_eq!(kept.count(&erasure()), 2);
        kept.erase(&erasure()).expect("writable");
        let again = AtRest::open(front, &journal).await.expect("readable").expect("a front");
        assert_eq!(again.count(&erasure()), 0);
        let topics: Vec<_> = again.recovered.retained.kept().into_iter().map(|message| message.topic.to_string()).collect();
        assert_eq!(topics, ["kerbside/v1/parking/bay-2"]);
        assert_eq!(again.recovered.durable.wills.keys().map(ToString::to_string).collect::<Vec<_>>(), ["b"]);
        journal.close().await.expect("closes");
    }
}
