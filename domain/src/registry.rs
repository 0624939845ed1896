//! The registry: what stands where, whose reading it is, and since when.
//!
//! ```text
//! file: CSV ──table──► GeoJSON ──Edit──► rows, each with a verdict ──all or nothing──► Edit
//! Registry + Edit ──history──► Registry' + changes (to the store, to the lake)
//! Registry at an instant ──► Layout (what stands where)      Registry, sensor, instant ──► Resolution (whose reading)
//! ```
//!
//! Every object has dates of validity; a number uses the version valid at its instant. A [`Registry`] is immutable: an edit
//! gives a new one, so readers never wait. What is needed at one instant is a [`Layout`], shared until the next change.

mod arrangement;
mod bay_history;
mod city;
mod closing;
mod difference;
mod edit;
mod export;
mod extra;
mod feature;
mod history;
mod layout;
mod membership;
mod object;
mod place;
mod price;
mod resolution;
mod span;
mod speakers;
mod station_history;
mod table;
mod version;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hashbrown::HashMap;

pub use bay_history::{BayHistory, BayRules};
pub use city::{CityError, CityOptions};
pub use edit::{Edit, EditRow, RowVerdict, Verdict};
pub use extra::Extra;
pub use feature::{FeatureError, decode as decode_feature, encode as encode_feature, geometry_text, properties_text};
pub use history::Statement;
pub use layout::{Layout, SiteEntry, StationEntry};
pub use object::{
    Area, Bay, Binding, Closure, Device, DeviceStatus, Feature, Names, Object, ObjectKind, Price, Site, SiteKind, Station,
    StationClass, Vehicle,
};
pub use place::representative_point;
pub use resolution::{Resolution, Target, TargetKind};
pub use span::Span;
pub use speakers::Speakers;
pub use station_history::StationHistory;
pub use table::geojson_from_csv;
pub use version::{Version, Versions};

use crate::id::{ObjectId, SensorId};
use crate::limits::REGISTRY_LAYOUTS_MAX;
use crate::time::Timestamp;
use version::{Difference, Entity};

/// All versions of all objects. Cheap to clone: everything is shared.
#[derive(Clone, Debug)]
pub struct Registry {
    city: Arc<CityOptions>,
    pub areas: Versions<Area>,
    pub sites: Versions<Site>,
    pub bays: Versions<Bay>,
    pub stations: Versions<Station>,
    pub devices: Versions<Device>,
    derived: Arc<Derived>,
}

/// What is computed from the versions when it is first asked for.
#[derive(Debug, Default)]
struct Derived {
    /// Instants at which anything that stands somewhere changes.
    edges: OnceLock<Vec<Timestamp>>,
    /// When each site had bays: what takes a counter's readings otherwise.
    with_bays: OnceLock<HashMap<ObjectId, Vec<Span>>>,
    /// Devices by what they were ever bound to, each list by sensor id.
    bound: OnceLock<HashMap<ObjectId, Vec<SensorId>>>,
    /// Newest use last.
    layouts: Mutex<Vec<Arc<Spread>>>,
}

/// The layout of one span, once somebody has built it.
#[derive(Debug)]
struct Spread {
    span: Span,
    layout: OnceLock<Arc<Layout>>,
}

/// A version as an edit brought it or took it away.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub what: ChangeKind,
    pub span: Span,
    pub object: Object,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The version with exactly this span and content holds no longer (a shorter one may be among the new).
    Superseded,
    New,
}

impl Registry {
    pub fn empty(city: CityOptions) -> Self {
        Self::from_versions(city, [])
    }

    /// From all versions in any order, as a store keeps them.
    pub fn from_versions(city: CityOptions, versions: impl IntoIterator<Item = (Span, Object)>) -> Self {
        let (mut areas, mut sites, mut bays, mut stations, mut devices) = Default::default();
        for (span, object) in versions {
            match object {
                Object::Area(object) => Vec::push(&mut areas, Version { span, object }),
                Object::Site(object) => Vec::push(&mut sites, Version { span, object }),
                Object::Bay(object) => Vec::push(&mut bays, Version { span, object }),
                Object::Station(object) => Vec::push(&mut stations, Version { span, object }),
                Object::Device(object) => Vec::push(&mut devices, Version { span, object }),
            }
        }
        Self {
            city: Arc::new(city),
            areas: Versions::from_unsorted(areas),
            sites: Versions::from_unsorted(sites),
            bays: Versions::from_unsorted(bays),
            stations: Versions::from_unsorted(stations),
            devices: Versions::from_unsorted(devices),
            derived: Arc::default(),
        }
    }

