//! A lot: a rectangle with rows of bays.

use domain::rng::Rng;

use super::ground::{Ground, rotate};
use super::name::Names;
use super::{Bay, Features, LandUse, Shape, Site};

/// A bay at a right angle to its lane, and half of the lane, metres.
const BAY_WIDTH_M: f64 = 2.5;
const BAY_DEPTH_M: f64 = 8.0;

/// Adds its bays to `bays`, at most `left` of them.
pub fn lot(site: u32, left: u32, ground: &Ground, names: &mut Names, rng: &mut Rng, bays: &mut Vec<Bay>) -> Site {
    let rows = 2 + rng.below(4) as u32;
    let wanted = rows * (10 + rng.below(15) as u32);
    let bay_count = wanted.min(left);
    let columns = wanted / rows;
    let land_use = if rng.chance(0.5) { LandUse::Shop } else { LandUse::Leisure };
    let (along, across) = (f64::from(columns) * BAY_WIDTH_M, f64::from(rows) * BAY_DEPTH_M);
    let centre = ground.somewhere(rng, along.max(across));
    let turn = rng.normal(0.0, 0.08);
    let first_bay = bays.len() as u32;
    for n in 0..bay_count {
        let (column, row) = (f64::from(n % columns) + 0.5, f64::from(n / columns) + 0.5);
        let (east, north) = rotate(column * BAY_WIDTH_M - along / 2.0, row * BAY_DEPTH_M - across / 2.0, turn);
        // Bays for the disabled and for charging lie first, at the entrance.
        let features = match n {
            0 | 1 => Features::ACCESSIBLE,
            2..=5 => Features::EV,
            _ => Features::default(),
        };
        bays.push(Bay { site, point: ground.point(centre[0] + east, centre[1] + north), features, max_stay_min: 0 });
    }
    let ring = Shape::Ring(ground.ring(centre, along, across, turn));
    Site { name: names.lot(), shape: ring, land_use, first_bay, bay_count, heartbeat_s: 1_800 }
}
