//! A seeded city: what stands where. The same options give the same city, byte for byte.
//!
//! A square of wards around a centre; streets with bays along the kerb, lots with bays, counter lots for cars and motorbikes, air
//! stations of both classes. Everything is invented from word lists. Bays are held compactly (a million of them is the target), and the
//! registry is made from them feature by feature. How the city behaves stands in [`crate::run`].

mod area;
mod counter;
mod feature;
mod ground;
mod lot;
mod name;
mod station;
mod street;
mod tariff;

use domain::rng::Rng;
use domain::{ObjectId, SensorId};
use serde::Deserialize;

use crate::calendar::Calendar;
use crate::error::Error;
pub use area::Ward;
pub use counter::Counter;
pub(crate) use ground::Ground;
pub use name::Name;
pub use station::{Station, StationClass};

/// Bays of one city: more sensors than the server's own limit make no sense.
const BAYS_MAX: u32 = 2_000_000;
const STATIONS_MAX: u32 = 10_000;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CityOptions {
    pub seed: u64,
    /// Bay sensors, exactly.
    pub bays: u32,
    /// Lots that count instead of watching bays; a hundredth of the bays unless given.
    pub counters: Option<u32>,
    pub stations: u32,
    /// IANA name or offset: the day curves are local.
    pub zone: String,
    pub center_lat: f64,
    pub center_lon: f64,
}

impl Default for CityOptions {
    /// A part of a city of the size of Hanoi's centre, beside Hoàn Kiếm lake.
    fn default() -> Self {
        Self {
            seed: 1,
            bays: 2_000,
            counters: None,
            stations: 12,
            zone: "Asia/Ho_Chi_Minh".to_owned(),
            center_lat: 21.0285,
            center_lon: 105.8542,
        }
    }
}

/// What a place is used for: it decides when people come and how long they stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LandUse {
    Office,
    Shop,
    Home,
    Leisure,
}

impl LandUse {
    pub const ALL: [Self; 4] = [Self::Office, Self::Shop, Self::Home, Self::Leisure];

    fn draw(rng: &mut Rng) -> Self {
        let share = rng.unit();
        [(0.3, Self::Office), (0.6, Self::Shop), (0.85, Self::Home)]
            .into_iter()
            .find(|(up_to, _)| share < *up_to)
            .map_or(Self::Leisure, |(_, land_use)| land_use)
    }
}

/// A street or a lot whose bays are watched one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub name: Name,
    pub shape: Shape,
    pub land_use: LandUse,
    /// Its bays are those from here for `bay_count`.
    pub first_bay: u32,
    pub bay_count: u32,
    pub heartbeat_s: u32,
}

/// Longitude and latitude, degrees.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A street's kerb.
    Line([[f64; 2]; 2]),
    /// A lot's outline, closed.
    Ring([[f64; 2]; 5]),
}

/// One watched bay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bay {
    pub site: u32,
    pub point: [f64; 2],
    pub features: Features,
    pub max_stay_min: u16,
}

/// Features of a bay as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(u8);

impl Features {
    pub const ALL: [(Self, &'static str); 4] =
        [(Self(1), "resident"), (Self(2), "loading"), (Self(4), "accessible"), (Self(8), "ev")];
    pub const RESIDENT: Self = Self::ALL[0].0;
    pub const LOADING: Self = Self::ALL[1].0;
    pub const ACCESSIBLE: Self = Self::ALL[2].0;
    pub const EV: Self = Self::ALL[3].0;

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(bit, _)| self.0 & bit.0 != 0).map(|(_, name)| name)
    }
}

/// The whole city.
#[derive(Clone, Debug)]
pub struct City {
    options: CityOptions,
    calendar: Calendar,
    pub wards: Vec<Ward>,
    pub sites: Vec<Site>,
    pub bays: Vec<Bay>,
    pub counters: Vec<Counter>,
    pub stations: Vec<Station>,
}

/// Independent sequences, so that more stations move no street.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Stream {
    Names = 1,
    Sites = 2,
    Counters = 3,
    Stations = 4,
}

impl City {
    pub fn new(options: CityOptions) -> Result<Self, Error> {
        check(&options)?;
        let calendar = Calendar::new(&options.zone)?;
        let root = Rng::from_seed(options.seed);
        let stream = |which: Stream| root.stream(which as u64);
        let ground = Ground::new(&options);
        let mut names = name::Names::new(stream(Stream::Names));
        let wards = area::wards(&ground, &mut names);
        let (sites, bays) = streets_and_lots(options.bays, &ground, &mut names, stream(Stream::Sites));
        let counters =
            counter::counters(options.counters.unwrap_or(options.bays / 100), &ground, &mut names, stream(Stream::Counters));
        let stations = station::stations(options.stations, &ground, &wards, stream(Stream::Stations));
        Ok(Self { options, calendar, wards, sites, bays, counters, stations })
    }

    pub fn options(&self) -> &CityOptions {
        &self.options
    }

    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// All devices: bays, then counters, then stations.
    pub fn device_count(&self) -> usize {
        self.bays.len() + self.counters.len() + self.stations.len()
    }
}

/// Three quarters of the bays along streets, the rest on lots.
fn streets_and_lots(count: u32, ground: &Ground, names: &mut name::Names, mut rng: Rng) -> (Vec<Site>, Vec<Bay>) {
    let (mut sites, mut bays) = (Vec::new(), Vec::with_capacity(count as usize));
    while let Some(left) = count.checked_sub(bays.len() as u32).filter(|left| *left > 0) {
        let site = sites.len() as u32;
        let made = if rng.chance(0.87) {
            street::street(site, left, ground, names, &mut rng, &mut bays)
        } else {
            lot::lot(site, left, ground, names, &mut rng, &mut bays)
        };
        sites.push(made);
    }
    (sites, bays)
}

fn check(options: &CityOptions) -> Result<(), Error> {
    let refuse = |detail: String| Err(Error::Options(detail));
    if options.bays > BAYS_MAX {
        return refuse(format!("{} bays are more than {BAYS_MAX}", options.bays));
    }
    if options.stations > STATIONS_MAX {
        return refuse(format!("{} stations are more than {STATIONS_MAX}", options.stations));
    }
    if !(-80.0..=80.0).contains(&options.center_lat) || !(-179.0..=179.0).contains(&options.center_lon) {
        return refuse("the centre lies outside 80° of latitude or 179° of longitude".to_owned());
    }
    Ok(())
}

/// The id of the n-th object of a kind, counted from 1 as people do.
fn numbered(stem: &str, digits: usize, index: usize) -> String {
    format!("{stem}-{:0digits$}", index + 1)
}

pub fn bay_id(index: usize) -> SensorId {
    SensorId::new(&numbered("bay", 6, index)).expect("short and of the id's alphabet")
}

pub fn counter_id(index: usize) -> SensorId {
    SensorId::new(&numbered("counter", 4, index)).expect("short and of the id's alphabet")
}

pub fn station_id(index: usize) -> SensorId {
    SensorId::new(&numbered("air", 3, index)).expect("short and of the id's alphabet")
}

pub fn site_id(sites: &[Site], index: usize) -> ObjectId {
    let stem = match sites[index].shape {
        Shape::Line(_) => "street",
        Shape::Ring(_) => "lot",
    };
    ObjectId::new(&numbered(stem, 5, index)).expect("short and of the id's alphabet")
}

#[cfg(test)]
mod tests;
