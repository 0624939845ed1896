//! What a concentration is the mean of, as tables and limits name it.

/// Time that a mean covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Averaging {
    Minutes10,
    Minutes15,
    Hour,
    /// Running: of the eight hours that end with one.
    Hours8,
    Hours24,
    Year,
    /// The mean of the largest 8-hour means of the days of those six months in which that mean is highest.
    PeakSeason,
    /// Of twelve hours, the newer the heavier.
    NowCast,
}

impl Averaging {
    pub const ALL: [Self; 8] =
        [Self::Minutes10, Self::Minutes15, Self::Hour, Self::Hours8, Self::Hours24, Self::Year, Self::PeakSeason, Self::NowCast];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Minutes10 => "10min",
            Self::Minutes15 => "15min",
            Self::Hour => "1h",
            Self::Hours8 => "8h",
            Self::Hours24 => "24h",
            Self::Year => "1y",
            Self::PeakSeason => "peak_season",
            Self::NowCast => "nowcast",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|averaging| averaging.name() == name)
    }
}
