//! Ingest on a stopped data directory, for commands that change it without a server: the same journal, pipeline and lake, no sockets.

use std::future::Future;
use std::sync::Arc;

use anyhow::Context as _;
use broker::AtRest;
use domain::Clock;
use domain::rng::Rng;
use journal::Journal;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::{clock, command, node};

/// A running pipeline; [`close`](Self::close) commits what it took. Fields are dropped in this order: the lock goes last.
pub struct Offline {
    service: JoinHandle<Result<(), ingest::Error>>,
    handle: ingest::Handle,
    shutdown: CancellationToken,
    journal: Journal,
    _data_dir: DataDir,
}

impl Offline {
    /// On an existing or a new directory. Returns once every record that was there is taken.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        if let Err(data_dir::Error::Missing(path)) = data_dir::expect(&config.data_dir) {
            // A server that serves another directory would never see what goes into this one.
            command::remark(&format!("new data dir {}: --data-dir names another, --server a running server", path.display()));
        }
        Self::on(DataDir::open(&config.data_dir)?, config).await
    }

    /// On an existing directory only, for commands that read.
    pub async fn open_existing(config: &Config) -> anyhow::Result<Self> {
        Self::on(DataDir::open_existing(&config.data_dir)?, config).await
    }

    async fn on(data_dir: DataDir, config: &Config) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = clock::system();
        let journal = node::open_journal(config, &clock, &mut Rng::from_entropy()).await?;
        let floors = floors(config, &data_dir, &journal).await?;
        let lake = node::open_lake(config, &clock).await?;
        let service = node::open_ingest(config, &journal, lake, &clock, floors).await?;
        let (handle, shutdown) = (service.handle(), CancellationToken::new());
        let mut service = tokio::spawn(service.run(shutdown.clone()));
        tokio::select! {
            () = handle.caught_up() => {}
            ended = &mut service => anyhow::bail!("ingest ended early: {:?}", ended?),
        }
        Ok(Self { service, handle, shutdown, journal, _data_dir: data_dir })
    }

    pub fn handle(&self) -> ingest::Handle {
        self.handle.clone()
    }

    /// What `work` gives; an error when the pipeline ends first, since nothing would ever be taken then.
    pub async fn run<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        tokio::select! {
            outcome = work => Ok(outcome),
            ended = &mut self.service => match ended? {
                Ok(()) => anyhow::bail!("ingest ended early"),
                Err(error) => Err(error.into()),
            },
        }
    }

    pub async fn close(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.service.await??;
        self.journal.close().await.context("closing the journal")
    }
}

/// A front is not there to say what its sessions have yet to read: the journal is kept for them, as far as any is owed something.
async fn floors(config: &Config, data_dir: &DataDir, journal: &Journal) -> anyhow::Result<Vec<ingest::Floor>> {
    let Some(front) = AtRest::open(data_dir::broker(data_dir.path()), journal).await? else {
        return Ok(Vec::new());
    };
    let floor = front.floor(&config.broker);
    // What the next front needs besides is in its checkpoint from here on: nothing that is done without it changes that.
    tokio::task::spawn_blocking(move || front.settle()).await??;
    Ok(floor.into_iter().map(|floor| Arc::new(move || floor) as ingest::Floor).collect())
}