    pub fn city(&self) -> &CityOptions {
        &self.city
    }

    /// Every version: by kind, then id, then time.
    pub fn versions(&self) -> impl Iterator<Item = (Span, Object)> + '_ {
        fn of<T: Entity>(versions: &Versions<T>) -> impl Iterator<Item = (Span, Object)> + '_ {
            versions.iter().map(|version| (version.span, T::shared(&version.object)))
        }
        of(&self.areas).chain(of(&self.sites)).chain(of(&self.bays)).chain(of(&self.stations)).chain(of(&self.devices))
    }

    /// The registry after an edit that was received at `at`, and what became of its versions. The same edit again changes nothing.
    pub fn apply(&self, edit: &Edit, at: Timestamp) -> (Self, Vec<Change>) {
        let mut rows = edit.statements();
        let mut changes = Vec::new();
        let next = Self {
            city: Arc::clone(&self.city),
            areas: collected(&mut changes, self.areas.amended(std::mem::take(&mut rows.areas), at)),
            sites: collected(&mut changes, self.sites.amended(std::mem::take(&mut rows.sites), at)),
            bays: collected(&mut changes, self.bays.amended(std::mem::take(&mut rows.bays), at)),
            stations: collected(&mut changes, self.stations.amended(std::mem::take(&mut rows.stations), at)),
            devices: collected(&mut changes, self.devices.amended(std::mem::take(&mut rows.devices), at)),
            derived: Arc::default(),
        };
        (next, changes)
    }

    /// What stands where at an instant. At once when a layout of the same span is at hand, else about a second for a million bays.
    pub fn layout(&self, at: Timestamp) -> Arc<Layout> {
        let edges = self.edges();
        let later = edges.partition_point(|edge| *edge <= at);
        let span = Span { from: later.checked_sub(1).map(|last| edges[last]), to: edges.get(later).copied() };
        let spread = self.spread(span);
        // Two askers of one new span build it once; those of another one do not wait for it.
        Arc::clone(spread.layout.get_or_init(|| Arc::new(arrangement::arrange(self, at, span))))
    }

    fn spread(&self, span: Span) -> Arc<Spread> {
        let mut layouts = self.derived.layouts.lock().unwrap_or_else(PoisonError::into_inner);
        let spread = match layouts.iter().position(|spread| spread.span == span) {
            Some(index) => layouts.remove(index),
            None => Arc::new(Spread { span, layout: OnceLock::new() }),
        };
        if layouts.len() == REGISTRY_LAYOUTS_MAX {
            layouts.remove(0);
        }
        layouts.push(Arc::clone(&spread));
        spread
    }

    /// The areas at an instant, by id: without a layout, so that looking around in time costs little.
    pub fn areas_at(&self, at: Timestamp) -> Vec<Arc<Area>> {
        self.areas.iter().filter(|version| version.span.holds(at)).map(|version| Arc::clone(&version.object)).collect()
    }

    fn edges(&self) -> &[Timestamp] {
        self.derived.edges.get_or_init(|| {
            fn of<T>(versions: &[Version<T>]) -> impl Iterator<Item = Timestamp> + '_ {
                versions.iter().flat_map(|version| version.span.edges())
            }
            let standing =
                of(self.areas.all()).chain(of(self.sites.all())).chain(of(self.bays.all())).chain(of(self.stations.all()));
            let mut edges: Vec<Timestamp> = standing.collect();
            edges.sort_unstable();
            edges.dedup();
            edges
        })
    }
}

impl PartialEq for Registry {
    /// The same versions: caches do not count.
    fn eq(&self, other: &Self) -> bool {
        self.areas == other.areas
            && self.sites == other.sites
            && self.bays == other.bays
            && self.stations == other.stations
            && self.devices == other.devices
    }
}

fn collected<T: Entity>(changes: &mut Vec<Change>, (versions, differences): (Versions<T>, Vec<Difference<T>>)) -> Versions<T> {
    changes.extend(differences.into_iter().map(|difference| {
        let (what, version) = match difference {
            Difference::Superseded(version) => (ChangeKind::Superseded, version),
            Difference::New(version) => (ChangeKind::New, version),
        };
        Change { what, span: version.span, object: T::shared(&version.object) }
    }));
    versions
}

#[cfg(test)]
mod tests;
