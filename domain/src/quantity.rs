//! What an air station measures: one row a quantity, from which codecs, lake columns, API and docs are made.
//!
//! A new quantity is one variant and one row. The order is persisted nowhere; the name is.

use serde::{Deserialize, Serialize};

use crate::unit::{Gas, Unit};

/// A measured quantity. Its canonical unit is that of the API and of the lake's column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Quantity {
    Pm1,
    Pm25,
    Pm10,
    No2,
    No,
    O3,
    So2,
    Co,
    Co2,
    NoiseDb,
    TempC,
    RhPct,
    PressureHpa,
    WindMps,
    WindDeg,
    RainMm,
}

/// How a payload's `units` may name another unit for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conversion {
    /// `ug/m3`, `mg/m3`, `ppb`, `ppm`: mixing ratios need the molar mass.
    Gas(Gas),
    /// `ug/m3`, `mg/m3`.
    Particle,
    /// Only the canonical unit.
    Fixed,
}

/// One row of the table of quantities.
#[derive(Clone, Copy, Debug)]
pub struct QuantityRow {
    pub quantity: Quantity,
    /// Key of a payload, column of the lake, name in the API.
    pub name: &'static str,
    pub unit: Unit,
    pub conversion: Conversion,
    /// What it is, in English, for documents and lake metadata.
    pub title: &'static str,
}

const fn row(quantity: Quantity, name: &'static str, unit: Unit, conversion: Conversion, title: &'static str) -> QuantityRow {
    QuantityRow { quantity, name, unit, conversion, title }
}

/// Molar masses in g/mol: NIST values as given in docs/reference/numbers.md.
const NO2: Conversion = Conversion::Gas(Gas { molar_mass_g: 46.0055 });
const NO: Conversion = Conversion::Gas(Gas { molar_mass_g: 30.006 });
const O3: Conversion = Conversion::Gas(Gas { molar_mass_g: 47.998 });
const SO2: Conversion = Conversion::Gas(Gas { molar_mass_g: 64.064 });
const CO: Conversion = Conversion::Gas(Gas { molar_mass_g: 28.010 });

impl Quantity {
    pub const COUNT: usize = 16;

    pub const ALL: [QuantityRow; Self::COUNT] = [
        row(Self::Pm1, "pm1", Unit::MicrogramPerCubicMetre, Conversion::Particle, "particles up to 1 µm"),
        row(Self::Pm25, "pm25", Unit::MicrogramPerCubicMetre, Conversion::Particle, "particles up to 2.5 µm"),
        row(Self::Pm10, "pm10", Unit::MicrogramPerCubicMetre, Conversion::Particle, "particles up to 10 µm"),
        row(Self::No2, "no2", Unit::MicrogramPerCubicMetre, NO2, "nitrogen dioxide"),
        row(Self::No, "no", Unit::MicrogramPerCubicMetre, NO, "nitrogen monoxide"),
        row(Self::O3, "o3", Unit::MicrogramPerCubicMetre, O3, "ozone"),
        row(Self::So2, "so2", Unit::MicrogramPerCubicMetre, SO2, "sulphur dioxide"),
        row(Self::Co, "co", Unit::MicrogramPerCubicMetre, CO, "carbon monoxide"),
        row(Self::Co2, "co2", Unit::PartsPerMillion, Conversion::Fixed, "carbon dioxide"),
        row(Self::NoiseDb, "noise_db", Unit::Decibel, Conversion::Fixed, "sound pressure level"),
        row(Self::TempC, "temp_c", Unit::DegreeCelsius, Conversion::Fixed, "air temperature"),
        row(Self::RhPct, "rh_pct", Unit::Percent, Conversion::Fixed, "relative humidity"),
        row(Self::PressureHpa, "pressure_hpa", Unit::Hectopascal, Conversion::Fixed, "air pressure"),
        row(Self::WindMps, "wind_mps", Unit::MetrePerSecond, Conversion::Fixed, "wind speed"),
        row(Self::WindDeg, "wind_deg", Unit::Degree, Conversion::Fixed, "direction the wind comes from"),
        row(Self::RainMm, "rain_mm", Unit::Millimetre, Conversion::Fixed, "rainfall"),
    ];

