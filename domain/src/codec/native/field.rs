//! The keys of a native reading, by kind.

use crate::kind::Kind;
use crate::quantity::Quantity;

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Ts,
    Seq,
    BatteryMv,
    BatteryPct,
    RssiDbm,
    SnrDb,
    Gateway,
    State,
    Free,
    Capacity,
    SensorTempC,
    AvgS,
    Units,
    Qc,
    Quantity(Quantity),
}

const COMMON: [(&str, Field); 7] = [
    ("ts", Field::Ts),
    ("seq", Field::Seq),
    ("battery_mv", Field::BatteryMv),
    ("battery_pct", Field::BatteryPct),
    ("rssi_dbm", Field::RssiDbm),
    ("snr_db", Field::SnrDb),
    ("gateway", Field::Gateway),
];

const PARKING: [(&str, Field); 4] =
    [("state", Field::State), ("free", Field::Free), ("capacity", Field::Capacity), ("temp_c", Field::SensorTempC)];

const AIR: [(&str, Field); 3] = [("avg_s", Field::AvgS), ("units", Field::Units), ("qc", Field::Qc)];

impl Field {
    /// `None` for a key that readings of this kind do not have: it is ignored.
    pub fn of(kind: Kind, key: &str) -> Option<Self> {
        let named = |table: &[(&str, Self)]| table.iter().find(|(name, _)| *name == key).map(|(_, field)| *field);
        named(&COMMON).or_else(|| match kind {
            Kind::Parking => named(&PARKING),
            Kind::Air => Quantity::by_name(key).map(Self::Quantity).or_else(|| named(&AIR)),
        })
    }

    pub fn name(self) -> &'static str {
        if let Self::Quantity(quantity) = self {
            return quantity.name();
        }
        let mut all = COMMON.iter().chain(&PARKING).chain(&AIR);
        all.find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// One bit a field, for telling that a key comes twice.
    pub fn bit(self) -> u32 {
        match self {
            Self::Ts => 1,
            Self::Seq => 1 << 1,
            Self::BatteryMv => 1 << 2,
            Self::BatteryPct => 1 << 3,
            Self::RssiDbm => 1 << 4,
            Self::SnrDb => 1 << 5,
            Self::Gateway => 1 << 6,
            Self::State | Self::AvgS => 1 << 7,
            Self::Free | Self::Units => 1 << 8,
            Self::Capacity | Self::Qc => 1 << 9,
            Self::SensorTempC => 1 << 10,
            Self::Quantity(quantity) => 1 << (16 + quantity as u32),
        }
    }
}

/// A 17th quantity needs a wider set in [`Field::bit`].
const _: () = assert!(Quantity::COUNT <= 16);
