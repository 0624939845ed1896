//! What the columns of a CSV mean: a small TOML file, so that a new recording needs no code (docs/formats/mapping.md).
//!
//! The shipped mappings lie in `sensors-sim/mappings/` and go the same way as a user's own. A mapping is checked when it is read
//! (names of quantities, units, words) and again against the header of each file; what stands in a row can only be refused by line.

mod bound;
mod label;

use std::collections::BTreeMap;
use std::path::Path;

use domain::kind::Kind;
use domain::kind::air::Qc;
use domain::kind::parking::BayState;
use domain::quantity::Conversion;
use domain::unit::Unit;
use domain::{Quantity, quantity};
use serde::Deserialize;

use crate::error::Error;

pub(crate) use bound::{Bound, Outcome};

/// The only version of the mapping format so far.
const VERSION: u32 = 1;

/// The mappings that are part of the program: name and text.
const SHIPPED: [(&str, &str); 4] = [
    ("airnow-dos", include_str!("../mappings/airnow-dos.toml")),
    ("uci-prsa", include_str!("../mappings/uci-prsa.toml")),
    ("aarhus-counter", include_str!("../mappings/aarhus-counter.toml")),
    ("melbourne-bays", include_str!("../mappings/melbourne-bays.toml")),
];

/// A checked mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Its short name, or the file it came from.
    pub name: String,
    pub(crate) file: MappingFile,
}

/// The TOML file as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingFile {
    version: u32,
    /// What it reads, for people.
    #[serde(default)]
    title: String,
    /// Columns by which a file is recognised when no mapping is named: all must be there. Empty: only by name.
    #[serde(default)]
    recognise: Vec<String>,
    #[serde(default = "comma")]
    delimiter: char,
    kind: Kind,
    /// Text with `{column}` in it; what an id cannot hold becomes `-`.
    pub(crate) sensor: String,
    /// Cells that say "no value".
    #[serde(default)]
    missing: Vec<String>,
    time: TimeRule,
    #[serde(default)]
    quantity: Vec<QuantityRule>,
    qc: Option<QcRule>,
    counter: Option<CounterRule>,
    bay: Option<BayRule>,
}

fn comma() -> char {
    ','
}

/// How the time of a row is written and what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeRule {
    /// Joined by one space, then read by `format`.
    columns: Vec<String>,
    /// strftime, or `rfc3339`, `unix_s`, `unix_ms` (which carry their own offset: no `zone`).
    format: String,
    /// IANA name or offset of local labels.
    zone: Option<String>,
    /// Local labels of several cities in one format: the zone by the value of a column.
    zones: Option<ZoneTable>,
    label: Label,
    /// Seconds that a row covers; required for `begin` and `end`.
    #[serde(default)]
    span_s: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneTable {
    column: String,
    by_value: BTreeMap<String, String>,
}

/// Which instant a label names. A reading's `ts` is always the end of what it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Label {
    Moment,
    Begin,
    End,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuantityRule {
    name: String,
    column: String,
    /// The canonical unit unless given.
    unit: Option<String>,
    /// Cells that are words, such as compass points.
    #[serde(default)]
    words: BTreeMap<String, f64>,
    only_if: Option<Condition>,
}

/// A quantity that stands in rows of one kind only.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    column: String,
    starts_with: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QcRule {
    column: String,
    words: BTreeMap<String, Qc>,
    /// Words beside which a row is no reading.
    #[serde(default)]
    no_reading: Vec<String>,
}

/// A counter lot: `free` as it stands, or capacity − vehicles.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CounterRule {
    free: Option<String>,
    vehicles: Option<String>,
    capacity: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BayRule {
    column: String,
    words: BTreeMap<String, BayState>,
}

