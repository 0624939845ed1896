//! The index of a station's hours or days, as the API tells it.

use domain::Quantity;
use domain::Timestamp;
use domain::air::window::{Base, Basis, Bucket, MIN_COVERAGE, Series, date_of};
use domain::air::{Edition, HourlyMeans, Index, NoIndex, Outcome};
use domain::registry::Names;
use domain::time::MICROS_PER_SECOND;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::language::Language;
use crate::schema;
use crate::span::local;

/// Hours before an hour that its index may look at, and before a day.
pub const HOURS_BEFORE_HOUR: i64 = 23;
const HOURS_BEFORE_DAY: i64 = 7;
pub const HOUR_MICROS: i64 = 3_600 * MICROS_PER_SECOND;

/// Why there is no index of what is not over.
const RUNNING: &str = "running";

/// Quantities that any table of the index knows.
pub fn quantities(index: &Index) -> Vec<Quantity> {
    let is_of =
        |quantity: &Quantity| index.tables.iter().any(|table| table.columns.iter().any(|column| column.quantity == *quantity));
    Quantity::all().filter(is_of).collect()
}

/// What is asked of every station.
pub struct Wanted {
    pub index: &'static Index,
    /// Another edition than the one in force.
    pub table: Option<String>,
    /// [`quantities`] of the index.
    pub quantities: Vec<Quantity>,
    pub bucket: Bucket,
    pub zone: TimeZone,
    pub as_of: Timestamp,
    pub reference_temperature_c: f64,
    pub language: Language,
}

impl Wanted {
    /// Of one station; its base windows stand in the order of the quantities.
    pub fn items(&self, bases: &[Base], spans: &[(Timestamp, Timestamp)]) -> Vec<Value> {
        match self.bucket {
            Bucket::Day => spans.iter().map(|&span| self.day(bases, span)).collect(),
            _ => self.hours(bases, spans),
        }
    }

    fn hours(&self, bases: &[Base], spans: &[(Timestamp, Timestamp)]) -> Vec<Value> {
        let Some((first, last)) = spans.first().zip(spans.last()) else {
            return Vec::new();
        };
        let means = self.means(bases, earlier(first.0, HOURS_BEFORE_HOUR), last.1);
        let of = |(place, span): (usize, &(Timestamp, Timestamp))| {
            let seen = place..place + HOURS_BEFORE_HOUR as usize + 1;
            self.item(*span, &by_quantity(&self.quantities, &means, seen), None)
        };
        spans.iter().enumerate().map(of).collect()
    }

    fn day(&self, bases: &[Base], (from, to): (Timestamp, Timestamp)) -> Value {
        let means = self.means(bases, earlier(from, HOURS_BEFORE_DAY), to);
        let hours = usize::try_from(to.micros_since(from) / HOUR_MICROS).unwrap_or_default();
        let seen = 0..hours + HOURS_BEFORE_DAY as usize;
        self.item((from, to), &by_quantity(&self.quantities, &means, seen), Some(hours))
    }

    /// Of each quantity the valid hours in [from, to).
    fn means(&self, bases: &[Base], from: Timestamp, to: Timestamp) -> Vec<Vec<Option<f64>>> {
        let series = |base| Series { base, zone: &self.zone, basis: Basis::Days, min_coverage: MIN_COVERAGE, as_of: self.as_of };
        bases.iter().map(|base| series(base).valid_hours(from, to)).collect()
    }

