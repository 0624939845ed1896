//! One follower: what it was told, and what is to be told next.
//!
//! A step is copied under the pipeline's lock and is therefore of one position. The whole state would hold the pipeline up for too
//! long: it is copied piece by piece, and what changed meanwhile is in the step that seals it.

use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use domain::limits::{LINK_BEAT, LINK_EVERY, LINK_PART_ITEMS_MAX};
use domain::registry::Registry;
use domain::{ObjectId, Position, Quantity};
use lake::contract::link::{Follow, LinkError, News, Seal, Whole, rows_parts, versions_parts};
use lake::contract::{AirLast, HotChunk, IngestStatus, LedgerView, Live as _, ParkingLast, SensorHeard};
use lake::table::Table;
use tokio::io::AsyncWrite;

use super::outlet::Outlet;
use crate::handle::Handle;

pub struct Follower {
    handle: Handle,
    /// What it holds, as far as it is known: nothing before it was told everything once.
    registry: Option<Arc<Registry>>,
    /// The newest edit of the registry that it brought along.
    brought: Option<Position>,
    wants_sensors: bool,
    /// Up to where it has the hot rows of each table that it wants.
    rows: Vec<(Table, Position)>,
    next_status: Duration,
}

type ParkingLasts = Vec<(ObjectId, ParkingLast)>;
type AirLasts = Vec<(ObjectId, Vec<(Quantity, AirLast)>)>;

/// Up to where the changes of the running state are told.
#[derive(Clone, Copy)]
struct Told {
    live: u64,
    sensors: u64,
}

/// What stands at one position and was not told yet.
struct Step {
    told: Told,
    head: Position,
    now: domain::Timestamp,
    ledger: LedgerView,
    registry: Arc<Registry>,
    edit: Position,
    parking: ParkingLasts,
    air: AirLasts,
    sensors: Vec<SensorHeard>,
    rows: Vec<(Table, Result<Vec<HotChunk>, Position>)>,
}

impl Follower {
    /// Refuses a table that this version does not have.
    pub fn new(handle: Handle, follow: Follow) -> Result<Self, LinkError> {
        let table = |(name, position): (String, Position)| Some((Table::by_name(&name)?, position));
        let rows = follow.rows.into_iter().map(|row| table(row).ok_or(LinkError::Malformed("it names an unknown table")));
        let rows = rows.collect::<Result<_, _>>()?;
        let next_status = Duration::ZERO;
        Ok(Self { handle, registry: None, brought: follow.registry, wants_sensors: follow.sensors, rows, next_status })
    }

    /// Tells until the connection is lost, or until rows that it lacks are gone.
    pub async fn run(mut self, mut outlet: Outlet<impl AsyncWrite + Unpin>) -> Result<(), LinkError> {
        self.await_recovery(&mut outlet).await?;
        let mut head = self.handle.shared().head.subscribe();
        let clock = Arc::clone(&self.handle.shared().clock);
        let mut told = None;
        loop {
            head.borrow_and_update();
            let from = match told {
                Some(told) => told,
                None => self.tell_everything(&mut outlet).await?,
            };
            told = match self.step(from) {
                Some(step) => match self.tell(step, &mut outlet).await? {
                    Some(told) => Some(told),
                    None => return Ok(()),
                },
                // More changed than is remembered, or the registry rearranged everything.
                None => None,
            };
            if told.is_some() {
                clock.sleep(LINK_EVERY).await;
                tokio::select! {
                    _ = head.changed() => {}
                    () = clock.sleep(LINK_BEAT - LINK_EVERY) => {}
                }
            }
        }
    }

    /// What a replay passes through is no news.
    async fn await_recovery(&self, outlet: &mut Outlet<impl AsyncWrite + Unpin>) -> Result<(), LinkError> {
        let shared = self.handle.shared();
        while !self.handle.is_caught_up() {
            outlet.say(News::Recovering { position: shared.position(), upto: shared.start }).await?;
            tokio::select! {
                () = self.handle.caught_up() => {}
                () = shared.clock.sleep(LINK_BEAT) => {}
            }
        }
        Ok(())
    }

    /// The whole state, as it was at some moment or other since its begin: from there on changes make it true.
    async fn tell_everything(&mut self, outlet: &mut Outlet<impl AsyncWrite + Unpin>) -> Result<Told, LinkError> {
        let (told, targets, sensors) = {
            let pipeline = self.handle.shared().pipeline.read();
            let state = pipeline.state();
            let targets: Vec<ObjectId> = state.live.parking.keys().chain(state.live.air.keys()).cloned().collect();
            (Told { live: state.live.changes.end(), sensors: state.heard.end() }, targets, state.sensors.len() as u32)
        };
        outlet.say(News::Anew(Whole::Live)).await?;
        for targets in targets.chunks(LINK_PART_ITEMS_MAX) {
            let (parking, air) = self.lasts(targets);
            tell_lasts(outlet, parking, air).await?;
        }
        if self.wants_sensors {
            outlet.say(News::Anew(Whole::Sensors)).await?;
            for first in (0..sensors).step_by(LINK_PART_ITEMS_MAX) {
                let numbers = first..sensors.min(first + LINK_PART_ITEMS_MAX as u32);
                outlet.say(News::Sensors(self.heard(numbers))).await?;
            }
        }
        Ok(told)
    }

    fn lasts(&self, targets: &[ObjectId]) -> (ParkingLasts, AirLasts) {
        let pipeline = self.handle.shared().pipeline.read();
        let live = &pipeline.state().live;
        let parking = targets.iter().filter_map(|id| Some((id.clone(), live.parking.get(id)?.clone()))).collect();
        let air = targets.iter().filter_map(|id| Some((id.clone(), live.air.get(id)?.clone()))).collect();
        (parking, air)
    }

