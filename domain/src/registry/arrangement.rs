//! Builds the layout of one instant from all versions.

use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use geo::Point;
use hashbrown::HashMap;

use super::layout::{Layout, SiteEntry, StationEntry};
use super::object::{Area, Bay};
use super::span::Span;
use super::version::Versions;
use super::{Registry, membership, place};
use crate::id::ObjectId;
use crate::time::Timestamp;

/// One for the process, so that caches of two registries never meet under one number.
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// What stands where at `at`, which is the same throughout `span`.
pub(super) fn arrange(registry: &Registry, at: Timestamp, span: Span) -> Layout {
    let areas: Vec<Area> = holding(&registry.areas, at).map(|area| Area::clone(area)).collect();
    let mut bays: Vec<Arc<Bay>> = holding(&registry.bays, at).cloned().collect();
    // Stable: within a site they stay in the order of their ids.
    bays.sort_by(|a, b| a.site.cmp(&b.site));
    let sites: Vec<_> = holding(&registry.sites, at).collect();
    let ranges = ranges_of(&bays);
    let points: Vec<Point<f64>> =
        sites.iter().map(|site| place::representative_point(&site.geometry).unwrap_or(Point::new(f64::NAN, f64::NAN))).collect();
    let stations: Vec<_> = holding(&registry.stations, at).collect();
    let station_points: Vec<Point<f64>> = stations.iter().map(|station| station.point).collect();

    let sites: Vec<SiteEntry> = sites
        .iter()
        .zip(&points)
        .zip(membership::of(&areas, &points))
        .map(|((site, &point), areas)| SiteEntry {
            site: Arc::clone(site),
            point,
            bays: ranges.get(&site.id).cloned().unwrap_or(0..0),
            areas,
        })
        .collect();
    let stations: Vec<StationEntry> = stations
        .iter()
        .zip(membership::of(&areas, &station_points))
        .map(|(station, areas)| StationEntry { station: Arc::clone(station), areas })
        .collect();
    Layout {
        generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        valid_from: span.from,
        valid_to: span.to,
        area_by_id: index(areas.iter().map(|area| area.id.clone())),
        site_by_id: index(sites.iter().map(|entry| entry.site.id.clone())),
        bay_by_id: index(bays.iter().map(|bay| bay.id.clone())),
        station_by_id: index(stations.iter().map(|entry| entry.station.id.clone())),
        areas,
        sites,
        bays,
        stations,
    }
}

fn holding<T>(versions: &Versions<T>, at: Timestamp) -> impl Iterator<Item = &Arc<T>> {
    versions.all().iter().filter(move |version| version.span.holds(at)).map(|version| &version.object)
}

fn ranges_of(bays: &[Arc<Bay>]) -> HashMap<ObjectId, Range<usize>> {
    let mut ranges = HashMap::new();
    let mut start = 0;
    for group in bays.chunk_by(|a, b| a.site == b.site) {
        ranges.insert(group[0].site.clone(), start..start + group.len());
        start += group.len();
    }
    ranges
}

fn index<K: Eq + Hash>(ids: impl ExactSizeIterator<Item = K>) -> HashMap<K, usize> {
    let mut index = HashMap::with_capacity(ids.len());
    index.extend(ids.enumerate().map(|(place, id)| (id, place)));
    index
}