    fn item(&self, (from, to): (Timestamp, Timestamp), means: &HourlyMeans<'_>, day_hours: Option<usize>) -> Value {
        let edition = self.table.as_deref().map_or_else(|| Edition::On(date_of(&self.zone, from)), Edition::Named);
        let outcome = self.index.table(edition).map(|table| match day_hours {
            Some(hours) => self.index.day(table, means, hours, self.reference_temperature_c),
            None => self.index.hour(table, means, self.reference_temperature_c),
        });
        let outcome = outcome.unwrap_or_else(|why| Outcome { sub_indices: Vec::new(), aqi: Err(why) });
        let is_over = to <= self.as_of;
        let sub_indices = outcome.sub_indices.iter().filter(|_| is_over).map(|of| {
            let value = json!({
                "value": of.value,
                "read": of.read,
                "unit": of.unit.symbol(),
                "averaging": of.averaging.name(),
                "aqi": of.aqi,
                "coverage": of.valid_hours as f64 / of.hours.max(1) as f64,
            });
            (of.quantity.name().to_owned(), value)
        });
        let aqi = outcome.aqi.as_ref().ok().filter(|_| is_over);
        let category = aqi.and_then(|aqi| self.index.category(aqi.level));
        let dominant = aqi.and_then(|aqi| outcome.sub_indices.iter().find(|of| of.quantity == aqi.dominant));
        json!({
            "from": local(from, &self.zone),
            "to": local(to, &self.zone),
            "aqi": aqi.map(|aqi| aqi.aqi),
            "level": aqi.map(|aqi| aqi.level),
            "label": category.and_then(|category| self.word(&category.label)),
            "colour": category.map(|category| category.colour.as_str()),
            "dominant": dominant.map(|of| of.quantity.name()),
            "subindices": sub_indices.collect::<Map<_, _>>(),
            "coverage": dominant.map(|of| of.valid_hours as f64 / of.hours.max(1) as f64),
            "method": self.index.source,
            "reason": match (&outcome.aqi, is_over) {
                (_, false) => Some(RUNNING),
                (Err(why), true) => Some(why.name()),
                (Ok(_), true) => None,
            },
        })
    }

    fn word<'a>(&self, names: &'a Names) -> Option<&'a str> {
        names.get(self.language.tag()).or_else(|| names.values().next()).map(String::as_str)
    }
}

fn earlier(at: Timestamp, hours: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros() - hours * HOUR_MICROS)
}

fn by_quantity<'a>(quantities: &[Quantity], means: &'a [Vec<Option<f64>>], seen: std::ops::Range<usize>) -> HourlyMeans<'a> {
    let mut by_quantity = HourlyMeans::default();
    for (quantity, hours) in quantities.iter().zip(means) {
        by_quantity.set(*quantity, hours.get(seen.clone()).unwrap_or_default());
    }
    by_quantity
}

pub fn item_schema() -> Value {
    let reasons: Vec<&str> = NoIndex::ALL.into_iter().map(NoIndex::name).chain([RUNNING]).collect();
    let sub_index = schema::object([
        ("value", schema::number("the mean, in the quantity's canonical unit")),
        ("read", schema::number("the same as it was read in the table: in `unit`, and cut as the text wants it")),
        ("unit", schema::text("of `read`")),
        ("averaging", schema::text("what it is the mean of; of a day the largest such mean in it, or the day's own")),
        ("aqi", schema::integer("the pollutant's part")),
        ("coverage", schema::number("share of the hours that it is made of, or was chosen from")),
    ]);
    schema::object([
        ("from", schema::time("start, inclusive")),
        ("to", schema::time("end, exclusive")),
        ("aqi", schema::or_null(schema::integer("the index; of `eu_aqi` the band"))),
        ("level", schema::or_null(schema::integer("from 1, the best"))),
        ("label", schema::or_null(schema::text("of the level, in the language asked for"))),
        ("colour", schema::or_null(schema::text("of the level, #RRGGBB"))),
        ("dominant", schema::or_null(schema::text("the pollutant that it comes from"))),
        ("subindices", schema::map(sub_index, "by pollutant")),
        ("coverage", schema::or_null(schema::number("of the dominant pollutant"))),
        ("method", schema::text("the text that defines it")),
        ("reason", schema::or_null(schema::word(&reasons, "why `aqi` is null"))),
    ])
}
