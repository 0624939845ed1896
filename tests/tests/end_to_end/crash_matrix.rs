//! The process dies by itself at every named place, on its first, second and tenth pass, under load: what was acknowledged is there once, the
//! ledger is exact, and the check at rest finds nothing, before the next start as after it.
//!
//! The list of places is the program's own, so a new one is tested by being there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use domain::crash::Point;
use serde_json::json;
use tests::publisher::{Message, parking, publish_all};
use tests::until::until;
use tests::{Api, Server};

const PASSES: [u64; 3] = [1, 2, 10];
/// Data directories that are crashed side by side: most of a life is waiting for timers.
const WORKERS: usize = 3;
/// A life that reaches no tenth pass by then never will.
const LIFE_MAX: Duration = Duration::from_secs(90);
/// Readings of each round lie on days that are over, so that they are merged.
const START_MS: i64 = 1_780_000_000_000;
const DAY_MS: i64 = 86_400_000;
const SENSORS: i64 = 20;
/// Everything that else takes minutes happens every second.
const QUICK: [&str; 7] = [
    "ingest.commit_s=1",
    "ingest.checkpoint_s=1",
    "ingest.maintenance_s=1",
    "lake.merge_every_s=1",
    "lake.checkpoint_commits=2",
    "journal.segment_bytes=65536",
    "log.level=warn",
];

#[test]
fn at_every_named_place_a_death_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let moments: Vec<_> = Point::ALL.into_iter().flat_map(|point| PASSES.map(|pass| (point, pass))).collect();
    let only = std::env::var("KERBSIDE_CRASH_ONLY").unwrap_or_default();
    let queue = Mutex::new(moments.into_iter().filter(|(point, _)| point.name().contains(&only)).rev().collect::<Vec<_>>());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(|| work(&queue))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })
}

fn work(queue: &Mutex<Vec<(Point, u64)>>) -> anyhow::Result<()> {
    loop {
        let next = queue.lock().expect("no worker panics").pop();
        let Some((point, pass)) = next else {
            return Ok(());
        };
        let mut city = City::new()?;
        let outcome = if point.is_once_a_start() { city.dies_starting(point, pass) } else { city.dies_under_load(point, pass) };
        outcome.and_then(|()| city.check()).with_context(|| format!("{}:{pass}; {}", point.name(), city.last_lines()))?;
    }
}

/// A data directory, and what its clients know.
struct City {
    server: Server,
    sent: BTreeSet<i64>,
    acknowledged: BTreeSet<i64>,
    sites: BTreeSet<String>,
}

impl City {
    fn new() -> anyhow::Result<Self> {
        let flags: Vec<&str> = QUICK.iter().flat_map(|pair| ["--set", pair]).collect();
        let server = Server::stopped("serve", &flags)?;
        Ok(Self { server, sent: BTreeSet::new(), acknowledged: BTreeSet::new(), sites: BTreeSet::new() })
    }

    /// Lives under load until it dies; a place that is passed while starting kills it before it is ready.
    fn dies_under_load(&mut self, point: Point, pass: u64) -> anyhow::Result<()> {
        if point == Point::RecoveryReplay {
            self.leave_a_long_replay()?;
        }
        self.server.crash_at(Some(format!("{}:{pass}", point.name())));
        if self.server.restart().is_ok() {
            self.load()?;
        }
        ensure!(self.died_as_asked(point), "it was never passed so often");
        Ok(())
    }

    /// So many starts in a row die at the same place.
    fn dies_starting(&mut self, point: Point, starts: u64) -> anyhow::Result<()> {
        self.leave_a_long_replay()?;
        self.server.crash_at(Some(format!("{}:1", point.name())));
        for _ in 0..starts {
            ensure!(self.server.restart().is_err(), "it was not passed by this start");
        }
        ensure!(self.died_as_asked(point), "it was not passed");
        Ok(())
    }

    fn died_as_asked(&self, point: Point) -> bool {
        self.server.stderr().contains(&format!("ends at {}", point.name()))
    }

    /// More records behind the newest checkpoint than ten slices hold.
    fn leave_a_long_replay(&mut self) -> anyhow::Result<()> {
        self.server.crash_at(None);
        self.server.with_flags(&["--set", "ingest.checkpoint_s=3600"]);
        self.server.restart()?;
        let numbers = self.next_numbers(12_000);
        let messages: Vec<_> = numbers.iter().map(|n| message(*n)).collect();
        let places = publish_all(self.server.mqtt(), &messages, 4, "before");
        self.acknowledged.extend(places.into_iter().map(|place| numbers[place]));
        self.server.kill()?;
        self.server.with_flags(&["--set", "ingest.checkpoint_s=1"]);
        Ok(())
    }

