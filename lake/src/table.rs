//! The tables of the lake: names, folders, schemas.

/// One table. Its name is its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    ParkingReadings,
    AirReadings,
    DeadLetters,
    Registry,
}

impl Table {
    pub const ALL: [Self; 4] = [Self::ParkingReadings, Self::AirReadings, Self::DeadLetters, Self::Registry];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ParkingReadings => "parking_readings",
            Self::AirReadings => "air_readings",
            Self::DeadLetters => "dead_letters",
            Self::Registry => "registry",
        }
    }
}
