//! An index as its text defines it: tables of columns, levels with their words, and what it needs to be said at all.

use jiff::civil::Date;

use super::amount::Amount;
use super::aqi::NoIndex;
use super::averaging::Averaging;
use super::scale::{IndexValue, Scale};
use crate::quantity::Quantity;
use crate::registry::Names;
use crate::unit::Unit;

/// An index, all its editions together.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub id: String,
    pub title: Names,
    /// The text that it is from.
    pub source: String,
    pub url: Option<String>,
    /// Empty, or one of these must have a sub-index.
    pub need_one_of: Vec<Quantity>,
    /// Share of the hours that a mean needs.
    pub valid_percent: u32,
    /// Share of a day's hours that its largest value needs.
    pub day_largest_valid_percent: u32,
    /// By date of force, the oldest first.
    pub tables: Vec<Table>,
    /// From the best to the worst.
    pub categories: Vec<Category>,
}

/// One edition of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub id: String,
    /// First day; `None`: since ever.
    pub from: Option<Date>,
    pub columns: Vec<Column>,
}

/// How one mean of one pollutant becomes a sub-index.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub quantity: Quantity,
    /// Of its concentrations.
    pub unit: Unit,
    /// What is cut off before reading; `None`: nothing.
    pub decimals: Option<u32>,
    /// The mean that an hour's index takes: 1h, 8h, 24h or nowcast.
    pub hour: Option<Averaging>,
    /// What a day's index takes: the mean of the day (24h) or the largest of its hours (1h) or running means (8h).
    pub day: Option<Averaging>,
    pub scale: Scale,
}

/// A level.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    /// The largest index that belongs to it.
    pub to: u16,
    /// `#RRGGBB`
    pub colour: String,
    pub label: Names,
    /// What everybody had better do.
    pub public: Names,
    /// What the elderly, children and people with diseases of heart or lung had better do.
    pub sensitive: Names,
}

/// Which table of an index is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edition<'a> {
    /// The one in force that day.
    On(Date),
    Named(&'a str),
    Newest,
}

impl Index {
    pub fn table(&self, edition: Edition<'_>) -> Result<&Table, NoIndex> {
        let in_force = |date: Date| move |table: &&Table| table.from.is_none_or(|from| from <= date);
        let table = match edition {
            Edition::On(date) => self.tables.iter().rev().find(in_force(date)),
            Edition::Named(id) => self.tables.iter().find(|table| table.id == id),
            Edition::Newest => self.tables.last(),
        };
        table.ok_or(NoIndex::NotInForce)
    }

    /// Whether any table has a column for hours.
    pub fn is_hourly(&self) -> bool {
        self.columns().any(|column| column.hour.is_some())
    }

    /// Whether any table has a column for days.
    pub fn is_daily(&self) -> bool {
        self.columns().any(|column| column.day.is_some())
    }

    fn columns(&self) -> impl Iterator<Item = &Column> {
        self.tables.iter().flat_map(|table| &table.columns)
    }

    /// Of a rounded index, from 1.
    pub fn level(&self, aqi: u16) -> usize {
        self.categories.iter().take_while(|category| category.to < aqi).count() + 1
    }

    /// Of a level as [`level`](Self::level) counts.
    pub fn category(&self, level: usize) -> Option<&Category> {
        self.categories.get(level.checked_sub(1)?)
    }
}

impl Table {
    /// Columns that read means of this kind of a quantity.
    pub fn columns_of(&self, quantity: Quantity, averaging: Averaging) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(move |column| {
            column.quantity == quantity && (column.hour == Some(averaging) || column.day == Some(averaging))
        })
    }
}

impl Column {
    /// `value`, in the canonical unit, as it is read in the table: in the column's unit, and cut.
    pub fn amount(&self, value: f64, reference_temperature_c: f64) -> Amount {
        let converted = self.quantity.in_unit(value, self.unit, reference_temperature_c);
        let amount = Amount::of(converted.expect("a column's unit is checked when it is read"));
        self.decimals.map_or(amount, |decimals| amount.cut(decimals))
    }

    /// `None` where the column says nothing of it.
    pub fn place(&self, value: f64, reference_temperature_c: f64) -> Option<IndexValue> {
        self.scale.place(self.amount(value, reference_temperature_c))
    }
}
