//! Air stations: a few reference stations with gases and weather, more indicative ones with particles.

use domain::Quantity;
use domain::rng::Rng;

use super::area::Ward;
use super::ground::Ground;
use super::name::Name;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StationClass {
    Reference,
    Indicative,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    pub name: Name,
    pub class: StationClass,
    pub point: [f64; 2],
    /// How near traffic is, 0 (a park) to 1 (a crossing).
    pub traffic: f64,
    pub interval_s: u32,
}

impl StationClass {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Indicative => "indicative",
        }
    }

    pub const fn measures(self) -> &'static [Quantity] {
        match self {
            Self::Reference => &[
                Quantity::Pm25,
                Quantity::Pm10,
                Quantity::No2,
                Quantity::No,
                Quantity::O3,
                Quantity::So2,
                Quantity::Co,
                Quantity::TempC,
                Quantity::RhPct,
                Quantity::PressureHpa,
                Quantity::WindMps,
                Quantity::WindDeg,
            ],
            Self::Indicative => {
                &[Quantity::Pm1, Quantity::Pm25, Quantity::Pm10, Quantity::NoiseDb, Quantity::TempC, Quantity::RhPct]
            }
        }
    }
}

/// Every fourth is a reference station; the first stands near the centre.
pub fn stations(count: u32, ground: &Ground, wards: &[Ward], mut rng: Rng) -> Vec<Station> {
    let station = |n: u32| {
        let class = if n.is_multiple_of(4) { StationClass::Reference } else { StationClass::Indicative };
        let metres = if n == 0 { [120.0, -80.0] } else { ground.somewhere(&mut rng, 100.0) };
        let ward = ward_at(ground, wards, metres);
        let name =
            Name { vi: format!("Trạm {} số {}", ward.name.vi, n + 1), en: format!("{} Station {}", ward.name.en, n + 1) };
        Station { name, class, point: ground.point(metres[0], metres[1]), traffic: rng.unit(), interval_s: 60 }
    };
    (0..count).map(station).collect()
}

fn ward_at<'a>(ground: &Ground, wards: &'a [Ward], metres: [f64; 2]) -> &'a Ward {
    let step = ground.edge_m / f64::from(ground.wards);
    let cell = |m: f64| (((m + ground.edge_m / 2.0) / step) as usize).min(ground.wards as usize - 1);
    &wards[cell(metres[1]) * ground.wards as usize + cell(metres[0])]
}
