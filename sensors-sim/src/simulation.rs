//! A simulated city against a broker: the run paced by the clock, its devices behind a bounded number of gateway connections.
//!
//! When the broker is slow or away, events wait in bounded queues and the simulation falls behind; nothing is dropped. Its time never
//! passes the clock's: with a speed above 1 it starts in the past and goes on at the clock's pace once it has caught up.

use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, Timestamp};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::city::{City, CityOptions};
use crate::error::Error;
use crate::publisher::{Handle, Message, Publisher, PublisherOptions, PublisherStats};
use crate::run::{CityRun, Event};

/// How far back a faster simulation starts unless told.
const CATCH_UP_DEFAULT: Duration = Duration::from_secs(24 * 3_600);
/// At shutdown: how long the last PUBACKs are waited for.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Longest sleep between looks at the clock, which may jump.
const NAP_MAX: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulationOptions {
    pub city: CityOptions,
    /// `client_id` is the stem of the gateways' ids.
    pub publisher: PublisherOptions,
    /// Simulated seconds a second, until the simulation has caught up with the clock.
    pub speed: f64,
    /// Where it starts: now at speed 1, a day ago above.
    pub from: Option<Timestamp>,
    /// Ends by itself after this much simulated time.
    pub for_s: Option<u64>,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        let publisher = PublisherOptions { client_id: "kerbside-sim-gw".to_owned(), queue: 1_024, ..PublisherOptions::default() };
        Self { city: CityOptions::default(), publisher, speed: 1.0, from: None, for_s: None }
    }
}

/// Where a simulation stands.
#[derive(Clone, Debug, Default)]
pub struct SimulationStats {
    /// Events handed to the gateways.
    pub events: u64,
    /// The newest event's instant.
    pub simulated: Timestamp,
    /// How far that is behind where the speed says it should be, microseconds; 0 on time.
    pub behind_micros: i64,
    /// Sum over the gateways.
    pub published: PublisherStats,
}

/// A cheap view of a running simulation.
#[derive(Clone)]
pub struct SimulationHandle {
    stats: Arc<Mutex<SimulationStats>>,
    gateways: Arc<Mutex<Vec<Handle>>>,
}

impl SimulationHandle {
    pub fn stats(&self) -> SimulationStats {
        let mut stats = self.stats.lock().clone();
        // Once the gateways have ended their sum stands in the stats already.
        for gateway in self.gateways.lock().iter() {
            stats.published.add(&gateway.stats());
        }
        stats
    }
}

pub struct Simulation {
    city: Arc<City>,
    options: SimulationOptions,
    clock: Arc<dyn Clock>,
    handle: SimulationHandle,
}

impl Simulation {
    pub fn new(options: SimulationOptions, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        if !(options.speed.is_finite() && options.speed > 0.0) {
            return Err(Error::Options(format!("speed {} is no number above 0", options.speed)));
        }
        let city = Arc::new(City::new(options.city.clone())?);
        let handle = SimulationHandle { stats: Arc::default(), gateways: Arc::default() };
        Ok(Self { city, options, clock, handle })
    }

    /// The city whose registry the server needs.
    pub fn city(&self) -> &Arc<City> {
        &self.city
    }

    pub fn handle(&self) -> SimulationHandle {
        self.handle.clone()
    }

