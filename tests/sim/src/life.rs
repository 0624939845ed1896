//! One life of the server: from opening its journal to its end, in order or not.

use std::sync::Arc;

use broker::{Broker, Stream};
use domain::access::{Anonymous, Peer};
use domain::registry::CityOptions;
use domain::{Clock, JournalId, Position};
use ingest::{Handle, Service, UnknownSensors, Weakness};
use journal::{Journal, Recovery};
use lake::log::Log;
use lake::table::Table;
use lake::{Backing, Lake};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::disk::Crash;
use crate::log::ModelLog;
use crate::mutation::Mutation;
use crate::net::Door;
use crate::note;
use crate::power::Power;
use crate::world::{FUTURE_S, World};

pub struct Life {
    world: Arc<World>,
    pub power: Power,
    pub journal: Journal,
    pub handle: Handle,
    pub lake: Lake,
    /// Cancelled when it ends, in whatever way.
    pub ended: CancellationToken,
    pub door: Door,
    /// Of the front, which ends first, and of ingest.
    shutdowns: [CancellationToken; 2],
    pub front: Task<Result<(), broker::Error>>,
    pub service: Task<Result<(), ingest::Error>>,
    desk: Arc<Desk>,
    writing: Task<()>,
}

/// Why a life did not begin.
#[derive(Debug)]
pub enum Stillborn {
    /// The power went off in the middle of it.
    Crashed,
    /// It said why.
    Refused(String),
}

/// A task that ends with its owner.
pub struct Task<T>(pub JoinHandle<T>);

