//! A file of an index.

use serde::Deserialize;

use super::{Fault, Kind, key};
use crate::air::amount::Amount;
use crate::air::averaging::Averaging;
use crate::air::index::{Category, Column, Index, Table};
use crate::air::scale::{Above, Band, Scale};
use crate::registry::Names;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexFile {
    #[serde(rename = "kind")]
    _kind: Kind,
    id: String,
    title: Names,
    source: String,
    url: Option<String>,
    need_one_of: Vec<String>,
    valid_percent: u32,
    day_largest_valid_percent: u32,
    tables: Vec<TableRow>,
    columns: Vec<ColumnRow>,
    categories: Vec<CategoryRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableRow {
    id: String,
    from: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnRow {
    quantity: String,
    /// The table that it is of; absent: of all.
    table: Option<String>,
    unit: String,
    decimals: Option<u32>,
    hour: Option<String>,
    day: Option<String>,
    above: Option<AboveWord>,
    /// (concentration, index): a line through all of them.
    points: Option<Vec<(f64, u16)>>,
    /// (lowest and highest concentration, lowest and highest index)
    bands: Option<Vec<(f64, f64, u16, u16)>>,
    /// Upper bounds of levels.
    upper: Option<Vec<f64>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AboveWord {
    Last,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryRow {
    to: u16,
    colour: String,
    label: Names,
    public: Names,
    sensitive: Names,
}

const OF_HOUR: [Averaging; 4] = [Averaging::Hour, Averaging::Hours8, Averaging::Hours24, Averaging::NowCast];
const OF_DAY: [Averaging; 3] = [Averaging::Hour, Averaging::Hours8, Averaging::Hours24];

impl IndexFile {
    pub(super) fn check(self) -> Result<Index, Fault> {
        let mut tables = tables(&self.tables)?;
        for (index, row) in self.columns.into_iter().enumerate() {
            let at = format!("columns[{index}]");
            let of = row.table.clone();
            let column = row.check(&at)?;
            if of.as_ref().is_some_and(|of| !tables.iter().any(|table| table.id == *of)) {
                return Err(Fault::new(format!("{at}.table"), "no table has this id"));
            }
            let is_of = |table: &&mut Table| of.as_ref().is_none_or(|of| table.id == *of);
            tables.iter_mut().filter(is_of).for_each(|table| table.columns.push(column.clone()));
        }
        let categories = categories(self.categories)?;
        let worst = categories.last().map_or(0, |category| category.to);
        for table in &tables {
            if table.columns.is_empty() {
                return Err(Fault::new("columns", format!("table {:?} has none", table.id)));
            }
            if let Some(column) = table.columns.iter().find(|column| column.scale.index_max() > worst) {
                let reason =
                    format!("{} goes to {}, the last category to {worst}", column.quantity.name(), column.scale.index_max());
                return Err(Fault::new("categories", reason));
            }
        }
        let needed = |(index, name): (usize, &String)| key::quantity(&format!("need_one_of[{index}]"), name);
        Ok(Index {
            id: key::id("id", &self.id)?,
            title: key::texts("title", self.title)?,
            source: self.source,
            url: self.url,
            need_one_of: self.need_one_of.iter().enumerate().map(needed).collect::<Result<_, _>>()?,
            valid_percent: key::percent("valid_percent", self.valid_percent)?,
            day_largest_valid_percent: key::percent("day_largest_valid_percent", self.day_largest_valid_percent)?,
            tables,
            categories,
        })
    }
}

/// Without their columns.
fn tables(rows: &[TableRow]) -> Result<Vec<Table>, Fault> {
    let mut tables: Vec<Table> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let of = |name: &str| format!("tables[{index}].{name}");
        let id = key::id(&of("id"), &row.id)?;
        let from = row.from.as_deref().map(|date| key::date(&of("from"), date)).transpose()?;
        if tables.iter().any(|table| table.id == id) {
            return Err(Fault::new(of("id"), format!("there is a table {id:?} already")));
        }
        if tables.last().is_some_and(|before| before.from >= from) {
            return Err(Fault::new(of("from"), "it is not after that of the table before"));
        }
        tables.push(Table { id, from, columns: Vec::new() });
    }
    if tables.is_empty() {
        return Err(Fault::new("tables", "there are none"));
    }
    Ok(tables)
}

fn categories(rows: Vec<CategoryRow>) -> Result<Vec<Category>, Fault> {
    let mut categories: Vec<Category> = Vec::new();
    for (index, row) in rows.into_iter().enumerate() {
        let of = |name: &str| format!("categories[{index}].{name}");
        if categories.last().is_some_and(|before| before.to >= row.to) {
            return Err(Fault::new(of("to"), "it is not above that of the category before"));
        }
        let is_colour = |text: &str| text.len() == 7 && text.starts_with('#') && text[1..].bytes().all(|c| c.is_ascii_hexdigit());
        if !is_colour(&row.colour) {
            return Err(Fault::new(of("colour"), format!("{:?} is no colour such as #00E400", row.colour)));
        }
        categories.push(Category {
            to: row.to,
            colour: row.colour,
            label: key::texts(&of("label"), row.label)?,
            public: key::texts(&of("public"), row.public)?,
            sensitive: key::texts(&of("sensitive"), row.sensitive)?,
        });
    }
    Ok(categories)
}

impl ColumnRow {
    fn check(self, at: &str) -> Result<Column, Fault> {
        let of = |name: &str| format!("{at}.{name}");
        let quantity = key::quantity(&of("quantity"), &self.quantity)?;
        let decimals = key::decimals(&of("decimals"), self.decimals)?;
        let hour = self.hour.as_deref().map(|name| key::averaging(&of("hour"), name, &OF_HOUR)).transpose()?;
        let day = self.day.as_deref().map(|name| key::averaging(&of("day"), name, &OF_DAY)).transpose()?;
        if hour.is_none() && day.is_none() {
            return Err(Fault::new(at, "it has neither hour nor day"));
        }
        let scale = match (self.points, self.bands, self.upper, self.above) {
            (Some(points), None, None, Some(above)) => {
                linear(&of("points"), bands_through(&of("points"), &points)?, decimals, above)?
            }
            (None, Some(bands), None, Some(above)) => linear(&of("bands"), bands, decimals, above)?,
            (None, None, Some(upper), None) => levels(&of("upper"), &upper)?,
            _ => return Err(Fault::new(at, "it needs one of points and bands with above, or upper without")),
        };
        Ok(Column { quantity, unit: key::unit(&of("unit"), &self.unit, quantity)?, decimals, hour, day, scale })
    }
}

type BandRow = (f64, f64, u16, u16);

fn bands_through(key: &str, points: &[(f64, u16)]) -> Result<Vec<BandRow>, Fault> {
    if points.len() < 2 {
        return Err(Fault::new(key, "a line needs two points"));
    }
    Ok(points.windows(2).map(|pair| (pair[0].0, pair[1].0, pair[0].1, pair[1].1)).collect())
}

/// Bands rise, and no concentration falls between two of them: the next begins where one ends, or one step of the decimals later.
fn linear(key: &str, rows: Vec<BandRow>, decimals: Option<u32>, above: AboveWord) -> Result<Scale, Fault> {
    let mut bands: Vec<Band> = Vec::new();
    for (index, (low, high, index_low, index_high)) in rows.into_iter().enumerate() {
        let at = format!("{key}[{index}]");
        let low = Amount::of(key::concentration(&at, low)?);
        let high = Amount::of(key::concentration(&at, high)?);
        if low >= high || index_low >= index_high {
            return Err(Fault::new(at, "it does not rise"));
        }
        if decimals.is_some_and(|decimals| low.cut(decimals) != low || high.cut(decimals) != high) {
            return Err(Fault::new(at, "it has more decimals than the column"));
        }
        if let Some(before) = bands.last() {
            let gap = low.billionths() - before.high.billionths();
            let step = decimals.map_or(0, |decimals| Amount::step(decimals).billionths());
            if gap != 0 && gap != step {
                return Err(Fault::new(at, "it does not begin where the one before ends"));
            }
            if index_low < before.index_high {
                return Err(Fault::new(at, "its index is below that of the one before"));
            }
        }
        bands.push(Band { low, high, index_low, index_high });
    }
    if bands.is_empty() {
        return Err(Fault::new(key, "there are none"));
    }
    let above = match above {
        AboveWord::Last => Above::Last,
        AboveWord::None => Above::None,
    };
    Ok(Scale::Linear { bands, above })
}

fn levels(key: &str, upper: &[f64]) -> Result<Scale, Fault> {
    let mut bounds: Vec<Amount> = Vec::new();
    for (index, bound) in upper.iter().enumerate() {
        let at = format!("{key}[{index}]");
        let bound = Amount::of(key::concentration(&at, *bound)?);
        if bounds.last().is_some_and(|before| *before >= bound) {
            return Err(Fault::new(at, "it is not above the one before"));
        }
        bounds.push(bound);
    }
    if bounds.is_empty() {
        return Err(Fault::new(key, "there are none"));
    }
    Ok(Scale::Levels(bounds))
}
