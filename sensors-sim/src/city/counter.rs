//! Lots that count vehicles at the gate: for motorbikes mostly, as people of Hanoi park.

use domain::rng::Rng;

use super::LandUse;
use super::ground::Ground;
use super::name::{Name, Names};

#[derive(Clone, Debug, PartialEq)]
pub struct Counter {
    pub name: Name,
    pub point: [f64; 2],
    pub motorbikes: bool,
    pub capacity: u32,
    pub land_use: LandUse,
    /// Car and motorbike lots of one place share its number.
    pub place: u32,
    pub heartbeat_s: u32,
}

pub fn counters(count: u32, ground: &Ground, names: &mut Names, mut rng: Rng) -> Vec<Counter> {
    let mut counters: Vec<Counter> = Vec::with_capacity(count as usize);
    let mut place = 0;
    while counters.len() < count as usize {
        place += 1;
        let metres = ground.somewhere(&mut rng, 60.0);
        let land_use = LandUse::draw(&mut rng);
        let name = names.lot();
        let cars = rng.chance(0.4);
        let motorbikes = !cars || rng.chance(0.5);
        for for_motorbikes in [false, true] {
            let stands = if for_motorbikes { motorbikes } else { cars };
            if !stands || counters.len() == count as usize {
                continue;
            }
            let capacity = if for_motorbikes { 80 + 20 * rng.below(28) as u32 } else { 30 + 10 * rng.below(32) as u32 };
            let point = ground.point(metres[0] + if for_motorbikes { 15.0 } else { 0.0 }, metres[1]);
            let name = name.clone();
            counters.push(Counter { name, point, motorbikes: for_motorbikes, capacity, land_use, place, heartbeat_s: 600 });
        }
    }
    counters
}
