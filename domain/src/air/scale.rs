//! From a concentration to its place on an index, exactly: straight lines between whole numbers are fractions of whole numbers.

use std::cmp::Ordering;

use super::amount::Amount;

/// How a column of a table reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Bands, the lowest first. Between their ends the index is a straight line.
    Linear { bands: Vec<Band>, above: Above },
    /// Upper bounds of levels, each belonging to its level; what is above the last is one level more. The first level is 1.
    Levels(Vec<Amount>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    pub low: Amount,
    pub high: Amount,
    pub index_low: u16,
    pub index_high: u16,
}

/// What a concentration over the last band has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above {
    /// The last index of the column.
    Last,
    /// None: another column is for it.
    None,
}

/// A place on an index, before it is rounded: a fraction of whole numbers.
#[derive(Clone, Copy, Debug)]
pub struct IndexValue {
    numerator: i128,
    /// Above zero.
    denominator: i128,
}

impl Scale {
    /// `None` where the column says nothing: below its first band, or above its last. What is under zero counts as zero: a sensor's noise
    /// in clean air.
    pub fn place(&self, concentration: Amount) -> Option<IndexValue> {
        let concentration = concentration.max(Amount::ZERO);
        match self {
            Self::Levels(upper) => {
                let below = upper.iter().take_while(|bound| **bound < concentration).count();
                Some(IndexValue::whole(below as i128 + 1))
            }
            Self::Linear { bands, above } => match bands.iter().find(|band| concentration <= band.high) {
                Some(band) if concentration < band.low && is_first(bands, band) => None,
                Some(band) => Some(band.place(concentration)),
                None if *above == Above::None => None,
                None => bands.last().map(|band| IndexValue::whole(band.index_high.into())),
            },
        }
    }

    /// The largest index that it can give.
    pub fn index_max(&self) -> u16 {
        match self {
            Self::Levels(upper) => u16::try_from(upper.len() + 1).unwrap_or(u16::MAX),
            Self::Linear { bands, .. } => bands.last().map_or(0, |band| band.index_high),
        }
    }
}

fn is_first(bands: &[Band], band: &Band) -> bool {
    bands.first() == Some(band)
}

impl Band {
    fn place(&self, concentration: Amount) -> IndexValue {
        let (low, high) = (i128::from(self.low.billionths()), i128::from(self.high.billionths()));
        let (index_low, index_high) = (i128::from(self.index_low), i128::from(self.index_high));
        // Between two bands there is nothing where values are cut to the column's decimals; elsewhere the next band begins there.
        let above = (i128::from(concentration.billionths()) - low).max(0);
        IndexValue { numerator: index_low * (high - low) + (index_high - index_low) * above, denominator: high - low }
    }
}

impl IndexValue {
    const fn whole(value: i128) -> Self {
        Self { numerator: value, denominator: 1 }
    }

    /// To a whole number, halves up.
    pub fn rounded(self) -> u16 {
        let rounded = (2 * self.numerator + self.denominator).div_euclid(2 * self.denominator);
        u16::try_from(rounded).unwrap_or(u16::MAX)
    }

    pub fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

impl Ord for IndexValue {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.numerator * other.denominator).cmp(&(other.numerator * self.denominator))
    }
}

impl PartialOrd for IndexValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for IndexValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for IndexValue {}
