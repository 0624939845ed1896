//! One step on its way in: parts are laid aside until the seal.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::registry::{Change, CityOptions, Registry};
use domain::{ObjectId, Quantity, SensorId};
use lake::contract::link::{LinkError, News, Seal, Whole, rows_from, versions_from};
use lake::contract::{AirLast, HotChunk, LiveState, ParkingLast, SensorHeard};
use lake::table::Table;

#[derive(Default)]
pub struct Staged {
    pub registry: Option<Versions>,
    pub live: LastReadings,
    pub sensors: Heard,
    pub rows: Vec<(Table, HotChunk)>,
}

/// Changes of the registry, from what the copy holds or from nothing.
#[derive(Default)]
pub struct Versions {
    pub are_all: bool,
    pub changes: Vec<Change>,
}

#[derive(Default)]
pub struct LastReadings {
    /// The whole state, where it comes as a whole.
    pub whole: Option<LiveState>,
    pub parking: Vec<(ObjectId, ParkingLast)>,
    pub air: Vec<(ObjectId, Vec<(Quantity, AirLast)>)>,
}

#[derive(Default)]
pub struct Heard {
    /// All sensors, where they come as a whole.
    pub whole: Option<Sensors>,
    pub some: Vec<SensorHeard>,
}

pub type Sensors = BTreeMap<SensorId, SensorHeard>;

/// What a message of ingest leads to.
pub enum Came {
    /// A part: more comes.
    Part,
    /// The step is whole.
    Sealed(Box<Seal>),
    /// Ingest replays its journal, up to here of there.
    Recovering(u64, u64),
    /// The lake has to be read again first.
    Behind,
}

impl Staged {
    pub async fn take(&mut self, news: News, body: Bytes, city: &CityOptions) -> Result<Came, LinkError> {
        match news {
            News::Recovering { position, upto } => return Ok(Came::Recovering(position.0, upto.0)),
            News::Behind { .. } => return Ok(Came::Behind),
            News::Seal(seal) => return Ok(Came::Sealed(seal)),
            News::Anew(Whole::Registry) => self.registry = Some(Versions { are_all: true, changes: Vec::new() }),
            // What is laid aside already is of before, too: changes that come later are all in this step.
            News::Anew(Whole::Live) => self.live = LastReadings { whole: Some(LiveState::default()), ..Default::default() },
            News::Anew(Whole::Sensors) => self.sensors = Heard { whole: Some(Sensors::new()), some: Vec::new() },
            News::Registry => {
                let city = city.clone();
                let read = aside::run(move || versions_from(&body, &city)).await;
                let changes = read.map_err(|_| LinkError::Malformed("the registry cannot be read"))??;
                self.registry.get_or_insert_default().changes.extend(changes);
            }
            News::Parking(lasts) => match &mut self.live.whole {
                Some(whole) => whole.parking.extend(lasts),
                None => self.live.parking.extend(lasts),
            },
            News::Air(lasts) => match &mut self.live.whole {
                Some(whole) => whole.air.extend(lasts),
                None => self.live.air.extend(lasts),
            },
            News::Sensors(sensors) => match &mut self.sensors.whole {
                Some(whole) => whole.extend(sensors.into_iter().map(|heard| (heard.sensor.clone(), heard))),
                None => self.sensors.some.extend(sensors),
            },
            News::Rows { table, first, last } => {
                let table = Table::by_name(&table).ok_or(LinkError::Malformed("it names an unknown table"))?;
                let rows = rows_from(table, &body).map_err(|_| LinkError::Malformed("hot rows cannot be read"))?;
                self.rows.push((table, HotChunk { first, last, rows }));
            }
        }
        Ok(Came::Part)
    }
}

impl Versions {
    /// The registry that they lead to. Takes seconds for a city: not on an async thread.
    pub fn lead_from(self, held: &Registry) -> Registry {
        match self.are_all {
            true => Registry::empty(held.city().clone()).changed(self.changes),
            false => held.changed(self.changes),
        }
    }
}
