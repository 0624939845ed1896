//! One value of a station's quantity on its way into windows: where it belongs, how much it weighs, what was remarked on it.

use crate::flag::{Flag, Flags};
use crate::kind::air::{AsSent, Qc};
use crate::quantity::Quantity;
use crate::time::{MICROS_PER_SECOND, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at: Timestamp,
    /// It covers (at − avg_s, at]; 0 is a moment.
    pub avg_s: u32,
    /// What its station expected between two readings then: the weight of a moment.
    pub interval_s: u32,
    /// In the canonical unit.
    pub value: f64,
    pub received_at: Timestamp,
    pub remarks: Remarks,
}

impl Sample {
    /// The window that holds it is the sample's.
    pub const fn middle(&self) -> Timestamp {
        Timestamp::from_micros(self.at.as_micros() - self.avg_s as i64 * MICROS_PER_SECOND / 2)
    }

    /// Seconds that it stands for.
    pub const fn weight_s(&self) -> u32 {
        if self.avg_s == 0 { self.interval_s } else { self.avg_s }
    }
}

/// Which of a station's readings count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// All accepted ones.
    Raw,
    /// Without those that their device or an automatic check takes out.
    Checked,
    /// As a person decided; nothing where nobody did.
    Validated,
}

impl Layer {
    pub const ALL: [Self; 3] = [Self::Raw, Self::Checked, Self::Validated];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Checked => "checked",
            Self::Validated => "validated",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }

    pub const fn takes(self, remarks: Remarks) -> bool {
        match self {
            Self::Raw => true,
            Self::Checked => !remarks.takes_out(),
            Self::Validated => false,
        }
    }
}

/// What stands in the way of a value, or is worth knowing of it: words of the device and of automatic checks. They never change it (AIR-1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    flags: Flags,
    bits: u16,
}

/// By the bit of a remark: a device's words in the order of [`Qc::ALL`], then the checks.
const GROSS_RANGE: u16 = 1 << Qc::ALL.len();
const SENTINEL: u16 = 1 << (Qc::ALL.len() + 1);
const CHECKS: [(u16, &str); 2] = [(GROSS_RANGE, "gross_range"), (SENTINEL, "sentinel")];

/// What loggers and drivers write where there is no value.
const SENTINELS: [f64; 4] = [-999.0, -9_999.0, 9_999.0, 65_535.0];

impl Remarks {
    pub const NONE: Self = Self { flags: Flags::NONE, bits: 0 };

    /// `as_sent`: of a value that was converted, before it was.
    pub fn of(quantity: Quantity, value: f64, as_sent: Option<AsSent>, qc: Option<Qc>, flags: Flags) -> Self {
        let mut bits = qc.filter(|qc| *qc != Qc::Valid).map_or(0, bit);
        if gross_range(quantity).is_some_and(|(least, most)| !(least..=most).contains(&value)) {
            bits |= GROSS_RANGE;
        }
        if SENTINELS.contains(&as_sent.map_or(value, |sent| sent.value)) {
            bits |= SENTINEL;
        }
        Self { flags, bits }
    }

    /// Of several values together.
    pub fn and(self, other: Self) -> Self {
        Self { flags: Flags::from_bits(self.flags.bits() | other.flags.bits()), bits: self.bits | other.bits }
    }

    pub const fn takes_out(self) -> bool {
        self.bits & (GROSS_RANGE | SENTINEL) != 0
            || self.bits & (bit(Qc::Invalid) | bit(Qc::Calibration) | bit(Qc::Maintenance) | bit(Qc::Fault)) != 0
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let said = Qc::ALL.into_iter().filter(move |qc| self.bits & bit(*qc) != 0).map(Qc::name);
        let checked = CHECKS.into_iter().filter(move |(check, _)| self.bits & check != 0).map(|(_, name)| name);
        let flagged = Flag::ALL.into_iter().filter(move |flag| self.flags.has(*flag)).map(Flag::name);
        said.chain(checked).chain(flagged)
    }
}

const fn bit(qc: Qc) -> u16 {
    1 << qc as u8
}

/// What no instrument of its kind can have measured beyond, with some room for drift below zero.
const fn gross_range(quantity: Quantity) -> Option<(f64, f64)> {
    match quantity {
        Quantity::Pm1 | Quantity::Pm25 | Quantity::Pm10 => Some((-15.0, 2_000.0)),
        Quantity::Co => Some((-500.0, 200_000.0)),
        Quantity::No2 | Quantity::No | Quantity::O3 | Quantity::So2 => Some((-500.0, 50_000.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Unit;

    fn remarks(quantity: Quantity, value: f64) -> Remarks {
        Remarks::of(quantity, value, None, None, Flags::NONE)
    }

    #[test]
    fn the_range_ends_are_within_it() {
        for (quantity, least, most) in
            [(Quantity::Pm25, -15.0, 2_000.0), (Quantity::No2, -500.0, 50_000.0), (Quantity::Co, -500.0, 200_000.0)]
        {
            assert!(!remarks(quantity, least).takes_out() && !remarks(quantity, most).takes_out());
            assert!(remarks(quantity, least - 0.1).takes_out() && remarks(quantity, most + 0.1).takes_out());
        }
        assert!(!remarks(Quantity::PressureHpa, 60_000.0).takes_out(), "no range is known of it");
    }

    #[test]
    fn a_sentinel_is_looked_for_in_what_was_sent() {
        assert!(remarks(Quantity::TempC, -999.0).takes_out());
        let sent = Some(AsSent { value: 9_999.0, unit: Unit::PartsPerBillion });
        let converted = Remarks::of(Quantity::No2, 18_802.0, sent, None, Flags::NONE.with(Flag::Converted));
        assert_eq!(converted.names().collect::<Vec<_>>(), ["sentinel", "converted"]);
        let sent = Some(AsSent { value: 5_317.4, unit: Unit::PartsPerBillion });
        assert!(!Remarks::of(Quantity::No2, 9_999.0, sent, None, Flags::NONE).takes_out(), "by chance, after conversion");
    }

    #[test]
    fn four_words_of_the_device_take_a_value_out_and_three_do_not() {
        for qc in Qc::ALL {
            let remarks = Remarks::of(Quantity::Pm25, 10.0, None, Some(qc), Flags::NONE);
            assert_eq!(Layer::Checked.takes(remarks), qc.is_checked(), "{qc:?}");
            assert!(Layer::Raw.takes(remarks) && !Layer::Validated.takes(remarks));
            let names: Vec<_> = remarks.names().collect();
            assert_eq!(names, if qc == Qc::Valid { Vec::new() } else { vec![qc.name()] });
        }
    }

    #[test]
    fn a_sample_belongs_where_its_middle_is() {
        let at = |second: i64| Timestamp::from_micros(second * MICROS_PER_SECOND);
        let sample = |avg_s| Sample {
            at: at(3_600),
            avg_s,
            interval_s: 60,
            value: 1.0,
            received_at: at(3_600),
            remarks: Remarks::default(),
        };
        assert_eq!((sample(0).middle(), sample(0).weight_s()), (at(3_600), 60));
        assert_eq!((sample(3_600).middle(), sample(3_600).weight_s()), (at(1_800), 3_600));
        assert_eq!(sample(1).middle().as_micros(), 3_599_500_000);
    }
}
