//! Publishes that are refused unread: kept whole up to a rate, as sums beyond it.
//!
//! Refusing has to stay cheaper than sending, or a misdirected device would fill the journal; yet what is received is accepted,
//! duplicate or rejected, in numbers that add up (SUM-1). So beyond the rate the refusals of a reason and topic become one record with
//! their number, some times a second. A refusal in a sum is answered once its sum is durable, like any other record (ACK-1).

use std::time::Duration;

use bytes::Bytes;
use domain::limits::{
    REFUSALS_SUMMED_FOR, REFUSED_HEAD_BYTES_MAX, REFUSED_KEPT_PER_SECOND, REFUSED_TOPICS_SUMMED_MAX, UNWRITABLE_PAUSE,
};
use domain::record::{Record, Refused};
use domain::{Clock, Reason};
use hashbrown::HashMap;
use journal::{Append, AppendError, Journal};
use metrics::counter;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::metrics::{REFUSED, REFUSED_SUMMED};

/// A publish that the front does not take.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    pub reason: Reason,
    pub client: &'a str,
    pub topic: &'a str,
    pub payload: &'a [u8],
    /// Whether the client is told what became of it, and sends it again if need be.
    pub is_answered: bool,
}

/// Keeps refusals and sums of them.
#[derive(Default)]
pub struct Refusals {
    second: Mutex<Second>,
    /// There are sums to keep.
    begun: Notify,
}

#[derive(Default)]
struct Second {
    started: Duration,
    kept: u32,
    sums: HashMap<(Reason, String), Open>,
}

/// A sum that is not yet on its way into the journal.
#[derive(Default)]
struct Open {
    sum: Sum,
    /// The part of it that nobody sends again.
    unanswered: Sum,
    fate: watch::Sender<Option<Result<(), AppendError>>>,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    count: u32,
    bytes: u64,
}

/// How a refusal is kept.
pub enum Kept {
    Whole(Append),
    InSum(SumFate),
}

/// Whether the sum that a refusal is part of is durable.
pub struct SumFate(watch::Receiver<Option<Result<(), AppendError>>>);

impl SumFate {
    /// The outcome when it is known.
    pub fn outcome(&self) -> Option<Result<(), AppendError>> {
        match &*self.0.borrow() {
            // Nobody is left to keep it.
            None if self.0.has_changed().is_err() => Some(Err(AppendError::Closed)),
            outcome => outcome.clone(),
        }
    }

    /// Waits for the outcome. Cancel-safe.
    pub async fn settled(&mut self) {
        let _ = self.0.wait_for(Option::is_some).await;
    }
}

