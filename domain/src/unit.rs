//! Units of measured values and the conversion of mixing ratios into mass concentrations.
//!
//! Canonical concentrations are µg/m³ at 101.325 kPa and the city's reference temperature:
//! µg/m³ = ppb · M · p / (R · T) / 1000 (ideal gas law; R from CODATA 2018).

use serde::{Deserialize, Serialize};

/// Molar gas constant, J/(mol·K).
pub const MOLAR_GAS_CONSTANT: f64 = 8.314462618;
/// Reference pressure, Pa.
pub const REFERENCE_PRESSURE_PA: f64 = 101_325.0;
/// Reference temperature unless the city is configured otherwise, °C.
pub const REFERENCE_TEMPERATURE_C: f64 = 25.0;

/// A unit as payloads and answers write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    #[serde(rename = "ug/m3")]
    MicrogramPerCubicMetre,
    #[serde(rename = "mg/m3")]
    MilligramPerCubicMetre,
    #[serde(rename = "ppb")]
    PartsPerBillion,
    #[serde(rename = "ppm")]
    PartsPerMillion,
    #[serde(rename = "dB")]
    Decibel,
    #[serde(rename = "degC")]
    DegreeCelsius,
    #[serde(rename = "%")]
    Percent,
    #[serde(rename = "hPa")]
    Hectopascal,
    #[serde(rename = "m/s")]
    MetrePerSecond,
    #[serde(rename = "deg")]
    Degree,
    #[serde(rename = "mm")]
    Millimetre,
}

impl Unit {
    pub const ALL: [Self; 11] = [
        Self::MicrogramPerCubicMetre,
        Self::MilligramPerCubicMetre,
        Self::PartsPerBillion,
        Self::PartsPerMillion,
        Self::Decibel,
        Self::DegreeCelsius,
        Self::Percent,
        Self::Hectopascal,
        Self::MetrePerSecond,
        Self::Degree,
        Self::Millimetre,
    ];

    pub const fn symbol(self) -> &'static str {
        match self {
            Self::MicrogramPerCubicMetre => "ug/m3",
            Self::MilligramPerCubicMetre => "mg/m3",
            Self::PartsPerBillion => "ppb",
            Self::PartsPerMillion => "ppm",
            Self::Decibel => "dB",
            Self::DegreeCelsius => "degC",
            Self::Percent => "%",
            Self::Hectopascal => "hPa",
            Self::MetrePerSecond => "m/s",
            Self::Degree => "deg",
            Self::Millimetre => "mm",
        }
    }

    pub fn by_symbol(symbol: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.symbol() == symbol)
    }
}

/// A gas whose mixing ratio can be converted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gas {
    /// g/mol
    pub molar_mass_g: f64,
}

impl Gas {
    /// µg/m³ of `ppb` at the reference pressure and `reference_temperature_c`.
    pub fn micrograms_from_ppb(self, ppb: f64, reference_temperature_c: f64) -> f64 {
        let kelvin = reference_temperature_c + 273.15;
        ppb * self.molar_mass_g * REFERENCE_PRESSURE_PA / (MOLAR_GAS_CONSTANT * kelvin) / 1_000.0
    }

    /// The way back.
    pub fn ppb_from_micrograms(self, micrograms: f64, reference_temperature_c: f64) -> f64 {
        micrograms / self.micrograms_from_ppb(1.0, reference_temperature_c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ozone_at_25_and_20_degrees_is_as_tabulated() {
        let ozone = Gas { molar_mass_g: 47.998 };
        assert!((ozone.micrograms_from_ppb(1.0, 25.0) - 1.96187).abs() < 5e-6);
        assert!((ozone.micrograms_from_ppb(1.0, 20.0) - 1.99533).abs() < 5e-6);
    }
}
