//! The objects of a registry, one version each.

use std::collections::BTreeMap;
use std::sync::Arc;

use geo::{Geometry, MultiPolygon, Point};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::extra::Extra;
use crate::id::{ObjectId, SensorId};
use crate::quantity::Quantity;
use crate::time::Timestamp;

/// BCP 47 tag to text.
pub type Names = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    Area,
    Site,
    Bay,
    Station,
    Device,
}

impl ObjectKind {
    pub const ALL: [Self; 5] = [Self::Area, Self::Site, Self::Bay, Self::Station, Self::Device];

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Area => "area",
            Self::Site => "site",
            Self::Bay => "bay",
            Self::Station => "station",
            Self::Device => "device",
        }
    }
}

/// What one version says of one object, whichever kind it is. Shared: the registry, its layouts and its changes hold one copy.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    Area(Arc<Area>),
    Site(Arc<Site>),
    Bay(Arc<Bay>),
    Station(Arc<Station>),
    Device(Arc<Device>),
}

impl Object {
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Area(_) => ObjectKind::Area,
            Self::Site(_) => ObjectKind::Site,
            Self::Bay(_) => ObjectKind::Bay,
            Self::Station(_) => ObjectKind::Station,
            Self::Device(_) => ObjectKind::Device,
        }
    }

    /// Unique within its kind.
    pub fn id(&self) -> &str {
        match self {
            Self::Area(area) => area.id.as_str(),
            Self::Site(site) => site.id.as_str(),
            Self::Bay(bay) => bay.id.as_str(),
            Self::Station(station) => station.id.as_str(),
            Self::Device(device) => device.id.as_str(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    pub id: ObjectId,
    /// In the city's language; the id unless given.
    pub name: String,
    pub names: Names,
    /// One of the configured levels (`ward`, `district`, `city`).
    pub level: String,
    pub parent: Option<ObjectId>,
    pub geometry: MultiPolygon<f64>,
    /// Unknown properties, kept as they came; so in every object.
    pub extra: Extra,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteKind {
    Street,
    Lot,
}

impl SiteKind {
    pub const ALL: [Self; 2] = [Self::Street, Self::Lot];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Street => "street",
            Self::Lot => "lot",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vehicle {
    #[default]
    Car,
    Motorbike,
    Bicycle,
    Truck,
}

impl Vehicle {
    pub const ALL: [Self; 4] = [Self::Car, Self::Motorbike, Self::Bicycle, Self::Truck];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Motorbike => "motorbike",
            Self::Bicycle => "bicycle",
            Self::Truck => "truck",
        }
    }
}

/// In the order in which a bay of several stands under one in `free_by_feature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    Resident,
    Loading,
    Accessible,
    Ev,
}

impl Feature {
    pub const ALL: [Self; 4] = [Self::Resident, Self::Loading, Self::Accessible, Self::Ev];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Resident => "resident",
            Self::Loading => "loading",
            Self::Accessible => "accessible",
            Self::Ev => "ev",
        }
    }
}

/// A period in which a site or bay takes nobody: [from, to).
#[derive(Clone, Debug, PartialEq)]
pub struct Closure {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub reason: String,
}

/// What a stay costs; `rules` as the city wrote them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    pub currency: Option<String>,
    #[serde(default)]
    pub rules: Vec<Value>,
    pub text: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub id: ObjectId,
    pub name: String,
    pub names: Names,
    pub kind: SiteKind,
    /// Groups the sites of one place.
    pub place: Option<String>,
    pub vehicle: Vehicle,
    /// Counter lots only; else the number of its bays.
    pub capacity: Option<u32>,
    pub heartbeat_s: u32,
    pub price: Option<Price>,
    /// OSM syntax.
    pub opening_hours: Option<String>,
    pub closed: Vec<Closure>,
    pub geometry: Geometry<f64>,
    pub extra: Extra,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Bay {
    pub id: ObjectId,
    pub site: ObjectId,
    /// Sorted, without repetition.
    pub features: Vec<Feature>,
    pub max_stay_min: Option<u32>,
    /// The site's unless given.
    pub heartbeat_s: Option<u32>,
    pub min_dwell_s: u32,
    pub closed: Vec<Closure>,
    pub point: Point<f64>,
    pub extra: Extra,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StationClass {
    Reference,
    Indicative,
}

impl StationClass {
    pub const ALL: [Self; 2] = [Self::Reference, Self::Indicative];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Indicative => "indicative",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    pub id: ObjectId,
    pub name: String,
    pub names: Names,
    pub class: StationClass,
    /// Empty: whatever it sends.
    pub measures: Vec<Quantity>,
    pub interval_s: u32,
    pub point: Point<f64>,
    pub extra: Extra,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    #[default]
    Active,
    Commissioning,
}

impl DeviceStatus {
    pub const ALL: [Self; 2] = [Self::Active, Self::Commissioning];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Commissioning => "commissioning",
        }
    }
}

/// Which target a device's readings belong to, and when: [from, to).
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// A bay, station or counter site.
    pub target: ObjectId,
    pub channel: Option<String>,
    pub quantity: Option<Quantity>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub id: SensorId,
    pub profile: Option<String>,
    pub firmware: Option<String>,
    pub status: DeviceStatus,
    pub bindings: Vec<Binding>,
    pub extra: Extra,
}
