//! Keeps the copy fresh: connects, follows, and connects again when ingest was lost.
//!
//! On each connection the lake is read before anything is asked for, so that ingest need only send what the lake does not hold.
//! From then on the lake is read again when ingest says that it went on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::Clock;
use domain::limits::{LINK_AWAY_AFTER, LINK_SILENCE_MAX};
use domain::registry::{CityOptions, Registry};
use lake::Lake;
use lake::contract::IngestStatus;
use lake::contract::link::{Frame, Greeting, LinkError, News, Request, Seal, read, write};
use lake::snapshot::TableSnapshot;
use lake::table::Table;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::Link;
use super::calls::open;
use super::copy::{Copy, Standing};
use super::staged::{Came, Staged, Versions};
use crate::metrics;

/// What fills the copy; runs beside the server.
pub struct Follower {
    address: String,
    lake: Option<Lake>,
    city: CityOptions,
    clock: Arc<dyn Clock>,
    copy: Arc<Copy>,
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("it ended the connection")]
    Left,
    #[error("it did not speak for {} s", LINK_SILENCE_MAX.as_secs())]
    Silent,
    #[error("the lake has to be read again first")]
    Behind,
    #[error("the lake cannot be read: {0}")]
    Lake(#[from] lake::Error),
    #[error(
        "its city has the time zone {theirs_zone} and the levels {theirs_levels}, this one {zone} and {levels}: give both the same [city]"
    )]
    OtherCity { theirs_zone: String, theirs_levels: String, zone: String, levels: String },
    #[error("a registry could not be put together")]
    Registry,
}

/// Waits between two connections: doubled up to the longest, from the shortest again once the copy was whole.
const BACK_OFF_MIN: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(2);

/// The newest version of each table that ingest told.
type LakeVersions = [i64; Table::ALL.len()];

impl Follower {
    pub(super) fn new(link: Link, copy: Arc<Copy>) -> Self {
        let Link { address, lake, city, clock } = link;
        Self { address, lake, city, clock, copy }
    }

    /// Until `shutdown`. Ingest that is away or refuses is tried again for ever; the copy tells.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut back_off = BACK_OFF_MIN;
        let mut told = String::new();
        loop {
            let mut was_whole = false;
            let ended = tokio::select! {
                ended = self.follow(&mut was_whole) => ended,
                () = shutdown.cancelled() => return Ok(()),
            };
            let why = match ended {
                Ok(never) => match never {},
                Err(ended) => ended.to_string(),
            };
            metrics::link_lost();
            if was_whole || why != told {
                warn!(ingest = self.address, why, "ingest is away: answers are of before, and it is tried again");
            }
            if was_whole {
                back_off = BACK_OFF_MIN;
            }
            told.clone_from(&why);
            self.copy.stands(Standing::Away { why });
            tokio::select! {
                () = self.clock.sleep(back_off) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            back_off = (back_off * 2).min(BACK_OFF_MAX);
        }
    }

    async fn follow(&self, was_whole: &mut bool) -> Result<Infallible, Ended> {
        let (mut stream, greeting) = open(&self.address, &self.clock).await?;
        self.check_city(&greeting.city)?;
        let lake = self.read_lake(&greeting).await?;
        let follow = self.copy.wants(greeting.journal, &lake);
        write(&mut stream, &Request::Follow(follow), &[]).await?;
        self.step(&mut stream, &greeting, lake).await?;
        *was_whole = true;
        info!(ingest = self.address, "following ingest");
        self.copy.stands(Standing::Here);
        metrics::link_follows();
        let versions = watch::Sender::new(LakeVersions::default());
        tokio::select! {
            ended = self.receive(&mut stream, &greeting, &versions) => ended,
            ended = self.keep_lake(versions.subscribe()) => ended,
        }
    }

    /// What the greeting's journal has committed, as the lake tells it now.
    async fn read_lake(&self, greeting: &Greeting) -> Result<Vec<Arc<TableSnapshot>>, Ended> {
        let Some(lake) = &self.lake else {
            return Ok(Vec::new());
        };
        lake.refresh().await?;
        for table in Table::ALL {
            lake.committed(table, greeting.journal).await?;
        }
        Ok(snapshots(lake))
    }

