//! A street: a line with bays one behind the other along its kerb.

use domain::rng::Rng;

use super::ground::{Ground, rotate};
use super::name::Names;
use super::{Bay, Features, LandUse, Shape, Site};

/// A parallel bay, metres.
const BAY_M: f64 = 6.0;
/// From the line to the middle of a bay.
const KERB_M: f64 = 3.0;

/// Adds its bays to `bays`, at most `left` of them.
pub fn street(site: u32, left: u32, ground: &Ground, names: &mut Names, rng: &mut Rng, bays: &mut Vec<Bay>) -> Site {
    let bay_count = (10 + rng.below(26) as u32).min(left);
    let land_use = LandUse::draw(rng);
    let length = f64::from(bay_count) * BAY_M;
    let centre = ground.somewhere(rng, length / 2.0 + KERB_M);
    // Streets run along the grid or across it, a little askew.
    let turn = rng.normal(0.0, 0.08) + if rng.chance(0.5) { std::f64::consts::FRAC_PI_2 } else { 0.0 };
    let at = |along: f64, across: f64| {
        let (east, north) = rotate(along, across, turn);
        ground.point(centre[0] + east, centre[1] + north)
    };
    let max_stay_min = if land_use == LandUse::Home { 0 } else { [60, 120, 120, 180, 240][rng.below(5) as usize] };
    let first_bay = bays.len() as u32;
    for n in 0..bay_count {
        let along = (f64::from(n) + 0.5) * BAY_M - length / 2.0;
        let features = features(land_use, rng);
        let stay = if features == Features::LOADING { 30 } else { max_stay_min };
        bays.push(Bay { site, point: at(along, KERB_M), features, max_stay_min: stay });
    }
    let line = Shape::Line([at(-length / 2.0, 0.0), at(length / 2.0, 0.0)]);
    Site { name: names.street(), shape: line, land_use, first_bay, bay_count, heartbeat_s: 3_600 }
}

fn features(land_use: LandUse, rng: &mut Rng) -> Features {
    let share = rng.unit();
    match land_use {
        _ if share < 0.03 => Features::ACCESSIBLE,
        LandUse::Shop if share < 0.12 => Features::LOADING,
        LandUse::Home if share < 0.3 => Features::RESIDENT,
        _ if share > 0.98 => Features::EV,
        _ => Features::default(),
    }
}
