//! Where the places of one layout lie, and when they are open. Made once a layout, each part when it is first asked for.
//!
//! Places are points of the unit sphere in space: the straight line between two of them grows with their distance along the
//! ground, so one index orders them rightly everywhere, the poles and the antimeridian included.

use std::sync::OnceLock;

use domain::registry::{Layout, SiteEntry, Vehicle};
use geo::Point;
use hashbrown::HashMap;
use rstar::RTree;
use rstar::primitives::GeomWithData;

use crate::board::{CLASSES, class_of};
use crate::hours::Opening;

/// Mean radius of the earth, metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Metres that one walks for each metre as the crow flies: 1.21 to 1.23 around the stations of a street grid (O'Sullivan and
/// Morrall, Walking Distances to and from Light-Rail Transit Stations, Transportation Research Record 1538, 1996).
const DETOUR: f64 = 1.22;
/// 4.8 km/h: the 1.33 m/s that OpenTripPlanner walks.
const WALK_M_PER_MIN: f64 = 80.0;

type Spot = GeomWithData<[f64; 3], u32>;

/// One layout's index.
#[derive(Default)]
pub struct Ground {
    sites: OnceLock<Index>,
    bays: OnceLock<Index>,
    openings: OnceLock<Vec<Opening>>,
}

/// Places by whom they are for: who looks for few among many does not go over the many.
struct Index(Vec<RTree<Spot>>);

/// Whom places are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct For {
    pub vehicle: Vehicle,
    /// 0, or a feature's.
    pub class: usize,
}

impl For {
    const COUNT: usize = Vehicle::ALL.len() * CLASSES;

    fn number(self) -> usize {
        self.vehicle as usize * CLASSES + self.class
    }
}

impl Index {
    fn of(places: impl Iterator<Item = (For, Spot)>) -> Self {
        let mut spots = vec![Vec::new(); For::COUNT];
        places.for_each(|(whom, spot)| spots[whom.number()].push(spot));
        Self(spots.into_iter().map(RTree::bulk_load).collect())
    }

    fn of_sites(layout: &Layout) -> Self {
        let places = layout.sites.iter().enumerate().filter_map(|(site, entry)| Some((entry, spot(entry.point, site)?)));
        Self::of(places.flat_map(|(entry, spot)| {
            let vehicle = entry.site.vehicle;
            classes(layout, entry).map(move |class| (For { vehicle, class }, spot))
        }))
    }

    /// Bays, and lots that have none behind all of them.
    fn of_bays(layout: &Layout) -> Self {
        let places = layout.sites.iter().enumerate().flat_map(|(site, entry)| {
            let vehicle = entry.site.vehicle;
            let bays = entry.bays.clone().map(move |bay| (class_of(&layout.bays[bay]), layout.bays[bay].point, bay));
            let lot = entry.is_counter().then_some((0, entry.point, layout.bays.len() + site));
            bays.chain(lot).filter_map(move |(class, point, number)| Some((For { vehicle, class }, spot(point, number)?)))
        });
        Self::of(places)
    }

    fn within(&self, whom: For, from: Point<f64>, radius_m: f64) -> impl Iterator<Item = (usize, f64)> {
        within(&self.0[whom.number()], from, radius_m)
    }
}

/// The classes of which a site has places; a lot that counts has one.
fn classes(layout: &Layout, entry: &SiteEntry) -> impl Iterator<Item = usize> + use<> {
    let mut has = [false; CLASSES];
    has[0] = entry.is_counter();
    layout.bays[entry.bays.clone()].iter().for_each(|bay| has[class_of(bay)] = true);
    (0..CLASSES).filter(move |&class| has[class])
}

/// What lies where a driver may stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By place in the layout's sites.
    Site(usize),
    /// By place in the layout's bays.
    Bay(usize),
}

/// A place in reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InReach {
    pub place: Place,
    pub distance_m: f64,
}

/// What is looked for as one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Site,
    Bay,
}

impl Ground {
    /// Whether questions of this kind can be answered at once.
    pub fn is_ready(&self, group: Group) -> bool {
        self.openings.get().is_some() && self.index(group).get().is_some()
    }

    /// A second or two for a million bays.
    pub fn prepare(&self, layout: &Layout, group: Group) {
        match group {
            Group::Site => self.sites.get_or_init(|| Index::of_sites(layout)),
            Group::Bay => self.bays.get_or_init(|| Index::of_bays(layout)),
        };
        self.openings(layout);
    }

