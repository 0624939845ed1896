//! The registry at one instant, arranged for live questions: sites with their bays and areas, stations with their areas.

use std::ops::Range;
use std::sync::Arc;

use geo::Point;
use hashbrown::HashMap;

use super::object::{Area, Bay, Site, Station};
use crate::id::ObjectId;
use crate::time::Timestamp;

/// What stands where from `valid_from` until `valid_to`. Indices are places in its own vectors.
#[derive(Debug, Default)]
pub struct Layout {
    /// Differs between any two layouts of one process: caches are keyed by it.
    pub generation: u64,
    pub valid_from: Option<Timestamp>,
    pub valid_to: Option<Timestamp>,
    /// Sorted by id.
    pub areas: Vec<Area>,
    /// Sorted by id.
    pub sites: Vec<SiteEntry>,
    /// Sorted by site, then id: a site's bays lie together.
    pub bays: Vec<Arc<Bay>>,
    /// Sorted by id.
    pub stations: Vec<StationEntry>,
    pub area_by_id: HashMap<ObjectId, usize>,
    pub site_by_id: HashMap<ObjectId, usize>,
    pub bay_by_id: HashMap<ObjectId, usize>,
    pub station_by_id: HashMap<ObjectId, usize>,
}

#[derive(Clone, Debug)]
pub struct SiteEntry {
    pub site: Arc<Site>,
    /// Its point: a line's midpoint, a polygon's point on surface.
    pub point: Point<f64>,
    /// In [`Layout::bays`]; empty for a counter lot.
    pub bays: Range<usize>,
    /// In [`Layout::areas`]: those that hold its point.
    pub areas: Vec<usize>,
}

impl SiteEntry {
    /// A lot that counts its places: by the registry one without bays.
    pub fn is_counter(&self) -> bool {
        self.bays.is_empty()
    }
}

#[derive(Clone, Debug)]
pub struct StationEntry {
    pub station: Arc<Station>,
    pub areas: Vec<usize>,
}