impl Mapping {
    /// A shipped mapping by name, else a file by path.
    pub fn named(name_or_path: &str) -> Result<Self, Error> {
        if let Some((name, text)) = SHIPPED.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, text);
        }
        let path = Path::new(name_or_path);
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => {
                Error::NoMapping { name: name_or_path.to_owned(), known: Self::shipped().collect::<Vec<_>>().join(", ") }
            }
            _ => Error::File { path: path.to_owned(), source },
        })?;
        Self::parse(name_or_path, &text)
    }

    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let refuse = |detail: String| Error::Mapping { name: name.to_owned(), detail };
        let file: MappingFile = toml::from_str(text).map_err(|error| refuse(unreadable(text, &error)))?;
        let mapping = Self { name: name.to_owned(), file };
        mapping.check().map_err(refuse)?;
        Ok(mapping)
    }

    /// The names of the shipped mappings.
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// The first shipped mapping whose columns all stand in this header line.
    pub fn recognise(header: &str) -> Option<Self> {
        SHIPPED.iter().filter_map(|(name, text)| Self::parse(name, text).ok()).find(|mapping| {
            let columns = mapping.split(header);
            let recognise = &mapping.file.recognise;
            !recognise.is_empty() && recognise.iter().all(|wanted| columns.contains(wanted))
        })
    }

    /// The same mapping with another sensor: a fixed id or a text with `{column}` in it.
    pub fn with_sensor(mut self, template: &str) -> Self {
        template.clone_into(&mut self.file.sensor);
        self
    }

    pub fn title(&self) -> &str {
        &self.file.title
    }

    pub fn kind(&self) -> Kind {
        self.file.kind
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.file.delimiter as u8
    }

    fn split(&self, header: &str) -> Vec<String> {
        let mut reader = csv::ReaderBuilder::new().delimiter(self.delimiter()).has_headers(false).from_reader(header.as_bytes());
        let first = reader.records().next().and_then(Result::ok).unwrap_or_default();
        first.iter().map(|column| column.trim().to_owned()).collect()
    }

    fn check(&self) -> Result<(), String> {
        let file = &self.file;
        if file.version != VERSION {
            return Err(format!("version {} is not {VERSION}", file.version));
        }
        if !file.delimiter.is_ascii() {
            return Err("delimiter is one ASCII character".to_owned());
        }
        check_time(&file.time)?;
        bound::check_template(&file.sensor)?;
        match file.kind {
            Kind::Air => self.check_air(),
            Kind::Parking => self.check_parking(),
        }
    }

    fn check_air(&self) -> Result<(), String> {
        let file = &self.file;
        if file.quantity.is_empty() {
            return Err("kind air needs at least one [[quantity]]".to_owned());
        }
        if file.counter.is_some() || file.bay.is_some() {
            return Err("[counter] and [bay] belong to kind parking".to_owned());
        }
        file.quantity.iter().try_for_each(check_quantity)
    }

    fn check_parking(&self) -> Result<(), String> {
        let file = &self.file;
        if !file.quantity.is_empty() || file.qc.is_some() {
            return Err("[[quantity]] and [qc] belong to kind air".to_owned());
        }
        match (&file.counter, &file.bay) {
            (Some(counter), None) => match (&counter.free, &counter.vehicles, &counter.capacity) {
                (Some(_), None, _) | (None, Some(_), Some(_)) => Ok(()),
                _ => Err("[counter] needs free, or vehicles and capacity".to_owned()),
            },
            (None, Some(_)) => Ok(()),
            _ => Err("kind parking needs either [counter] or [bay]".to_owned()),
        }
    }
}

fn check_time(time: &TimeRule) -> Result<(), String> {
    if time.columns.is_empty() {
        return Err("time.columns is empty".to_owned());
    }
    if (time.label == Label::Moment) != (time.span_s == 0) {
        return Err("time.span_s is given for label begin and end, and only for them".to_owned());
    }
    let carries_offset = label::carries_offset(&time.format);
    match (carries_offset, time.zone.is_some(), time.zones.is_some()) {
        (true, false, false) | (false, true, false) | (false, false, true) => {}
        (true, ..) => return Err(format!("time.format {:?} carries its own offset: no zone", time.format)),
        (false, ..) => return Err("time needs either zone or zones: a label without a zone is no instant".to_owned()),
    }
    label::check_format(&time.format)?;
    label::Labels::new(time).map(drop)
}

/// As one line: where, what stands there, what is wrong with it.
fn unreadable(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).filter(|_| !error.message().starts_with("missing"));
    let Some(before) = before else { return error.message().to_owned() };
    let line = before.matches('\n').count();
    format!("line {}, {}: {}", line + 1, text.lines().nth(line).unwrap_or_default().trim(), error.message())
}