    /// Until cancelled or `for_s` is over: stops creating, waits for what is on the way, tells the sum. Fails when a broker refuses for good.
    pub async fn run(self, shutdown: CancellationToken) -> Result<SimulationStats, Error> {
        let started = self.clock.now();
        let run = CityRun::new(Arc::clone(&self.city), self.from(started));
        let leave = CancellationToken::new();
        let (senders, mut gateways) = self.connect(run.gateways(), &leave);
        info!(gateways = run.gateways(), devices = self.city.device_count(), from = %self.from(started), "simulation starts");
        let mut sum = PublisherStats::default();
        let mut failure = None;
        tokio::select! {
            () = self.drive(run, started, &senders) => {}
            () = shutdown.cancelled() => {}
            ended = gateways.join_next() => failure = settle(ended, &mut sum),
        }
        drop(senders);
        self.handle.gateways.lock().clear();
        let mut patience = self.clock.sleep(DRAIN_MAX);
        loop {
            let ended = tokio::select! {
                ended = gateways.join_next() => ended,
                () = &mut patience, if !leave.is_cancelled() => {
                    leave.cancel();
                    continue;
                }
            };
            if ended.is_none() {
                break;
            }
            failure = settle(ended, &mut sum).or(failure);
        }
        if sum.unacknowledged > 0 {
            warn!(unacknowledged = sum.unacknowledged, "left without the last acknowledgements");
        }
        let mut stats = self.handle.stats.lock();
        stats.published = sum;
        failure.map_or_else(|| Ok(stats.clone()), Err)
    }

    fn connect(&self, count: usize, leave: &CancellationToken) -> (Vec<Handle>, JoinSet<Result<PublisherStats, Error>>) {
        let mut running = JoinSet::new();
        let senders: Vec<Handle> = (0..count)
            .map(|n| {
                let client_id = format!("{}-{:02}", self.options.publisher.client_id, n + 1);
                let options = PublisherOptions { client_id, ..self.options.publisher.clone() };
                let (publisher, handle) = Publisher::new(options, Arc::clone(&self.clock));
                running.spawn(publisher.run(leave.clone()));
                handle
            })
            .collect();
        self.handle.gateways.lock().clone_from(&senders);
        (senders, running)
    }

    async fn drive(&self, run: CityRun, started: Timestamp, gateways: &[Handle]) {
        let from = self.from(started);
        let began = self.clock.elapsed();
        let until = self.options.for_s.map(|seconds| from.plus(Duration::from_secs(seconds)));
        for event in run {
            if until.is_some_and(|until| event.due >= until) {
                return;
            }
            loop {
                let ahead = event.due.micros_since(self.simulated(from, began));
                let Ok(ahead @ 1..) = u64::try_from(ahead) else { break };
                let wait = Duration::from_micros(ahead).div_f64(self.options.speed.max(1.0));
                self.clock.sleep(wait.clamp(Duration::from_millis(1), NAP_MAX)).await;
            }
            self.note(&event, self.simulated(from, began));
            let message = Message { topic: event.topic, payload: event.payload };
            if gateways[event.gateway].publish(message).await.is_err() {
                // A gateway that ended says why in its result, which the caller waits for.
                return;
            }
        }
    }

    /// The simulation's now: `speed` times as fast as the clock, never ahead of it.
    fn simulated(&self, from: Timestamp, began: Duration) -> Timestamp {
        let passed = self.clock.elapsed().saturating_sub(began);
        let scaled = Duration::try_from_secs_f64(passed.as_secs_f64() * self.options.speed).unwrap_or(Duration::MAX);
        from.plus(scaled).min(self.clock.now())
    }

    fn note(&self, event: &Event, simulated: Timestamp) {
        let mut stats = self.handle.stats.lock();
        stats.events += 1;
        stats.simulated = event.due;
        stats.behind_micros = simulated.micros_since(event.due).max(0);
    }

    fn from(&self, now: Timestamp) -> Timestamp {
        let default = if self.options.speed > 1.0 { now.minus(CATCH_UP_DEFAULT) } else { now };
        self.options.from.unwrap_or(default)
    }
}

type Ended = Option<Result<Result<PublisherStats, Error>, tokio::task::JoinError>>;

/// Adds up a gateway that has ended; its failure, if it failed.
fn settle(ended: Ended, sum: &mut PublisherStats) -> Option<Error> {
    match ended? {
        Ok(Ok(stats)) => {
            sum.add(&stats);
            None
        }
        Ok(Err(error)) => Some(error),
        Err(panic) => Some(Error::Options(format!("a gateway failed: {panic}"))),
    }
}

#[cfg(test)]
mod tests;