    fn index(&self, group: Group) -> &OnceLock<Index> {
        match group {
            Group::Site => &self.sites,
            Group::Bay => &self.bays,
        }
    }

    /// Sites that have places for somebody, by their distance from a point, up to `radius_m`.
    pub fn sites_near(&self, layout: &Layout, whom: For, from: Point<f64>, radius_m: f64) -> impl Iterator<Item = InReach> {
        let index = self.sites.get_or_init(|| Index::of_sites(layout));
        index.within(whom, from, radius_m).map(|(site, distance_m)| InReach { place: Place::Site(site), distance_m })
    }

    /// Bays, and lots that have none, for somebody, by their distance from a point, up to `radius_m`.
    pub fn bays_near(&self, layout: &Layout, whom: For, from: Point<f64>, radius_m: f64) -> impl Iterator<Item = InReach> {
        let first_site = layout.bays.len();
        let index = self.bays.get_or_init(|| Index::of_bays(layout));
        index.within(whom, from, radius_m).map(move |(number, distance_m)| {
            let place = number.checked_sub(first_site).map_or(Place::Bay(number), Place::Site);
            InReach { place, distance_m }
        })
    }

    pub fn opening(&self, layout: &Layout, site: usize) -> &Opening {
        &self.openings(layout)[site]
    }

    fn openings(&self, layout: &Layout) -> &[Opening] {
        self.openings.get_or_init(|| {
            // A city writes the same few hours at thousands of sites.
            let mut known: HashMap<&str, Opening> = HashMap::new();
            let texts = layout.sites.iter().map(|entry| entry.site.opening_hours.as_deref());
            texts
                .map(|text| match text {
                    None => Opening::Always,
                    Some(text) => known.entry(text).or_insert_with(|| Opening::of(text)).clone(),
                })
                .collect()
        })
    }
}

/// Minutes on foot, begun ones counted whole.
pub fn walk_min(distance_m: f64) -> u32 {
    (distance_m * DETOUR / WALK_M_PER_MIN).ceil() as u32
}

/// `None` for a geometry without a point.
fn spot(point: Point<f64>, number: usize) -> Option<Spot> {
    (point.x().is_finite() && point.y().is_finite()).then(|| Spot::new(on_sphere(point), number as u32))
}

fn on_sphere(point: Point<f64>) -> [f64; 3] {
    let (lon, lat) = (point.x().to_radians(), point.y().to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn within(index: &RTree<Spot>, from: Point<f64>, radius_m: f64) -> impl Iterator<Item = (usize, f64)> {
    let reach = 2.0 * (radius_m / (2.0 * EARTH_RADIUS_M)).sin();
    index
        .nearest_neighbor_iter_with_distance_2(on_sphere(from))
        .take_while(move |(_, chord_2)| *chord_2 <= reach * reach)
        .map(|(spot, chord_2)| (spot.data as usize, 2.0 * EARTH_RADIUS_M * (chord_2.sqrt() / 2.0).asin()))
}

#[cfg(test)]
mod tests {
    use geo::{Distance, Haversine};

    use super::*;

    #[test]
    fn distances_are_those_along_the_ground() {
        let places = [(105.8542, 21.0285), (105.8552, 21.0285), (105.8542, 21.03), (105.9, 21.0), (-179.999, 0.0), (10.0, 89.9)];
        let spots = places.iter().enumerate().filter_map(|(number, (lon, lat))| spot(Point::new(*lon, *lat), number)).collect();
        let index = RTree::bulk_load(spots);
        for from in [Point::new(105.8542, 21.0285), Point::new(179.999, 0.001), Point::new(-170.0, 89.95)] {
            let mut expected: Vec<(usize, f64)> = places
                .iter()
                .map(|(lon, lat)| Haversine.distance(from, Point::new(*lon, *lat)))
                .enumerate()
                .filter(|(_, metres)| *metres <= 20_000.0)
                .collect();
            expected.sort_by(|a, b| a.1.total_cmp(&b.1));
            let found: Vec<_> = within(&index, from, 20_000.0).collect();
            assert!(!found.is_empty() && found.len() == expected.len(), "{found:?} {expected:?}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.0, expected.0);
                assert!((found.1 - expected.1).abs() < 0.01, "{found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn a_begun_minute_of_walking_counts() {
        assert_eq!([0.0, 1.0, 65.0, 66.0, 500.0, 5_000.0].map(walk_min), [0, 1, 1, 2, 8, 77]);
    }
}
