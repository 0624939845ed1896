//! Publishes that are refused unread: kept whole up to a rate, as sums beyond it.
//!
//! Refusing has to stay cheaper than sending, or a misdirected device would fill the journal; yet received = accepted + duplicate
//! + rejected (SUM-1). So beyond the rate of a second the refusals of a reason and topic become one record with their number.

use std::time::Duration;

use bytes::Bytes;
use domain::limits::{REFUSED_HEAD_BYTES_MAX, REFUSED_KEPT_PER_SECOND, REFUSED_TOPICS_SUMMED_MAX};
use domain::record::{Record, Refused};
use domain::{Clock, Reason};
use hashbrown::HashMap;
use journal::{Append, Journal};
use metrics::counter;
use parking_lot::Mutex;
use tracing::warn;

use crate::metrics::{REFUSED, REFUSED_SUMMED};

/// A publish that the front does not take.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    pub reason: Reason,
    pub client: &'a str,
    pub topic: &'a str,
    pub payload: &'a [u8],
}

/// Keeps refusals and sums of them.
#[derive(Default)]
pub struct Refusals(Mutex<Second>);

#[derive(Default)]
struct Second {
    started: Duration,
    kept: u32,
    sums: HashMap<(Reason, String), Sum>,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    count: u32,
    bytes: u64,
}

impl Refusals {
    /// The append to wait for before acknowledging; `None` when this one is only summed up.
    pub fn refuse(&self, refusal: Refusal<'_>, journal: &Journal, clock: &dyn Clock) -> Option<Append> {
        counter!(REFUSED, "reason" => refusal.reason.name()).increment(1);
        let mut second = self.0.lock();
        let now = clock.elapsed();
        if now.saturating_sub(second.started) >= Duration::from_secs(1) {
            (second.started, second.kept) = (now, 0);
        }
        if second.kept < REFUSED_KEPT_PER_SECOND {
            second.kept += 1;
            drop(second);
            if refusal.reason == Reason::NotAuthorised {
                warn!(client = %refusal.client, topic = %refusal.topic, "publish refused: not authorised");
            }
            return Some(append(journal, record(&refusal)));
        }
        counter!(REFUSED_SUMMED, "reason" => refusal.reason.name()).increment(1);
        let mut key = (refusal.reason, refusal.topic.to_owned());
        if second.sums.len() >= REFUSED_TOPICS_SUMMED_MAX && !second.sums.contains_key(&key) {
            key.1.clear();
        }
        second.sums.entry(key).or_default().add(Sum { count: 1, bytes: refusal.payload.len() as u64 });
        None
    }

    /// Journals the sums so far; called once a second and at the end. Whoever calls hands the outcome to [`settle`](Self::settle).
    pub fn flush(&self, journal: &Journal) -> Vec<Flushed> {
        let sums = std::mem::take(&mut self.0.lock().sums);
        sums.into_iter().map(|(key, sum)| Flushed { append: append(journal, sum.record(&key)), key, sum }).collect()
    }

    /// What the journal did not take is summed up on, so that it is counted once the disk writes again; gives back what is
    /// still open.
    pub fn settle(&self, flushed: Vec<Flushed>) -> Vec<Flushed> {
        let (known, open): (Vec<_>, Vec<_>) = flushed.into_iter().partition(|flushed| flushed.append.outcome().is_some());
        for Flushed { key, sum, append } in known {
            if matches!(append.outcome(), Some(Err(_))) {
                self.0.lock().sums.entry(key).or_default().add(sum);
            }
        }
        open
    }
}

/// A sum on its way into the journal.
pub struct Flushed {
    key: (Reason, String),
    sum: Sum,
    pub append: Append,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    fn record(self, (reason, topic): &(Reason, String)) -> Refused {
        Refused {
            reason: *reason,
            client: String::new(),
            topic: topic.clone(),
            head: Bytes::new(),
            length: self.bytes,
            hash: 0,
            count: self.count,
        }
    }
}

fn record(refusal: &Refusal<'_>) -> Refused {
    Refused {
        reason: refusal.reason,
        client: refusal.client.to_owned(),
        topic: refusal.topic.to_owned(),
        head: Bytes::copy_from_slice(&refusal.payload[..refusal.payload.len().min(REFUSED_HEAD_BYTES_MAX)]),
        length: refusal.payload.len() as u64,
        hash: xxhash_rust::xxh3::xxh3_64(refusal.payload),
        count: 1,
    }
}

fn append(journal: &Journal, refused: Refused) -> Append {
    let (kind, body) = Record::Refused(refused).encode();
    journal.append(kind, &body)
}

#[cfg(test)]
mod tests {
    use domain::JournalId;
    use domain::time::SystemClock;
    use std::sync::Arc;

    use super::*;

    fn open(dir: &std::path::Path, clock: &Arc<dyn Clock>) -> Journal {
        let options = journal::Options { dir: dir.to_owned(), ..journal::Options::default() };
        Journal::open(options, Arc::clone(clock), JournalId(1)).expect("opens").0
    }

    #[tokio::test]
    async fn sums_that_the_journal_did_not_take_are_counted_when_it_writes_again() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(|_| Box::pin(std::future::pending())));
        let dir = tempfile::tempdir().expect("a temporary directory");
        let journal = open(dir.path(), &clock);
        let refusals = Refusals::default();
        let refusal = Refusal { reason: Reason::UnknownTopic, client: "c", topic: "t", payload: b"12345" };
        let sent = REFUSED_KEPT_PER_SECOND + 7;
        let kept = (0..sent).filter(|_| refusals.refuse(refusal, &journal, &*clock).is_some()).count() as u32;
        journal.close().await.expect("closes");
        let mut flushed = refusals.flush(&journal);
        for flushed in &mut flushed {
            assert!((&mut flushed.append).await.is_err());
        }
        assert!(refusals.settle(flushed).is_empty());
        drop(journal);

        let journal = open(dir.path(), &clock);
        let mut flushed = refusals.flush(&journal);
        assert_eq!((flushed.len(), flushed[0].sum.count), (1, sent - kept));
        assert!((&mut flushed[0].append).await.is_ok());
        assert!(refusals.settle(flushed).is_empty() && refusals.flush(&journal).is_empty());
        journal.close().await.expect("closes");
    }
}
