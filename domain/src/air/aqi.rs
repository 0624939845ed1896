//! The index of an hour and of a day, from a station's valid hourly means.

use super::averaging::Averaging;
use super::index::{Column, Index, Table};
use super::mean::{Hours, Largest, Statistic, largest, mean, nowcast_of};
use super::scale::IndexValue;
use crate::quantity::{ByQuantity, Quantity};
use crate::unit::Unit;

/// By quantity the means of successive hours, the oldest first and all ending with the same hour; `None`: not valid. In canonical units.
pub type HourlyMeans<'a> = ByQuantity<&'a [Option<f64>]>;

/// What there is to say of an hour or a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// One a pollutant, the largest of its columns, also where there is no index.
    pub sub_indices: Vec<SubIndex>,
    pub aqi: Result<Aqi, NoIndex>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aqi {
    pub aqi: u16,
    /// From 1: [`Index::category`] has its words.
    pub level: usize,
    /// The pollutant with the largest sub-index.
    pub dominant: Quantity,
}

/// One pollutant's part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubIndex {
    pub quantity: Quantity,
    pub averaging: Averaging,
    /// In the quantity's canonical unit.
    pub value: f64,
    /// The same as it was read in the table: in `unit`, and cut as the text wants it.
    pub read: f64,
    pub unit: Unit,
    pub aqi: u16,
    /// Hours that the value is made of, or was chosen from.
    pub valid_hours: usize,
    /// Hours that could be.
    pub hours: usize,
    /// Before rounding.
    pub exact: IndexValue,
}

/// Why there is no index. Closed: the words are part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoIndex {
    /// No hour of any pollutant that the index knows.
    NoData,
    /// Hours, and too few of them.
    TooFewHours,
    /// Values, and none that a column of the table speaks of.
    OutsideTable,
    /// Sub-indices, and none of a pollutant that the index asks for.
    RequiredMissing,
    /// The index is not made of hours, or of days.
    NotDefined,
    /// No table of the index is in force that day, or has that name.
    NotInForce,
}

impl NoIndex {
    pub const ALL: [Self; 6] =
        [Self::NoData, Self::TooFewHours, Self::OutsideTable, Self::RequiredMissing, Self::NotDefined, Self::NotInForce];

    pub const fn name(self) -> &'static str {
        match self {
            Self::NoData => "no_data",
            Self::TooFewHours => "too_few_hours",
            Self::OutsideTable => "outside_table",
            Self::RequiredMissing => "required_missing",
            Self::NotDefined => "not_defined",
            Self::NotInForce => "not_in_force",
        }
    }
}

impl Index {
    /// Of the hour that `means` end with. What lies up to 23 hours before it takes part.
    pub fn hour(&self, table: &Table, means: &HourlyMeans<'_>, reference_temperature_c: f64) -> Outcome {
        let statistic = |column: &Column, hours: Hours<'_>| {
            let averaging = column.hour?;
            let statistic = match averaging {
                Averaging::NowCast => nowcast_of(hours),
                Averaging::Hours8 => mean(hours, 8, self.valid_percent),
                Averaging::Hours24 => mean(hours, 24, self.valid_percent),
                _ => mean(hours, 1, self.valid_percent),
            };
            Some((averaging, statistic))
        };
        self.outcome(table, means, reference_temperature_c, statistic)
    }

    /// Of the day whose hours, `day_hours` of them, are the last of `means`. What lies up to 7 hours before it takes part.
    pub fn day(&self, table: &Table, means: &HourlyMeans<'_>, day_hours: usize, reference_temperature_c: f64) -> Outcome {
        let largest_of = |hours: Hours<'_>, span: usize| {
            let (mean_valid_percent, day_valid_percent) = (self.valid_percent, self.day_largest_valid_percent);
            largest(hours, Largest { day_hours, span, mean_valid_percent, day_valid_percent })
        };
        let statistic = |column: &Column, hours: Hours<'_>| {
            let averaging = column.day?;
            let statistic = match averaging {
                Averaging::Hours24 => mean(hours, day_hours, self.valid_percent),
                Averaging::Hours8 => largest_of(hours, 8),
                _ => largest_of(hours, 1),
            };
            Some((averaging, statistic))
        };
        self.outcome(table, means, reference_temperature_c, statistic)
    }

    fn outcome(
        &self,
        table: &Table,
        means: &HourlyMeans<'_>,
        reference_temperature_c: f64,
        statistic: impl Fn(&Column, Hours<'_>) -> Option<(Averaging, Statistic)>,
    ) -> Outcome {
        let mut sub_indices: Vec<SubIndex> = Vec::new();
        // What is nearest to an index is what is told.
        let mut why = NoIndex::NotDefined;
        for column in &table.columns {
            let hours = means.get(column.quantity).unwrap_or_default();
            match statistic(column, hours) {
                None => {}
                Some((_, Statistic::Nothing)) => why = nearer(why, NoIndex::NoData),
                Some((_, Statistic::TooFew)) => why = nearer(why, NoIndex::TooFewHours),
                Some((averaging, Statistic::Value(counted))) => match column.place(counted.value, reference_temperature_c) {
                    None => why = nearer(why, NoIndex::OutsideTable),
                    Some(exact) => keep_largest(
                        &mut sub_indices,
                        SubIndex {
                            quantity: column.quantity,
                            averaging,
                            value: counted.value,
                            read: column.amount(counted.value, reference_temperature_c).to_f64(),
                            unit: column.unit,
                            aqi: exact.rounded(),
                            valid_hours: counted.valid,
                            hours: counted.of,
                            exact,
                        },
                    ),
                },
            }
        }
        let aqi = self.worst(&sub_indices).map_err(|missing| missing.unwrap_or(why));
        Outcome { sub_indices, aqi }
    }

    /// `Err(None)`: there is no sub-index at all.
    fn worst(&self, sub_indices: &[SubIndex]) -> Result<Aqi, Option<NoIndex>> {
        let worst = sub_indices.iter().reduce(|worst, next| if next.exact > worst.exact { next } else { worst });
        let worst = worst.ok_or(None)?;
        let is_needed = |of: &SubIndex| self.need_one_of.contains(&of.quantity);
        if !self.need_one_of.is_empty() && !sub_indices.iter().any(is_needed) {
            return Err(Some(NoIndex::RequiredMissing));
        }
        Ok(Aqi { aqi: worst.aqi, level: self.level(worst.aqi), dominant: worst.quantity })
    }
}

fn nearer(one: NoIndex, other: NoIndex) -> NoIndex {
    let nearness = |why: NoIndex| match why {
        NoIndex::NotDefined | NoIndex::NotInForce => 0,
        NoIndex::NoData => 1,
        NoIndex::TooFewHours => 2,
        NoIndex::OutsideTable | NoIndex::RequiredMissing => 3,
    };
    if nearness(other) > nearness(one) { other } else { one }
}

/// Of a pollutant's columns the larger counts, of two alike the first of the table.
fn keep_largest(sub_indices: &mut Vec<SubIndex>, next: SubIndex) {
    match sub_indices.iter_mut().find(|of| of.quantity == next.quantity) {
        Some(known) if next.exact > known.exact => *known = next,
        Some(_) => {}
        None => sub_indices.push(next),
    }
}