    fn heard(&self, numbers: impl Iterator<Item = u32>) -> Vec<SensorHeard> {
        let pipeline = self.handle.shared().pipeline.read();
        numbers.map(|number| pipeline.state().sensors.get(number).heard()).collect()
    }

    /// Everything after what was told, at one position; `None` when it is not known any more what changed.
    fn step(&self, told: Told) -> Option<Step> {
        let shared = self.handle.shared();
        let pipeline = shared.pipeline.read();
        let state = pipeline.state();
        let mut targets: Vec<&ObjectId> = state.live.changes.since(told.live)?.collect();
        targets.sort_unstable();
        targets.dedup();
        let mut sensors: Vec<u32> = match self.wants_sensors {
            true => state.heard.since(told.sensors)?.copied().collect(),
            false => Vec::new(),
        };
        sensors.sort_unstable();
        sensors.dedup();
        let hot = shared.hot.read();
        Some(Step {
            told: Told { live: state.live.changes.end(), sensors: state.heard.end() },
            head: state.position,
            now: state.now,
            ledger: state.totals(),
            registry: Arc::clone(pipeline.registry()),
            edit: state.edits.newest,
            parking: targets.iter().filter_map(|&id| Some((id.clone(), state.live.parking.get(id)?.clone()))).collect(),
            air: targets.iter().filter_map(|&id| Some((id.clone(), state.live.air.get(id)?.clone()))).collect(),
            sensors: sensors.into_iter().map(|number| state.sensors.get(number).heard()).collect(),
            rows: self.rows.iter().map(|&(table, position)| (table, hot.chunks_after(table, position))).collect(),
        })
    }

    /// `None` when the follower has to read the lake first.
    async fn tell(&mut self, step: Step, outlet: &mut Outlet<impl AsyncWrite + Unpin>) -> Result<Option<Told>, LinkError> {
        let behind = step.rows.iter().find_map(|(table, rows)| Some((*table, *rows.as_ref().err()?)));
        if let Some((table, held)) = behind {
            outlet.say(News::Behind { table: table.name().to_owned(), held }).await?;
            return Ok(None);
        }
        self.tell_registry(step.registry, step.edit, outlet).await?;
        tell_lasts(outlet, step.parking, step.air).await?;
        for sensors in step.sensors.chunks(LINK_PART_ITEMS_MAX) {
            outlet.say(News::Sensors(sensors.to_vec())).await?;
        }
        for (table, chunks) in step.rows {
            for chunk in chunks.into_iter().flatten() {
                self.tell_rows(table, chunk, outlet).await?;
            }
        }
        self.rows.iter_mut().for_each(|(_, position)| *position = step.head);
        let status = self.status_when_due();
        let Step { head, now, ledger, edit, told, .. } = step;
        outlet.say(News::Seal(Box::new(Seal { head, now, ledger, registry: edit, status }))).await?;
        Ok(Some(told))
    }

    async fn tell_registry(
        &mut self,
        registry: Arc<Registry>,
        edit: Position,
        outlet: &mut Outlet<impl AsyncWrite + Unpin>,
    ) -> Result<(), LinkError> {
        let before = self.registry.replace(Arc::clone(&registry));
        let before = match before {
            Some(before) if Arc::ptr_eq(&before, &registry) => return Ok(()),
            Some(before) => before,
            None if self.brought == Some(edit) => return Ok(()),
            None => {
                outlet.say(News::Anew(Whole::Registry)).await?;
                Arc::new(Registry::empty(registry.city().clone()))
            }
        };
        let parts = aside::run(move || versions_parts(registry.changes_since(&before))).await;
        for part in parts.map_err(|_| LinkError::Malformed("the registry cannot be written"))? {
            outlet.say_with(News::Registry, part).await?;
        }
        Ok(())
    }

    async fn tell_rows(
        &self,
        table: Table,
        chunk: HotChunk,
        outlet: &mut Outlet<impl AsyncWrite + Unpin>,
    ) -> Result<(), LinkError> {
        let had = self.rows.iter().find(|(wanted, _)| *wanted == table).map_or(Position::START, |(_, had)| *had);
        let encoding = aside::run(move || encoded(table, chunk, had)).await;
        let (first, last, parts) = match encoding {
            Ok(Ok(encoded)) => encoded,
            _ => return Err(LinkError::Malformed("hot rows cannot be written")),
        };
        for part in parts {
            outlet.say_with(News::Rows { table: table.name().to_owned(), first, last }, part).await?;
        }
        Ok(())
    }

    fn status_when_due(&mut self) -> Option<IngestStatus> {
        let now = self.handle.shared().clock.elapsed();
        if now < self.next_status {
            return None;
        }
        self.next_status = now + LINK_BEAT;
        Some(self.handle.status())
    }
}

async fn tell_lasts(outlet: &mut Outlet<impl AsyncWrite + Unpin>, parking: ParkingLasts, air: AirLasts) -> Result<(), LinkError> {
    for part in parking.chunks(LINK_PART_ITEMS_MAX) {
        outlet.say(News::Parking(part.to_vec())).await?;
    }
    for part in air.chunks(LINK_PART_ITEMS_MAX) {
        outlet.say(News::Air(part.to_vec())).await?;
    }
    Ok(())
}

/// A chunk was merged since the follower got the first part of it: only the rest is for it.
fn encoded(table: Table, chunk: HotChunk, had: Position) -> Result<(Position, Position, Vec<Bytes>), lake::Error> {
    let HotChunk { first, last, rows } = chunk;
    let rows: RecordBatch = if first > had { rows } else { lake::rows::after(table, &rows, had)? };
    let first = first.max(had.next());
    Ok((first, last, rows_parts(&HotChunk { first, last, rows })?))
}
