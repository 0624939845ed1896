//! `erase`: everything of one sensor in a period leaves a stopped data directory, on request of whom it is about.
//!
//! ```text
//! settle (a start and a stop) ─► survey ─► audit begins ─► record, checkpoints ─► front ─► lake ─► journal ─► audit ends
//! ```
//!
//! Each step may be done again: after a death in between the same command goes on. Until the journal's bytes are gone, the last step, the
//! audit log tells an act that did not end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use broker::AtRest;
use domain::access::Act;
use domain::record::kind;
use domain::rng::Rng;
use domain::{Clock, Erasure, Timestamp};
use ingest::erase::Eraser;
use journal::Journal;

use crate::cli::Erase;
use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::offline::Offline;
use crate::security::{Store, operator};
use crate::{clock, command, node};

pub async fn run(erase: Erase, config: Config) -> anyhow::Result<ExitCode> {
    let clock = clock::system();
    let erasure = asked(&erase, clock.now())?;
    let has_ingest = settle(&config).await?;
    let data_dir = DataDir::open_existing(&config.data_dir)?;
    let mut places = Places::open(&config, &clock, has_ingest).await?;
    let found = places.survey(&erasure).await?;
    if !found.is_known {
        let (sensor, dir) = (&erasure.sensor, data_dir.path().display());
        anyhow::bail!("--sensor {sensor}: nothing is known of this sensor in {dir}");
    }
    if erase.dry_run {
        places.journal.close().await.context("closing the journal")?;
        command::say(&format!("{}: there are {}; a dry run erases nothing\n", told(&erasure), found.text()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut store = Store::open(&config.security.dir(&config.data_dir))?;
    let (who, subject) = (operator(), told(&erasure));
    let act = store.begin(Act { who: &who, act: "erase", subject: &subject }, clock.now())?;
    let files = places.erase(&erasure, &found).await.context("the erasure did not end, the same command goes on with it")?;
    store.end(act, &format!("{} erased", found.text()), clock.now())?;
    command::say(&format!("{subject}: erased {}; {files} files of the lake removed\n", found.text()))?;
    drop(data_dir);
    Ok(ExitCode::SUCCESS)
}

fn asked(erase: &Erase, now: Timestamp) -> anyhow::Result<Erasure> {
    let Erase { sensor, from, to, .. } = erase;
    anyhow::ensure!(from < to, "--to {to}: has to be later than --from {from}");
    anyhow::ensure!(*to <= now, "--to {to}: lies ahead, it is {now}; only what has been can be erased");
    Ok(Erasure { sensor: sensor.clone(), from: *from, to: *to })
}

fn told(erasure: &Erasure) -> String {
    let Erasure { sensor, from, to } = erasure;
    format!("{sensor} from {from} to {to}")
}

/// Takes in and commits what waits in the journal. `false` where no ingest ever worked: the data dir of a broker alone.
async fn settle(config: &Config) -> anyhow::Result<bool> {
    let data_dir = DataDir::open_existing(&config.data_dir)?;
    let has_ingest = data_dir::lake(data_dir.path()).exists() || ingest::has_worked_in(data_dir.path());
    drop(data_dir);
    if has_ingest {
        Offline::open_existing(config).await?.close().await?;
    }
    Ok(has_ingest)
}

/// Everywhere that something of a sensor may be kept.
struct Places {
    journal: Journal,
    journal_dir: PathBuf,
    eraser: Option<Eraser>,
    front: Option<AtRest>,
}

struct Found {
    is_known: bool,
    rows: Option<ingest::erase::Found>,
    /// Records of the journal.
    records: u64,
    /// Retained messages and wills.
    kept: u64,
}

impl Found {
    fn text(&self) -> String {
        let (readings, letters) = self.rows.as_ref().map_or((0, 0), |rows| (rows.readings(), rows.letters()));
        format!(
            "{readings} readings, {letters} dead letters, {} journal records, {} retained messages and wills",
            self.records, self.kept
        )
    }
}

impl Places {
    async fn open(config: &Config, clock: &Arc<dyn Clock>, has_ingest: bool) -> anyhow::Result<Self> {
        let journal_dir = data_dir::journal(&config.data_dir);
        let journal = node::open_journal(config, clock, &mut Rng::from_entropy()).await?;
        let eraser = match has_ingest {
            true => {
                let deps = ingest::Deps {
                    journal: journal.clone(),
                    lake: node::open_lake(config, clock).await?,
                    clock: Arc::clone(clock),
                    city: config.city.clone(),
                    data_dir: config.data_dir.clone(),
                    floors: Vec::new(),
                };
                Some(Eraser::open(config.ingest.clone(), deps).await?)
            }
            false => None,
        };
        let front = AtRest::open(data_dir::broker(&config.data_dir), &journal).await?;
        Ok(Self { journal, journal_dir, eraser, front })
    }

    async fn survey(&self, erasure: &Erasure) -> anyhow::Result<Found> {
        let (mut rows, mut is_heard) = (None, false);
        if let Some(eraser) = &self.eraser {
            is_heard = eraser.knows(erasure);
            rows = Some(eraser.survey(erasure).await?);
        }
        let (dir, of) = (self.journal_dir.clone(), erasure.clone());
        let counting = tokio::task::spawn_blocking(move || journal::erase::count(&dir, |entry| reaches(&of, entry)));
        let records = counting.await?.context("the journal")?;
        let kept = self.front.as_ref().map_or(0, |front| front.count(erasure));
        let is_known = is_heard || records > 0 || kept > 0 || rows.as_ref().is_some_and(|rows| rows.letters() > 0);
        Ok(Found { is_known, rows, records, kept })
    }

    /// The number of the lake's files that went.
    async fn erase(&mut self, erasure: &Erasure, found: &Found) -> anyhow::Result<u64> {
        let mut files = 0;
        if let (Some(eraser), Some(rows)) = (&mut self.eraser, &found.rows) {
            eraser.record(erasure, rows).await?;
        }
        if let Some(front) = self.front.take() {
            let of = erasure.clone();
            tokio::task::spawn_blocking(move || front.erase(&of)).await??;
        }
        if let (Some(eraser), Some(rows)) = (&self.eraser, &found.rows) {
            files = eraser.erase(erasure, rows).await?;
        }
        self.journal.close().await.context("closing the journal")?;
        let (dir, of) = (self.journal_dir.clone(), erasure.clone());
        let erasing = move || journal::erase::erase(&dir, kind::ERASED, |entry| reaches(&of, entry));
        tokio::task::spawn_blocking(erasing).await?.context("the journal")?;
        Ok(files)
    }
}

fn reaches(erasure: &Erasure, entry: &journal::Entry) -> bool {
    ingest::erase::reaches(erasure, entry) || broker::erase::reaches(erasure, entry)
}