impl Refusals {
    pub fn refuse(&self, refusal: Refusal<'_>, journal: &Journal, clock: &dyn Clock) -> Kept {
        counter!(REFUSED, "reason" => refusal.reason.name()).increment(1);
        let mut second = self.second.lock();
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
            return Kept::Whole(append(journal, record(&refusal)));
        }
        counter!(REFUSED_SUMMED, "reason" => refusal.reason.name()).increment(1);
        let mut key = (refusal.reason, refusal.topic.to_owned());
        if second.sums.len() >= REFUSED_TOPICS_SUMMED_MAX && !second.sums.contains_key(&key) {
            key.1.clear();
        }
        let open = second.sums.entry(key).or_default();
        let one = Sum { count: 1, bytes: refusal.payload.len() as u64 };
        open.sum.add(one);
        if !refusal.is_answered {
            open.unanswered.add(one);
        }
        self.begun.notify_one();
        Kept::InSum(SumFate(open.fate.subscribe()))
    }

    /// Keeps sums soon after they begin, until `shutdown`.
    pub async fn keep(&self, journal: &Journal, clock: &dyn Clock, shutdown: &CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = self.begun.notified() => {}
                () = shutdown.cancelled() => return,
            }
            clock.sleep(REFUSALS_SUMMED_FOR).await;
            if self.flush(journal).await.is_err() {
                tokio::select! {
                    biased;
                    () = clock.sleep(UNWRITABLE_PAUSE) => {}
                    () = shutdown.cancelled() => return,
                }
            }
        }
    }

    /// Journals the sums so far. Who waits for what the journal did not take is told so and sends it again; what nobody waits for is summed
    /// up on, so that it is counted once the disk writes again.
    pub async fn flush(&self, journal: &Journal) -> Result<(), AppendError> {
        let sums = std::mem::take(&mut self.second.lock().sums);
        let on_their_way: Vec<_> =
            sums.into_iter().map(|(key, open)| (append(journal, open.sum.record(&key)), key, open)).collect();
        let mut all = Ok(());
        for (append, key, open) in on_their_way {
            let outcome = append.await.map(drop);
            if let Err(error) = &outcome {
                self.carry_on(key, open.unanswered);
                all = Err(error.clone());
            }
            open.fate.send_replace(Some(outcome));
        }
        all
    }

    fn carry_on(&self, key: (Reason, String), unanswered: Sum) {
        if unanswered.count > 0 {
            let mut second = self.second.lock();
            let open = second.sums.entry(key).or_default();
            open.sum.add(unanswered);
            open.unanswered.add(unanswered);
            self.begun.notify_one();
        }
    }
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
    use domain::time::SystemClock;
    use domain::{JournalId, Position};
    use std::sync::Arc;

    use super::*;

    fn open(dir: &std::path::Path, clock: &Arc<dyn Clock>) -> Journal {
        let options = journal::Options { dir: dir.to_owned(), ..journal::Options::default() };
        Journal::open(options, Arc::clone(clock), JournalId(1)).expect("opens").0
    }

    #[tokio::test]
    async fn of_sums_that_the_journal_did_not_take_the_part_that_nobody_sends_again_is_counted_later() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(|_| Box::pin(std::future::pending())));
        let dir = tempfile::tempdir().expect("a temporary directory");
        let journal = open(dir.path(), &clock);
        let refusals = Refusals::default();
        let refusal = Refusal { reason: Reason::UnknownTopic, client: "c", topic: "t", payload: b"12345", is_answered: true };
        let (sent, unanswered) = (REFUSED_KEPT_PER_SECOND + 7, 3);
        let (mut whole, mut fates) = (0, Vec::new());
        for n in 0..sent {
            let refusal = Refusal { is_answered: n < sent - unanswered, ..refusal };
            match refusals.refuse(refusal, &journal, &*clock) {
                Kept::Whole(_) => whole += 1,
                Kept::InSum(fate) => fates.push(fate),
            }
        }
        assert!(fates.iter().all(|fate| fate.outcome().is_none()), "not yet in the journal");
        journal.close().await.expect("closes");
        assert!(refusals.flush(&journal).await.is_err());
        assert!(fates.iter().all(|fate| matches!(fate.outcome(), Some(Err(_)))), "told that they are not kept");
        drop(journal);

        let journal = open(dir.path(), &clock);
        let Kept::InSum(fate) = refusals.refuse(refusal, &journal, &*clock) else { panic!("the second is not over") };
        assert!(refusals.flush(&journal).await.is_ok());
        assert_eq!(fate.outcome(), Some(Ok(())));
        let mut tail = journal.tail(Position::START).expect("from the start");
        let entries = tail.try_next(1_000, 1 << 20).await.expect("readable");
        let counts = entries.into_iter().map(|entry| match Record::decode(entry.kind, entry.body) {
            Ok(Record::Refused(refused)) => refused.count,
            other => panic!("{other:?}"),
        });
        assert_eq!(counts.sum::<u32>(), REFUSED_KEPT_PER_SECOND + unanswered + 1);
        assert_eq!(whole, REFUSED_KEPT_PER_SECOND);
        journal.close().await.expect("closes");
    }
}
