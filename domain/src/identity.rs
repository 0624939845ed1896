//! When two readings are the same one (ONE-1): what names a reading, and what must agree for it to be a repetition.
//!
//! Whose reading it is stands beside it. Transport fields are absent on purpose: a second gateway changes them, not what was
//! measured. Values are compared after conversion into canonical units, bit for bit, except that −0 is 0.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::kind::parking::ParkingValue;
use crate::quantity::Quantity;
use crate::reading::{Measured, Reading};
use crate::time::Timestamp;

/// What names one measured value of one sensor: a parking reading has one, an air reading one a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    Parking { observed_at: Timestamp },
    Air { observed_at: Timestamp, avg_s: u32, quantity: Quantity },
}

/// Stands for a measured value in key sets: equal values have equal fingerprints. Those of air values and bay states differ
/// whenever the values do; of counters (`free`, `capacity`) two different ones share one by a chance of 2⁻⁶⁴.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    pub fn of_parking(value: ParkingValue) -> Self {
        match value {
            ParkingValue::Bay(state) => Self(state as u64),
            ParkingValue::Counter { free, capacity } => {
                let mut bytes = [0u8; 9];
                bytes[..4].copy_from_slice(&free.to_le_bytes());
                bytes[4] = u8::from(capacity.is_some());
                bytes[5..].copy_from_slice(&capacity.unwrap_or(0).to_le_bytes());
                Self(xxh3_64(&bytes))
            }
        }
    }

    /// Of a value in its quantity's canonical unit.
    pub fn of_air(value: f64) -> Self {
        // Adding zero turns −0 into 0 and leaves every other value as it is.
        Self((value + 0.0).to_bits())
    }
}

/// Each measured value of a reading with what names it, in the order of [`Quantity::ALL`].
pub fn measured_values(reading: &Reading) -> impl Iterator<Item = (Identity, Fingerprint)> + '_ {
    let observed_at = reading.observed_at;
    let (parking, air) = match &reading.measured {
        Measured::Parking(parking) => (Some(parking), None),
        Measured::Air(air) => (None, Some(air)),
    };
    let parking = parking.map(|parking| (Identity::Parking { observed_at }, Fingerprint::of_parking(parking.value)));
    let air = air.into_iter().flat_map(move |air| {
        air.values
            .iter()
            .map(move |(quantity, value)| (Identity::Air { observed_at, avg_s: air.avg_s, quantity }, Fingerprint::of_air(value)))
    });
    parking.into_iter().chain(air)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag::{Flag, Flags};
    use crate::kind::air::Air;
    use crate::kind::parking::BayState;
    use crate::reading::Transport;

    #[test]
    fn minus_zero_is_zero_and_neighbours_differ() {
        assert_eq!(Fingerprint::of_air(-0.0), Fingerprint::of_air(0.0));
        assert_ne!(Fingerprint::of_air(0.1 + 0.2), Fingerprint::of_air(0.3));
    }

    #[test]
    fn a_counter_without_capacity_is_not_one_of_capacity_zero() {
        let counter = |capacity| Fingerprint::of_parking(ParkingValue::Counter { free: 7, capacity });
        assert_eq!(counter(Some(9)), counter(Some(9)));
        assert_ne!(counter(None), counter(Some(0)));
        assert_ne!(counter(None), Fingerprint::of_parking(ParkingValue::Bay(BayState::Vacant)));
    }

    #[test]
    fn an_air_reading_has_one_identity_a_quantity_whatever_each_transport_field_and_flag_says() {
        let mut air = Air { avg_s: 60, ..Air::default() };
        air.values.set(Quantity::No2, 3.0);
        air.values.set(Quantity::Pm25, 12.5);
        let observed_at = Timestamp::from_micros(1);
        let mut reading =
            Reading { observed_at, measured: Measured::Air(Box::new(air)), transport: Transport::default(), flags: Flags::NONE };
        let first: Vec<_> = measured_values(&reading).collect();
        // Without `..Default::default()`: a field that is added has to be decided on here.
        reading.transport = Transport {
            seq: Some(9),
            battery_mv: Some(3_600),
            battery_pct: Some(80.0),
            rssi_dbm: Some(-90.0),
            snr_db: Some(7.5),
            gateway: Some("north".into()),
        };
        reading.flags = Flags::NONE.with(Flag::Partial);
        assert_eq!(measured_values(&reading).collect::<Vec<_>>(), first);
        let of = |quantity| Identity::Air { observed_at, avg_s: 60, quantity };
        assert_eq!(first, [(of(Quantity::Pm25), Fingerprint::of_air(12.5)), (of(Quantity::No2), Fingerprint::of_air(3.0)),]);
    }
}
