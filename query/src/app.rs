//! What every handler shares: the options, the ways to ask, and what is kept between two questions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::access::{Audit, Keys};
use domain::rng::Rng;
use domain::{Clock, Timestamp};
use http::HeaderMap;
use lake::contract::{Intake, Live};
use tokio::sync::Semaphore;

use crate::api::LastHours;
use crate::board::Board;
use crate::call::REQUEST_ID;
use crate::city::City;
use crate::engine::{Engine, EngineLimits};
use crate::page::Pages;
use crate::problem::Problem;
use crate::server::{Deps, Readiness};
use crate::snapshots::Snapshots;
use crate::{Error, Options};

pub struct App {
    pub options: Options,
    pub city: City,
    pub live: Arc<dyn Live>,
    pub intake: Arc<dyn Intake>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub pages: Pages,
    pub ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
    pub keys: Arc<dyn Keys>,
    pub audit: Arc<dyn Audit>,
    /// Of concentrations of gases.
    pub reference_temperature_c: f64,
    pub engine: Engine,
    /// How sites and bays stand now.
    pub board: Arc<Board>,
    pub snapshots: Snapshots,
    pub last_hours: LastHours,
    /// Bodies over the limit of others that are taken at a time.
    pub large_bodies: Semaphore,
    /// Answers over a whole city that are written at a time.
    long: Arc<Semaphore>,
    /// The next request's number; starts anywhere, so that ids of two runs differ.
    requests: AtomicU64,
}

/// Statements that run at once: two leave each other half of the memory.
const STATEMENTS: usize = 2;

fn engine_limits(options: &Options) -> EngineLimits {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    EngineLimits {
        threads: if options.threads == 0 { cores() } else { options.threads },
        memory_bytes: domain::limits::SQL_MEMORY_BYTES_MAX,
        footer_cache_bytes: options.footer_cache_bytes,
        statements: STATEMENTS,
    }
}

/// Each holds the items of a city, some tens of MB, for as long as it is written.
const LONG_ANSWERS: usize = 2;

/// A caller's own request id that is taken over: enough for a UUID or a trace id.
const REQUEST_ID_BYTES_MAX: usize = 64;

impl App {
    pub fn new(options: Options, deps: Deps) -> Result<Self, Error> {
        let city = City::new(deps.city)?;
        let engine = Engine::new(deps.files, engine_limits(&options), Arc::clone(&deps.clock))?;
        Ok(Self {
            city,
            engine,
            board: Arc::new(Board::new(Arc::clone(&deps.live))),
            snapshots: Snapshots::default(),
            last_hours: LastHours::default(),
            large_bodies: Semaphore::new(1),
            long: Arc::new(Semaphore::new(LONG_ANSWERS)),
            live: deps.live,
            intake: deps.intake,
            clock: deps.clock,
            metrics: deps.metrics,
            pages: deps.pages,
            ready: deps.ready,
            keys: deps.keys,
            audit: deps.audit,
            reference_temperature_c: deps.reference_temperature_c,
            requests: AtomicU64::new(Rng::from_entropy().next_u64()),
            options,
        })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Work over a whole city: on the engine's threads, and behind others of its kind, so that it delays nobody who asks for little.
    pub async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = Arc::clone(&self.long).acquire_owned().await.map_err(|error| Problem::Internal(error.to_string()))?;
        // The turn goes with the work, which goes on when its asker has left.
        let in_turn = move || {
            let _turn = turn;
            Ok(work())
        };
        self.engine.carry_out(in_turn).await?
    }

    /// The caller's, where it is a plain word; else a new one.
    pub fn request_id(&self, headers: &HeaderMap) -> String {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let plain = |id: &&str| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
                && id.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
        };
        match given.filter(plain) {
            Some(id) => id.to_owned(),
            None => format!("{:016x}", self.requests.fetch_add(1, Ordering::Relaxed)),
        }
    }
}