fn check_quantity(rule: &QuantityRule) -> Result<(), String> {
    let name = &rule.name;
    let quantity = Quantity::by_name(name).ok_or_else(|| {
        let known: Vec<_> = Quantity::ALL.iter().map(|row| row.quantity.name()).collect();
        format!("[[quantity]] name {name:?} is none of {}", known.join(", "))
    })?;
    if let Some((word, value)) = rule.words.iter().find(|(_, value)| !value.is_finite()) {
        return Err(format!("[[quantity]] {name}: words.{word} = {value} is no finite number"));
    }
    let units = units_of(quantity);
    match &rule.unit {
        Some(symbol) if !units.iter().any(|unit| unit.symbol() == symbol) => {
            let units: Vec<_> = units.iter().map(|unit| unit.symbol()).collect();
            Err(format!("[[quantity]] {name}: unit {symbol:?} is none of {}", units.join(", ")))
        }
        _ => Ok(()),
    }
}

/// What a payload may name beside a quantity.
fn units_of(quantity: Quantity) -> Vec<Unit> {
    let mass = [Unit::MicrogramPerCubicMetre, Unit::MilligramPerCubicMetre];
    match quantity.row().conversion {
        Conversion::Gas(_) => mass.into_iter().chain([Unit::PartsPerBillion, Unit::PartsPerMillion]).collect(),
        Conversion::Particle => mass.into(),
        Conversion::Fixed => vec![quantity.unit()],
    }
}

impl QuantityRule {
    fn quantity(&self) -> Quantity {
        Quantity::by_name(&self.name).expect("checked when the mapping was read")
    }

    /// The unit to name in the payload: none when it is the canonical one.
    fn other_unit(&self) -> Option<&str> {
        let canonical: &quantity::QuantityRow = self.quantity().row();
        self.unit.as_deref().filter(|unit| *unit != canonical.unit.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_mapping_is_valid_and_recognises_its_own_columns() {
        for name in Mapping::shipped() {
            let mapping = Mapping::named(name).expect("shipped");
            let header = mapping.file.recognise.join(",");
            assert_eq!(Mapping::recognise(&header).map(|found| found.name).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_mapping_says_what_is_wrong_with_it() {
        let air =
            "version = 1\nkind = \"air\"\nsensor = \"x\"\n[time]\ncolumns = [\"t\"]\nformat = \"rfc3339\"\nlabel = \"moment\"\n";
        let zoned = |format: &str, zone: &str| air.replace("\"rfc3339\"", &format!("{format:?}\nzone = {zone:?}"));
        let cases = [
            (air.to_owned(), "at least one [[quantity]]"),
            (format!("{air}[[quantity]]\nname = \"pm3\"\ncolumn = \"c\"\n"), "[[quantity]] name \"pm3\" is none of pm1, pm25"),
            (
                format!("{air}[[quantity]]\nname = \"pm25\"\ncolumn = \"c\"\nunit = \"ppb\"\n"),
                "pm25: unit \"ppb\" is none of ug/m3, mg/m3",
            ),
            (air.replace("rfc3339", "%Y"), "no instant"),
            (zoned("iso8601", "Asia/Ho_Chi_Minh"), "time.format \"iso8601\""),
            (zoned("%Y-%m", "Asia/Ho_Chi_Minh"), "rfc3339, unix_s, unix_ms"),
            (zoned("%d.%m.%Y %K:%M", "Asia/Ho_Chi_Minh"), "time.format"),
            (zoned("%Y-%m-%d %H:%M", "Mars/X"), "time.zone \"Mars/X\""),
            (air.replace("moment", "middle"), "line 7, label = \"middle\": unknown variant"),
            (air.replace("\"x\"", "\"{x\""), "a brace that never closes"),
            (format!("{air}[[quantity]]\nname = \"wind_deg\"\ncolumn = \"c\"\nwords = {{ N = nan }}\n"), "words.N"),
            (
                format!("{air}[qc]\ncolumn = \"c\"\nwords = {{ ok = \"vald\" }}\n"),
                "words = { ok = \"vald\" }: unknown variant `vald`",
            ),
            (air.replace("moment", "end"), "span_s"),
            (air.replace("version = 1", "version = 2"), "version 2"),
            (air.replace("sensor", "sensr"), "sensr"),
        ];
        for (text, expected) in cases {
            let error = Mapping::parse("test", &text).expect_err("refused").to_string();
            assert!(error.contains(expected) && error.lines().count() == 1, "{error} should tell {expected}");
        }
    }

    #[test]
    fn a_name_that_is_neither_shipped_nor_a_file_is_told_with_those_that_are() {
        let error = Mapping::named("nope").expect_err("there is none").to_string();
        assert!(error.contains("nope") && Mapping::shipped().all(|name| error.contains(name)), "{error}");
    }
}
