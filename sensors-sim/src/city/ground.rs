//! The ground a city stands on: a square around the centre, metres to degrees and back.

use domain::rng::Rng;

use super::CityOptions;

/// Metres of one degree of latitude (mean of WGS 84).
const METRES_PER_DEGREE: f64 = 111_320.0;
/// Watched bays on a square kilometre, as in the centres that have them.
const BAYS_PER_KM2: f64 = 150.0;

#[derive(Clone, Debug)]
pub struct Ground {
    lat: f64,
    lon: f64,
    /// Edge of the square, metres.
    pub edge_m: f64,
    /// Wards along an edge.
    pub wards: u32,
}

impl Ground {
    pub fn new(options: &CityOptions) -> Self {
        let edge_km = (f64::from(options.bays) / BAYS_PER_KM2).sqrt().clamp(2.0, 30.0);
        let wards = (edge_km.round() as u32).clamp(2, 12);
        Self { lat: options.center_lat, lon: options.center_lon, edge_m: edge_km * 1_000.0, wards }
    }

    /// Longitude and latitude of a place given in metres east and north of the centre, to a tenth of a metre or so (6 digits).
    pub fn point(&self, east_m: f64, north_m: f64) -> [f64; 2] {
        let lat = self.lat + north_m / METRES_PER_DEGREE;
        let lon = self.lon + east_m / (METRES_PER_DEGREE * self.lat.to_radians().cos());
        [round(lon), round(lat)]
    }

    /// A place in metres, denser towards the centre, at least `margin_m` inside the edge.
    pub fn somewhere(&self, rng: &mut Rng, margin_m: f64) -> [f64; 2] {
        let half = (self.edge_m / 2.0 - margin_m).max(0.0);
        let mut axis = || {
            let spread = rng.unit() + rng.unit() - 1.0;
            let even = 2.0 * rng.unit() - 1.0;
            half * (0.6 * spread + 0.4 * even)
        };
        let east = axis();
        [east, axis()]
    }

    /// A closed ring around a place, `along` and `across` metres long, turned by `turn` radians.
    pub fn ring(&self, centre: [f64; 2], along: f64, across: f64, turn: f64) -> [[f64; 2]; 5] {
        let corner = |a: f64, b: f64| {
            let (east, north) = rotate(a * along / 2.0, b * across / 2.0, turn);
            self.point(centre[0] + east, centre[1] + north)
        };
        [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0), corner(-1.0, -1.0)]
    }
}

pub fn rotate(along: f64, across: f64, turn: f64) -> (f64, f64) {
    (along * turn.cos() - across * turn.sin(), along * turn.sin() + across * turn.cos())
}

fn round(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}
