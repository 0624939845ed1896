//! Wards: a grid of squares, each with its name.

use super::ground::Ground;
use super::name::{Name, Names};

#[derive(Clone, Debug, PartialEq)]
pub struct Ward {
    pub name: Name,
    /// Closed, longitude and latitude.
    pub ring: [[f64; 2]; 5],
}

/// Row by row from the south-west.
pub fn wards(ground: &Ground, names: &mut Names) -> Vec<Ward> {
    let step = ground.edge_m / f64::from(ground.wards);
    let edge = |n: u32| f64::from(n) * step - ground.edge_m / 2.0;
    let mut wards = Vec::new();
    for row in 0..ground.wards {
        for column in 0..ground.wards {
            let corner = |c: u32, r: u32| ground.point(edge(c), edge(r));
            let ring = [
                corner(column, row),
                corner(column + 1, row),
                corner(column + 1, row + 1),
                corner(column, row + 1),
                corner(column, row),
            ];
            wards.push(Ward { name: names.ward(), ring });
        }
    }
    wards
}