    pub const fn row(self) -> &'static QuantityRow {
        &Self::ALL[self as usize]
    }

    pub const fn name(self) -> &'static str {
        self.row().name
    }

    pub const fn unit(self) -> Unit {
        self.row().unit
    }

    /// `value` in the canonical unit; `None` when the quantity is not measured in `unit`. May be infinite.
    pub fn canonical(self, value: f64, unit: Unit, reference_temperature_c: f64) -> Option<f64> {
        let row = self.row();
        match (row.conversion, unit) {
            (_, unit) if unit == row.unit => Some(value),
            (Conversion::Gas(_) | Conversion::Particle, Unit::MilligramPerCubicMetre) => Some(value * 1_000.0),
            (Conversion::Gas(gas), Unit::PartsPerBillion) => Some(gas.micrograms_from_ppb(value, reference_temperature_c)),
            (Conversion::Gas(gas), Unit::PartsPerMillion) => {
                Some(gas.micrograms_from_ppb(value * 1_000.0, reference_temperature_c))
            }
            _ => None,
        }
    }

    /// `value`, in the canonical unit, in another one; `None` when the quantity is not measured in it.
    pub fn in_unit(self, value: f64, unit: Unit, reference_temperature_c: f64) -> Option<f64> {
        let row = self.row();
        match (row.conversion, unit) {
            (_, unit) if unit == row.unit => Some(value),
            (Conversion::Gas(_) | Conversion::Particle, Unit::MilligramPerCubicMetre) => Some(value / 1_000.0),
            (Conversion::Gas(gas), Unit::PartsPerBillion) => Some(gas.ppb_from_micrograms(value, reference_temperature_c)),
            (Conversion::Gas(gas), Unit::PartsPerMillion) => {
                Some(gas.ppb_from_micrograms(value, reference_temperature_c) / 1_000.0)
            }
            _ => None,
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.name == name).map(|row| row.quantity)
    }

    pub fn all() -> impl Iterator<Item = Self> + Clone {
        Self::ALL.iter().map(|row| row.quantity)
    }
}

/// At most one value a quantity, without allocation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByQuantity<T>([Option<T>; Quantity::COUNT]);

impl<T: Copy> Default for ByQuantity<T> {
    fn default() -> Self {
        Self([None; Quantity::COUNT])
    }
}

impl<T: Copy> ByQuantity<T> {
    pub fn get(&self, quantity: Quantity) -> Option<T> {
        self.0[quantity as usize]
    }

    pub fn set(&mut self, quantity: Quantity, value: T) {
        self.0[quantity as usize] = Some(value);
    }

    pub fn clear(&mut self, quantity: Quantity) {
        self.0[quantity as usize] = None;
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    pub fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// In the order of [`Quantity::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Quantity, T)> + Clone + '_ {
        Quantity::all().filter_map(|quantity| self.get(quantity).map(|value| (quantity, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantity_has_its_own_row_and_name() {
        for (index, row) in Quantity::ALL.iter().enumerate() {
            assert_eq!(row.quantity as usize, index);
            assert_eq!(Quantity::by_name(row.name), Some(row.quantity));
        }
    }

    #[test]
    fn particles_have_no_mixing_ratio_and_carbon_dioxide_no_mass() {
        assert_eq!(Quantity::Pm25.canonical(1.5, Unit::MilligramPerCubicMetre, 25.0), Some(1_500.0));
        assert_eq!(Quantity::Pm25.canonical(1.5, Unit::PartsPerBillion, 25.0), None);
        assert_eq!(Quantity::Co2.canonical(420.0, Unit::PartsPerMillion, 25.0), Some(420.0));
        assert_eq!(Quantity::Co2.canonical(420.0, Unit::MicrogramPerCubicMetre, 25.0), None);
        let ppm = Quantity::Co.canonical(1.0, Unit::PartsPerMillion, 25.0);
        assert_eq!(ppm, Quantity::Co.canonical(1_000.0, Unit::PartsPerBillion, 25.0));
    }

    #[test]
    fn a_value_comes_back_from_every_unit_that_it_can_be_in() {
        for quantity in Quantity::all() {
            for unit in Unit::ALL {
                let there = quantity.canonical(1.25, unit, 20.0);
                let back = there.and_then(|value| quantity.in_unit(value, unit, 20.0));
                assert!(back.is_none_or(|back| (back - 1.25).abs() < 1e-12), "{} in {}", quantity.name(), unit.symbol());
                assert_eq!(there.is_some(), quantity.in_unit(1.0, unit, 20.0).is_some());
            }
        }
    }
}