    async fn receive(
        &self,
        stream: &mut TcpStream,
        greeting: &Greeting,
        versions: &watch::Sender<LakeVersions>,
    ) -> Result<Infallible, Ended> {
        loop {
            self.copy.has_room().await;
            let seal = self.step(stream, greeting, Vec::new()).await?;
            if let Some(status) = &seal.status {
                versions.send_if_modified(|known| {
                    let told = told(status);
                    std::mem::replace(known, told) != told
                });
            }
        }
    }

    /// One step, applied; `lake` was read before it.
    async fn step(&self, stream: &mut TcpStream, greeting: &Greeting, lake: Vec<Arc<TableSnapshot>>) -> Result<Seal, Ended> {
        let mut staged = Staged::default();
        loop {
            let Frame { head, body } = self.next(stream).await?;
            match staged.take(head, body, &self.city).await? {
                Came::Part => {}
                Came::Behind => return Err(Ended::Behind),
                Came::Recovering(position, upto) => self.copy.stands(Standing::Recovering { position, upto }),
                Came::Sealed(seal) => {
                    let registry = match staged.registry.take() {
                        Some(versions) => Some(self.registry_after(versions).await?),
                        None => None,
                    };
                    self.copy.apply(greeting.journal, staged, registry, (*seal).clone(), lake)?;
                    return Ok(*seal);
                }
            }
        }
    }

    /// Arranged for now already, so that nobody who asks has to wait for it.
    async fn registry_after(&self, versions: Versions) -> Result<Arc<Registry>, Ended> {
        let (held, now) = (self.copy.registry(), self.clock.now());
        let build = move || {
            let registry = versions.lead_from(&held);
            registry.layout(now);
            Arc::new(registry)
        };
        aside::run(build).await.map_err(|_| Ended::Registry)
    }

    async fn next(&self, stream: &mut TcpStream) -> Result<Frame<News>, Ended> {
        tokio::select! {
            frame = read(stream) => frame?.ok_or(Ended::Left),
            () = self.clock.sleep(LINK_SILENCE_MAX) => Err(Ended::Silent),
        }
    }

    /// Reads the lake again when ingest has told of a newer version. A lake that cannot be read is tried again: until then the
    /// rows stay hot.
    async fn keep_lake(&self, mut versions: watch::Receiver<LakeVersions>) -> Result<Infallible, Ended> {
        let Some(lake) = &self.lake else {
            return std::future::pending().await;
        };
        loop {
            if versions.changed().await.is_err() {
                return std::future::pending().await;
            }
            let told = *versions.borrow_and_update();
            while Table::ALL.into_iter().any(|table| lake.snapshot(table).version < told[table as usize]) {
                match lake.refresh().await {
                    Ok(()) => {
                        self.copy.read(snapshots(lake))?;
                        debug!("the lake went on");
                    }
                    Err(error) => warn!(%error, "the lake cannot be read, trying again"),
                }
                self.clock.sleep(LINK_AWAY_AFTER / 10).await;
            }
        }
    }

    fn check_city(&self, theirs: &CityOptions) -> Result<(), Ended> {
        match theirs.zone == self.city.zone && theirs.levels == self.city.levels {
            true => Ok(()),
            false => Err(Ended::OtherCity {
                theirs_zone: theirs.zone.clone(),
                theirs_levels: theirs.levels.join(", "),
                zone: self.city.zone.clone(),
                levels: self.city.levels.join(", "),
            }),
        }
    }
}

fn snapshots(lake: &Lake) -> Vec<Arc<TableSnapshot>> {
    Table::ALL.into_iter().map(|table| lake.snapshot(table)).collect()
}

fn told(status: &IngestStatus) -> LakeVersions {
    Table::ALL.map(|table| {
        let told = status.tables.iter().find(|status| status.table == table.name());
        told.map_or(-1, |status| status.lake_version)
    })
}