impl<T> Task<T> {
    async fn end(&mut self) {
        self.0.abort();
        if !self.0.is_finished() {
            // Either way it is over.
            let _ = (&mut self.0).await;
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Life {
    pub async fn begin(world: &Arc<World>, number: u64) -> Result<Self, Stillborn> {
        let power = Power::on();
        let mut rng = world.rng(20_000_000 + number);
        if rng.chance(world.scenario.fuses) && !world.is_calm() {
            let most = if rng.chance(0.5) { 60 } else { 4_000 };
            power.blow_after(rng.below(most) as u32);
        }
        let begun = Self::begin_with(world, number, &power).await;
        begun.map_err(|why| if power.is_on() { Stillborn::Refused(why) } else { Stillborn::Crashed })
    }

    async fn begin_with(world: &Arc<World>, number: u64, power: &Power) -> Result<Self, String> {
        let clock: Arc<dyn Clock> = world.clock.clone();
        let options = journal::Options { segment_bytes: 24 * 1024, hot_bytes_max: 16 * 1024, ..journal::Options::default() };
        let fresh = JournalId(world.rng(4).next_u64());
        let opened = Journal::open_on(options, clock.clone(), fresh, world.journal.mount(power.clone()));
        let (journal, recovery, writer) = opened.map_err(|error| format!("the journal: {error}"))?;
        note_recovery(world, &recovery);
        let tail = world.oracle.recovered(&journal, &recovery).await?;
        let desk = Desk::new(writer, power.clone());
        *world.desk.lock() = Some(desk.clone());
        let writing = Task(tokio::spawn(desk.clone().serve(world.clone(), tail, number)));
        let (streams, carried) = unbounded_channel();
        let front = open_front(world, number, power, &journal, carried).await.map_err(|error| format!("the front: {error}"))?;
        let (floor, keeps) = (front.handle(), world.keeps_journal);
        let lake = open_lake(world, number, power).await.map_err(|error| format!("the lake: {error}"))?;
        let deps = ingest::Deps {
            journal: journal.clone(),
            lake: lake.clone(),
            clock,
            city: CityOptions::default(),
            data_dir: world.folder.path().to_owned(),
            floors: vec![Arc::new(move || if keeps { Position::START } else { floor.trim_floor() })],
        };
        let service = Service::new_on(ingest_options(world), deps, world.checkpoints.mount(power.clone())).await;
        let service = service.map_err(|error| format!("ingest: {error}"))?;
        let (handle, shutdowns) = (service.handle(), [CancellationToken::new(), CancellationToken::new()]);
        let front = Task(tokio::spawn(front.run(shutdowns[0].clone())));
        let service = Task(tokio::spawn(service.run(shutdowns[1].clone())));
        let (power, ended, world) = (power.clone(), CancellationToken::new(), world.clone());
        let door = Door { streams, power: power.clone() };
        Ok(Self { world, power, journal, handle, lake, ended, door, shutdowns, front, service, desk, writing })
    }

    /// Ends it as a kill or the loss of power does.
    pub async fn crash(mut self, crash: Crash) {
        self.power.cut();
        self.end().await;
        end_of_power(&self.world, crash);
    }

    /// Ends it in order; `Err` when it fails or the power goes off meanwhile.
    pub async fn stop(mut self) -> Result<(), String> {
        let stopping = async {
            self.shutdowns[0].cancel();
            let served = (&mut self.front.0).await.map_err(|error| format!("the front: {error}"))?;
            served.map_err(|error| format!("the front: {error}"))?;
            self.shutdowns[1].cancel();
            let served = (&mut self.service.0).await.map_err(|error| format!("ingest: {error}"))?;
            served.map_err(|error| format!("ingest: {error}"))?;
            self.journal.close().await.map_err(|error| format!("the journal: {error}"))
        };
        let outcome = tokio::select! {
            biased;
            () = self.power.gone() => Ok(()),
            outcome = stopping => outcome,
        };
        let crash = if self.power.is_on() { Crash::Kill } else { Crash::PowerLoss };
        self.power.cut();
        self.end().await;
        end_of_power(&self.world, crash);
        outcome
    }

    async fn end(&mut self) {
        self.ended.cancel();
        *self.world.desk.lock() = None;
        self.front.end().await;
        self.service.end().await;
        self.writing.end().await;
        self.desk.close();
    }
}

/// What the disks lose.
pub fn end_of_power(world: &World, crash: Crash) {
    *world.desk.lock() = None;
    for disk in world.disks() {
        disk.crash(crash);
    }
}

fn note_recovery(world: &World, recovery: &Recovery) {
    let Recovery { first, last, segments, .. } = recovery;
    let torn = recovery.torn.as_ref().map(|torn| torn.bytes);
    note!(world.trace, "journal {first} to {last} in {segments} segments, torn {torn:?}");
}

async fn open_front(
    world: &Arc<World>,
    number: u64,
    power: &Power,
    journal: &Journal,
    carried: UnboundedReceiver<(Box<dyn Stream>, Peer)>,
) -> Result<Broker, broker::Error> {
    let deps = broker::Deps {
        journal: journal.clone(),
        clock: world.clock.clone(),
        rng: world.rng(40_000_000 + number),
        authority: Arc::new(Anonymous::default()),
        tls: None,
    };
    Broker::carried(broker::Options::default(), deps, carried, world.front.mount(power.clone())).await
}

async fn open_lake(world: &Arc<World>, number: u64, power: &Power) -> Result<Lake, lake::Error> {
    let store = world.store.mount(power.clone(), world.clock.clone());
    let logs = {
        let (store, world) = (store.clone(), world.clone());
        move |table: Table| -> Arc<dyn Log> {
            let archive = world.archives[table as usize].clone();
            Arc::new(ModelLog { table, archive, store: store.clone(), mutation: world.mutation })
        }
    };
    let backing = Backing { store: Arc::new(store), logs: Some(Arc::new(logs)), rng: world.rng(30_000_000 + number) };
    let options = lake::Options { checkpoint_commits: 40, log_kept_h: 2, ..lake::Options::default() };
    Lake::open_on(options, world.clock.clone(), backing).await
}

fn ingest_options(world: &World) -> ingest::Options {
    ingest::Options {
        unknown_sensors: if world.scenario.edits { UnknownSensors::Hold } else { UnknownSensors::Accept },
        future_s: FUTURE_S,
        commit_s: 300,
        commit_rows: 400,
        hot_rows: 1_200,
        checkpoint_s: 900,
        checkpoint_records: 500,
        maintenance_s: if world.scenario.strangers > 0.0 { 60 } else { 600 },
        uplink_bytes: 64 * 1024,
        dedupe_bytes: 64 * 1024,
        weakness: match world.mutation {
            Mutation::NoDedupe => Weakness::KnowsNoDuplicates,
            Mutation::LateReadingDropped => Weakness::DropsLateReadings,
            _ => Weakness::Nothing,
        },
        ..ingest::Options::default()
    }
}
