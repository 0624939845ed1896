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
        let sum = second.sums.entry(key).or_default();
        sum.count = sum.count.saturating_add(1);
        sum.bytes = sum.bytes.saturating_add(refusal.payload.len() as u64);
        None
    }

    /// Journals the sums so far; called once a second and at the end.
    pub fn flush(&self, journal: &Journal) -> Vec<Append> {
        let sums = std::mem::take(&mut self.0.lock().sums);
        let record = |((reason, topic), sum): ((Reason, String), Sum)| Refused {
            reason,
            client: String::new(),
            topic,
            head: Bytes::new(),
            length: sum.bytes,
            hash: 0,
            count: sum.count,
        };
        sums.into_iter().map(|sum| append(journal, record(sum))).collect()
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
