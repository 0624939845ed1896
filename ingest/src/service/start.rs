//! Start: the newest checkpoint, the registry as it was there, and the journal's tail from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use arc_swap::ArcSwap;
use domain::registry::CityOptions;
use domain::{Clock, Position, crash_point};
use journal::Journal;
use journal::storage::Storage;
use lake::Lake;
use lake::table::Table;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tracing::{info, warn};

use super::Service;
use crate::checkpoint::{CHECKPOINTS, Checkpoints, Found};
use crate::error::Error;
use crate::hot::Hot;
use crate::options::Options;
use crate::pipeline::{Committed, Pipeline, Rules, State};
use crate::registry;
use crate::shared::{Floor, Shared};
use crate::uplinks::Uplinks;
use crate::writer::Writer;

/// In the data directory.
const REGISTRY: &str = "registry.sqlite";

/// Whether ingest ever worked in a data directory: there is a lake of it then, somewhere.
pub fn has_worked_in(data_dir: &Path) -> bool {
    [REGISTRY, CHECKPOINTS].iter().any(|name| data_dir.join(name).exists())
}

/// What ingest is given.
pub struct Deps {
    pub journal: Journal,
    pub lake: Lake,
    pub clock: Arc<dyn Clock>,
    pub city: CityOptions,
    /// Holds `checkpoint/` and `registry.sqlite`.
    pub data_dir: PathBuf,
    /// Other readers of the journal: it is not trimmed beyond the least of these.
    pub floors: Vec<Floor>,
}

impl Service {
    /// Reads the newest checkpoint and opens the tail after it. Reads files on the calling thread: part of a start, not of a request.
    pub async fn new(options: Options, deps: Deps) -> Result<Self, Error> {
        let checkpoints = Checkpoints::open(deps.data_dir.join(CHECKPOINTS))?;
        Self::begin(options, deps, checkpoints).await
    }

    /// As [`Service::new`], with the checkpoints on a storage of the caller's own.
    pub async fn new_on(options: Options, deps: Deps, checkpoints: Arc<dyn Storage>) -> Result<Self, Error> {
        let checkpoints = Checkpoints::open_on(deps.data_dir.join(CHECKPOINTS), checkpoints)?;
        Self::begin(options, deps, checkpoints).await
    }

    async fn begin(options: Options, deps: Deps, checkpoints: Checkpoints) -> Result<Self, Error> {
        let mut found = checkpoints.load()?;
        let committed = committed(&deps).await?;
        let fallback = found.fallback.unwrap_or_default();
        let state = state_of(&deps, &mut found, &committed)?;
        for error in &found.damaged {
            warn!(%error, "checkpoint set aside, an older one or the whole journal counts");
        }
        checkpoints.set_aside(&found.damaged)?;
        let file = deps.data_dir.join(REGISTRY);
        let (store, registry) = registry::open(&file, &deps.lake, &state, deps.journal.head(), &deps.city).await?;
        let registry = Arc::new(registry);
        crash_point!(RecoveryBeforeReplay);
        let tail = deps.journal.tail(state.position)?;
        info!(checkpoint = state.position.0, head = deps.journal.head().0, "ingest begins");
        let now = deps.clock.elapsed();
        let writer = Writer::new(&options, now, state.position);
        let rules = Rules::of(&options, &deps.lake, deps.clock.now());
        let shared = Arc::new(Shared {
            start: deps.journal.head(),
            journal: deps.journal,
            lake: deps.lake,
            clock: deps.clock,
            floors: deps.floors,
            hot: RwLock::new(Hot::new(state.position, state.now, |table| committed.of(table))),
            uplinks: Mutex::new(Uplinks::new(options.uplink_bytes)),
            registry: ArcSwap::new(registry.clone()),
            head: watch::Sender::new(state.position),
            checkpoint: AtomicU64::new(state.position.0),
            fallback: AtomicU64::new(fallback.0),
            reached: AtomicI64::new(state.now.as_micros()),
            edits: Mutex::default(),
            edit_turn: tokio::sync::Mutex::default(),
            reprocess_turn: tokio::sync::Mutex::default(),
            order: Mutex::default(),
            pipeline: RwLock::new(Pipeline::new(rules, state, registry, options.dedupe_bytes)),
            options,
        });
        Ok(Self { shared, tail, committed, store, checkpoints, writer })
    }
}

/// How far this journal is in each table.
async fn committed(deps: &Deps) -> Result<Committed, Error> {
    let mut committed = Committed::default();
    for table in Table::ALL {
        let upto = deps.lake.committed(table, deps.journal.id()).await?;
        if upto > deps.journal.head() {
            return Err(Error::JournalBehind { head: deps.journal.head(), what: "commit of the lake", position: upto });
        }
        if upto == Position::START && !deps.lake.snapshot(table).files.is_empty() {
            return Err(Error::OtherLake(table));
        }
        committed.set(table, upto);
    }
    Ok(committed)
}

fn state_of(deps: &Deps, found: &mut Found, committed: &Committed) -> Result<State, Error> {
    let (head, first) = (deps.journal.head(), deps.journal.first());
    let Some(checkpoint) = found.newest.take() else {
        if first > Position::START.next() {
            let damaged = found.damaged.iter().map(|error| format!("; {error}")).collect();
            return Err(Error::CheckpointMissing { first, damaged });
        }
        return Ok(State::default());
    };
    if checkpoint.journal != deps.journal.id() {
        return Err(Error::OtherJournal);
    }
    let position = checkpoint.state.position;
    if position > head {
        return Err(Error::JournalBehind { head, what: "checkpoint", position });
    }
    let behind = Table::ALL.into_iter().filter(|table| committed.of(*table) < position).count();
    info!(position = position.0, tables_without_later_rows = behind, "checkpoint read");
    Ok(checkpoint.state)
}
