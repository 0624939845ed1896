//! What the server tells by itself: the retained topics `kerbside/v1/state/…`, each with the item that the API answers.
//!
//! Whoever publishes asks twice a second for what changed. Turning stale is a change, growing older is not: a subscriber reckons
//! the age from `observed_at`. What is no more is told with an empty payload, which clears a retained topic.

use std::sync::Arc;

use bytes::Bytes;
use domain::registry::{Layout, StationEntry};
use domain::{ObjectId, Quantity, Timestamp, live};
use hashbrown::HashMap;
use lake::contract::{AirLast, Live};
use serde_json::{Value, json};

use crate::air::station_item;
use crate::answer::digest;
use crate::board::{Board, Standing};
use crate::parking::site_item;

const PARKING: &str = "kerbside/v1/state/parking/";
const AIR: &str = "kerbside/v1/state/air/";

/// Remembers what was told. The first time everything is new.
pub struct Announcements {
    /// That of the questions.
    board: Arc<Board>,
    /// Of the board, as it was told last.
    told: u64,
    air: Stations,
}

impl Announcements {
    /// In a process that answers no questions.
    pub fn of(live: Arc<dyn Live>) -> Self {
        Self::new(Arc::new(Board::new(live)))
    }

    pub(crate) fn new(board: Arc<Board>) -> Self {
        Self { board, told: 0, air: Stations::default() }
    }

    /// Topics whose item is another one than last time, each with the whole new item. Goes over a whole city, and may wait: no
    /// work for the threads of a runtime.
    pub fn changed(&mut self, now: Timestamp) -> Vec<(String, Bytes)> {
        let (standing, now, read) = self.seen(now);
        let told = self.told;
        let sites = standing.changed_at.iter().enumerate().filter(|(_, version)| **version > told);
        let items = sites.map(|(site, _)| {
            let id = &standing.layout.sites[site].site.id;
            (format!("{PARKING}{id}"), payload(site_item(&standing, site, now), now))
        });
        let gone = standing.removed.iter().filter(|(version, _)| *version > told);
        let gone = gone.map(|(_, id)| (format!("{PARKING}{id}"), Bytes::new()));
        let mut changed: Vec<_> = items.chain(gone).collect();
        self.told = standing.versions.current();
        self.air.tell(&standing.layout, read, now, &mut changed);
        changed
    }

    /// Sites and stations under one registry: where an edit comes in between, it is looked at again.
    fn seen(&self, now: Timestamp) -> (Arc<Standing>, Timestamp, Read) {
        loop {
            let (standing, now) = self.board.at_blocking(now);
            if let Some(read) = self.air.read(self.board.live(), &standing, now) {
                return (standing, now, read);
            }
        }
    }
}

fn payload(mut item: Value, now: Timestamp) -> Bytes {
    item["as_of"] = json!(now.to_string());
    Bytes::from(item.to_string())
}

/// What was told of stations.
#[derive(Default)]
struct Stations {
    /// Of the layout.
    generation: u64,
    /// How far the live state's changes were followed; `None` at first.
    seen: Option<u64>,
    /// Before this no value turns stale.
    quiet_until: Option<Timestamp>,
    /// The digest of each station's item.
    told: HashMap<ObjectId, u64>,
}

/// What was read of stations.
struct Read {
    /// All of them: it was not known which changed.
    all: bool,
    seen: u64,
    /// By place in the layout, with copies of their newest values.
    lasts: Vec<(usize, Vec<(Quantity, AirLast)>)>,
}

impl Stations {
    fn tell(&mut self, layout: &Layout, read: Read, now: Timestamp, changed: &mut Vec<(String, Bytes)>) {
        if read.all {
            self.generation = layout.generation;
            self.quiet_until = None;
            self.told.retain(|id, _| {
                let stands = layout.station_by_id.contains_key(id);
                if !stands {
                    changed.push((format!("{AIR}{id}"), Bytes::new()));
                }
                stands
            });
        }
        self.seen = Some(read.seen);
        for (station, lasts) in read.lasts {
            let entry = &layout.stations[station];
            self.expect(entry, &lasts, now);
            let item = station_item(layout, entry, &lasts, now);
            let (id, digest) = (&entry.station.id, digest(&item));
            if self.told.insert(id.clone(), digest) != Some(digest) {
                changed.push((format!("{AIR}{id}"), payload(item, now)));
            }
        }
    }

    /// The stations to look at, and how far the state is followed with them; all of them where it is not known which changed.
    /// `None` where the state stands under another registry.
    fn read(&self, live: &dyn Live, standing: &Standing, now: Timestamp) -> Option<Read> {
        let layout = &standing.layout;
        let is_due = self.quiet_until.is_some_and(|due| due <= now);
        let followed = self.seen.filter(|_| layout.generation == self.generation && !is_due);
        let mut read = None;
        live.with_state(&mut |state, registry| {
            if !Arc::ptr_eq(registry, &standing.registry) {
                return;
            }
            let news = followed.and_then(|seen| state.changes.since(seen));
            let all = news.is_none();
            let mut stations: Vec<usize> = match news {
                Some(targets) => targets.filter_map(|target| layout.station_by_id.get(target).copied()).collect(),
                None => (0..layout.stations.len()).collect(),
            };
            stations.sort_unstable();
            stations.dedup();
            let lasts = |station: usize| state.air.get(&layout.stations[station].station.id).cloned().unwrap_or_default();
            let lasts = stations.into_iter().map(|station| (station, lasts(station))).collect();
            read = Some(Read { all, seen: state.changes.end(), lasts });
        });
        read
    }

    /// When the first of these values will turn stale.
    fn expect(&mut self, entry: &StationEntry, lasts: &[(Quantity, AirLast)], now: Timestamp) {
        let silent_from = |last: &AirLast| {
            let silence = live::silence_micros(entry.station.interval_s.max(last.avg_s));
            Timestamp::from_micros(last.observed_at.as_micros().saturating_add(silence).saturating_add(1))
        };
        let next = lasts.iter().map(|(_, last)| silent_from(last)).filter(|at| *at > now);
        self.quiet_until = next.chain(self.quiet_until).min();
    }
}

#[cfg(test)]
mod tests;