    /// Readings and edits until the process is dead.
    fn load(&mut self) -> anyhow::Result<()> {
        let (mqtt, api, is_over) = (self.server.mqtt(), self.server.api(), AtomicBool::new(false));
        let first = self.sent.last().map_or(0, |last| last + 1);
        let (lives, sites) = std::thread::scope(|scope| -> anyhow::Result<_> {
            let editing = scope.spawn(|| edit(&api, &is_over));
            let mut lives = Vec::new();
            let mut from = first;
            let ended = until(LIFE_MAX, || {
                let numbers: Vec<i64> = (from..from + 2_000).collect();
                from += 2_000;
                let messages: Vec<_> = numbers.iter().map(|n| message(*n)).collect();
                let places = publish_all(mqtt, &messages, 2, "load");
                lives.push((numbers, places));
                self.server.ended().ok().flatten()
            });
            is_over.store(true, Ordering::Relaxed);
            let sites = editing.join().expect("the editor does not panic");
            ended.context("it lives on")?;
            Ok((lives, sites))
        })?;
        for (numbers, places) in lives {
            self.acknowledged.extend(places.into_iter().map(|place| numbers[place]));
            self.sent.extend(numbers);
        }
        self.sites.extend(sites);
        Ok(())
    }

    fn next_numbers(&mut self, count: i64) -> Vec<i64> {
        let first = self.sent.last().map_or(0, |last| last + 1);
        let numbers: Vec<i64> = (first..first + count).collect();
        self.sent.extend(&numbers);
        numbers
    }

    fn check(&mut self) -> anyhow::Result<()> {
        self.verify("as it died")?;
        self.server.crash_at(None);
        self.server.restart()?;
        let api = self.server.api();
        let found = found(&api)?;
        let lost: Vec<_> = self.acknowledged.difference(&found).take(3).collect();
        ensure!(lost.is_empty(), "acknowledged and lost: {lost:?} of {}", self.acknowledged.len());
        ensure!(found.is_subset(&self.sent), "more than was ever sent");
        let ledger = api.ledger()?;
        ensure!(ledger.adds_up() && ledger.accepted == found.len() as u64, "{} found, {ledger:?}", found.len());
        let sites: BTreeSet<String> =
            api.list("/v1/parking/sites")?.iter().filter_map(|site| Some(site["id"].as_str()?.to_owned())).collect();
        ensure!(self.sites.is_subset(&sites), "confirmed and lost: {:?}", self.sites.difference(&sites).collect::<Vec<_>>());
        ensure!(self.server.stop()?.success(), "it does not stop");
        self.verify("after a start and a stop")
    }

    fn verify(&self, when: &str) -> anyhow::Result<()> {
        if !self.server.data_dir().join("format").exists() {
            return Ok(());
        }
        let verified = self.server.run(&["verify"])?;
        ensure!(verified.status.success(), "{when}: {}{}", verified.stdout, verified.stderr);
        Ok(())
    }

    fn last_lines(&self) -> String {
        let stderr = self.server.stderr();
        let lines: Vec<_> = stderr.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// Sites one after the other; those that were confirmed.
fn edit(api: &Api, is_over: &AtomicBool) -> BTreeSet<String> {
    let mut sites = BTreeSet::new();
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("site-{number}");
        let feature = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [105.85, 21.03]},
            "properties": {"kind": "site", "id": id}});
        let body = json!({"type": "FeatureCollection", "features": [feature]}).to_string();
        if api.post("/v1/registry", "application/geo+json", body.as_bytes()).is_ok_and(|answer| answer.status == 200) {
            sites.insert(id);
        }
    }
    sites
}

/// Of three days, and every sensor in each.
fn message(n: i64) -> Message {
    let state = if n % 2 == 0 { "occupied" } else { "vacant" };
    parking(&format!("bay-{}", n % SENSORS), START_MS + n % 3 * DAY_MS + n * 100, state)
}

/// The numbers of all readings; an error when one stands twice.
fn found(api: &Api) -> anyhow::Result<BTreeSet<i64>> {
    let mut times: BTreeMap<i64, u32> = BTreeMap::new();
    for n in 0..SENSORS {
        for item in api.readings(&format!("bay-{n}"))? {
            let observed = item["observed_at"].as_str().unwrap_or_default();
            let ms = domain::Timestamp::parse_rfc3339(observed)?.as_micros() / 1_000 - START_MS;
            // The day is told by the number itself.
            let number = (0..3).map(|day| ms - day * DAY_MS).find(|rest| {
                *rest % 100 == 0 && *rest >= 0 && {
                    let n = rest / 100;
                    n % 3 == (ms - rest) / DAY_MS && n < DAY_MS / 100
                }
            });
            *times.entry(number.with_context(|| format!("{observed} was never sent"))? / 100).or_default() += 1;
        }
    }
    let twice = times.iter().find(|(_, count)| **count > 1);
    ensure!(twice.is_none(), "doubled: {twice:?}");
    Ok(times.into_keys().collect())
}
