//! Legal limits and guidelines: which one holds for a mean on a day, and whether the mean lies above it.

use jiff::civil::Date;

use super::amount::Amount;
use super::averaging::Averaging;
use crate::quantity::Quantity;
use crate::registry::Names;
use crate::unit::Unit;

/// The limits of one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub id: String,
    /// What the text and those that it replaces are called together.
    pub series: Option<String>,
    pub title: Names,
    pub source: String,
    pub url: Option<String>,
    /// First day.
    pub in_force: Date,
    /// What the text rounds a mean to before it compares it, halves up; `None`: nothing.
    pub decimals: Option<u32>,
    pub limits: Vec<Limit>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub quantity: Quantity,
    pub averaging: Averaging,
    pub unit: Unit,
    pub value: f64,
    /// First day that it holds; `None`: as long as the text.
    pub from: Option<Date>,
    /// First day that it no longer holds.
    pub until: Option<Date>,
    /// Of the year's values the one at this percentile is meant, so that some may lie above.
    pub percentile: Option<u8>,
    /// Steps on the way to it, the loosest first, in the same unit.
    pub interim: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgment {
    /// What was compared: in the limit's unit, rounded as the text wants it.
    pub compared: f64,
    pub is_exceeded: bool,
}

impl Limits {
    /// The limit that holds on a day for such means.
    pub fn limit(&self, quantity: Quantity, averaging: Averaging, date: Date) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.quantity == quantity && limit.averaging == averaging && limit.holds_on(date))
    }

    /// A valid mean in its canonical unit against one of these limits. A limit itself is kept, what is above it is not.
    pub fn judge(&self, limit: &Limit, mean: f64, reference_temperature_c: f64) -> Judgment {
        let converted = limit.quantity.in_unit(mean, limit.unit, reference_temperature_c);
        let amount = Amount::of(converted.expect("a limit's unit is checked when it is read"));
        let compared = self.decimals.map_or(amount, |decimals| amount.rounded(decimals));
        Judgment { compared: compared.to_f64(), is_exceeded: compared > Amount::of(limit.value) }
    }
}

impl Limit {
    pub fn holds_on(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date < until)
    }
}
