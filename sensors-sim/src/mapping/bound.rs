//! A mapping bound to the header of one file: columns are places now, and a row becomes a reading, a gap, or a refusal.

use std::fmt::Write as _;

use csv::StringRecord;
use domain::kind::Kind;
use domain::{SensorId, Timestamp};

use super::label::Labels;
use super::{BayRule, Condition, CounterRule, Mapping, QcRule, QuantityRule};

/// What one row came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Reading {
        sensor: SensorId,
        ts: Timestamp,
        /// The reading's keys after `ts`, as the inside of a JSON object.
        fields: String,
        /// Cells that hold a missing marker.
        missing: u64,
        /// Cells refused beside those that were taken.
        refused: Vec<Refused>,
    },
    /// Every value is marked as missing.
    Missing {
        values: u64,
    },
    Refused(Refused),
}

/// A cell (or, without a column, a row) that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub column: Option<String>,
    pub detail: String,
}

impl Refused {
    fn cell(column: &str, detail: impl Into<String>) -> Self {
        Self { column: Some(column.to_owned()), detail: detail.into() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Bound {
    kind: Kind,
    width: usize,
    missing: Vec<String>,
    sensor: Vec<Part>,
    labels: Labels,
    time: Vec<usize>,
    place: Option<usize>,
    measured: Measured,
    qc: Option<(usize, QcRule)>,
}

/// A piece of the sensor template.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Column(usize),
}

#[derive(Clone, Debug)]
enum Measured {
    Air(Vec<BoundQuantity>),
    Counter { rule: CounterRule, free: Option<usize>, vehicles: Option<usize>, capacity: Option<usize> },
    Bay { column: usize, rule: BayRule },
}

#[derive(Clone, Debug)]
struct BoundQuantity {
    rule: QuantityRule,
    column: usize,
    only_if: Option<(usize, Condition)>,
}

impl Bound {
    /// Fails when the header lacks a column that the mapping names.
    pub(crate) fn new(mapping: &Mapping, header: &[String]) -> Result<Self, String> {
        let file = &mapping.file;
        let find = |name: &String| {
            header.iter().position(|column| column == name).ok_or_else(|| format!("the file has no column {name:?}"))
        };
        let quantity = |rule: &QuantityRule| {
            let only_if = rule.only_if.as_ref().map(|only| Ok::<_, String>((find(&only.column)?, only.clone()))).transpose()?;
            Ok::<_, String>(BoundQuantity { rule: rule.clone(), column: find(&rule.column)?, only_if })
        };
        let measured = match (&file.counter, &file.bay) {
            (Some(rule), _) => Measured::Counter {
                rule: rule.clone(),
                free: rule.free.as_ref().map(find).transpose()?,
                vehicles: rule.vehicles.as_ref().map(find).transpose()?,
                capacity: rule.capacity.as_ref().map(find).transpose()?,
            },
            (None, Some(rule)) => Measured::Bay { column: find(&rule.column)?, rule: rule.clone() },
            (None, None) => Measured::Air(file.quantity.iter().map(quantity).collect::<Result<_, _>>()?),
        };
        Ok(Self {
            kind: file.kind,
            width: header.len(),
            missing: file.missing.clone(),
            sensor: template(&file.sensor, &find)?,
            labels: Labels::new(&file.time)?,
            time: file.time.columns.iter().map(find).collect::<Result<_, _>>()?,
            place: file.time.zones.as_ref().map(|zones| find(&zones.column)).transpose()?,
            measured,
            qc: file.qc.as_ref().map(|qc| Ok::<_, String>((find(&qc.column)?, qc.clone()))).transpose()?,
        })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn read(&self, row: &StringRecord) -> Outcome {
        if row.len() != self.width {
            return Outcome::Refused(Refused {
                column: None,
                detail: format!("{} cells under {} columns", row.len(), self.width),
            });
        }
        self.try_read(row).unwrap_or_else(Outcome::Refused)
    }

    fn try_read(&self, row: &StringRecord) -> Result<Outcome, Refused> {
        let sensor = self.sensor_of(row)?;
        let ts = self.time_of(row)?;
        let mut fields = String::with_capacity(96);
        if self.labels.span_s() > 0 && self.kind == Kind::Air {
            field(&mut fields, "avg_s", self.labels.span_s());
        }
        let mut cells = Cells { fields, missing: 0, refused: Vec::new(), taken: 0 };
        match &self.measured {
            Measured::Air(quantities) => self.air(row, quantities, &mut cells)?,
            Measured::Counter { rule, free, vehicles, capacity } => {
                self.counter(row, rule, [*free, *vehicles, *capacity], &mut cells)?
            }
            Measured::Bay { column, rule } => self.bay(row, *column, rule, &mut cells)?,
        }
        let Cells { fields, missing, mut refused, taken } = cells;
        if taken > 0 {
            return Ok(Outcome::Reading { sensor, ts, fields, missing, refused });
        }
        if !refused.is_empty() {
            return Err(refused.swap_remove(0));
        }
        if missing == 0 {
            return Err(Refused { column: None, detail: "no quantity of the mapping stands in this row".to_owned() });
        }
        Ok(Outcome::Missing { values: missing })
    }

    fn sensor_of(&self, row: &StringRecord) -> Result<SensorId, Refused> {
        let mut text = String::new();
        for part in &self.sensor {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Column(column) => text.push_str(row[*column].trim()),
            }
        }
        let id: String =
            text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' }).collect();
        SensorId::new(&id).map_err(|error| Refused { column: None, detail: format!("sensor {text:?}: {error}") })
    }

    fn time_of(&self, row: &StringRecord) -> Result<Timestamp, Refused> {
        let text = self.time.iter().map(|column| row[*column].trim()).collect::<Vec<_>>().join(" ");
        let place = self.place.map(|column| row[column].trim());
        self.labels.end(&text, place).map_err(|detail| Refused { column: None, detail })
    }

    fn air(&self, row: &StringRecord, quantities: &[BoundQuantity], cells: &mut Cells) -> Result<(), Refused> {
        let qc = match &self.qc {
            Some((column, rule)) => {
                let word = row[*column].trim();
                if rule.no_reading.iter().any(|none| none == word) {
                    cells.missing += quantities.len() as u64;
                    return Ok(());
                }
                Some(rule.words.get(word).ok_or_else(|| Refused::cell(&rule.column, format!("no meaning for {word:?}")))?)
            }
            None => None,
        };
        let mut units = String::new();
        for quantity in quantities {
            if quantity.only_if.as_ref().is_some_and(|(column, only)| !row[*column].trim().starts_with(&only.starts_with)) {
                continue;
            }
            let Some(value) = self.number(row, quantity.column, &quantity.rule, cells) else { continue };
            field(&mut cells.fields, quantity.rule.quantity().name(), serde_json::Value::from(value));
            cells.taken += 1;
            if let Some(unit) = quantity.rule.other_unit() {
                let comma = if units.is_empty() { "" } else { "," };
                let _ = write!(units, "{comma}\"{}\":\"{unit}\"", quantity.rule.name);
            }
        }
        if !units.is_empty() {
            field(&mut cells.fields, "units", format_args!("{{{units}}}"));
        }
        if let Some(qc) = qc {
            field(&mut cells.fields, "qc", format_args!("\"{}\"", qc.name()));
        }
        Ok(())
    }

    /// A finite number, or `None` with the gap or refusal noted.
    fn number(&self, row: &StringRecord, column: usize, rule: &QuantityRule, cells: &mut Cells) -> Option<f64> {
        let text = row[column].trim();
        if self.is_missing(text) {
            cells.missing += 1;
            return None;
        }
        let value = rule.words.get(text).copied().or_else(|| text.parse::<f64>().ok().filter(|value| value.is_finite()));
        if value.is_none() {
            cells.refused.push(Refused::cell(&rule.column, format!("{text:?} is no number")));
        }
        value
    }

    fn counter(
        &self,
        row: &StringRecord,
        rule: &CounterRule,
        columns: [Option<usize>; 3],
        cells: &mut Cells,
    ) -> Result<(), Refused> {
        let [free, vehicles, capacity] = columns;
        let mut whole = |column: Option<usize>, name: &Option<String>| -> Result<Option<i64>, Refused> {
            let Some(text) = column.map(|column| row[column].trim()) else { return Ok(None) };
            if self.is_missing(text) {
                cells.missing += 1;
                return Ok(None);
            }
            let name = name.as_deref().unwrap_or_default();
            text.parse::<i32>()
                .map(|n| Some(i64::from(n)))
                .map_err(|_| Refused::cell(name, format!("{text:?} is no whole number")))
        };
        let capacity = whole(capacity, &rule.capacity)?;
        let free = match whole(free, &rule.free)? {
            Some(free) => Some(free),
            None => whole(vehicles, &rule.vehicles)?.zip(capacity).map(|(vehicles, capacity)| capacity - vehicles),
        };
        let Some(free) = free else { return Ok(()) };
        field(&mut cells.fields, "free", free);
        cells.taken += 1;
        if let Some(capacity) = capacity {
            field(&mut cells.fields, "capacity", capacity);
        }
        Ok(())
    }

    fn bay(&self, row: &StringRecord, column: usize, rule: &BayRule, cells: &mut Cells) -> Result<(), Refused> {
        let word = row[column].trim();
        if self.is_missing(word) {
            cells.missing += 1;
            return Ok(());
        }
        let state = rule.words.get(word).ok_or_else(|| Refused::cell(&rule.column, format!("no meaning for {word:?}")))?;
        field(&mut cells.fields, "state", format_args!("\"{}\"", state.name()));
        cells.taken += 1;
        Ok(())
    }

    fn is_missing(&self, text: &str) -> bool {
        self.missing.iter().any(|marker| marker == text)
    }
}

/// What a row gives while it is read.
struct Cells {
    fields: String,
    missing: u64,
    refused: Vec<Refused>,
    taken: u64,
}

fn field(fields: &mut String, name: &str, value: impl std::fmt::Display) {
    let comma = if fields.is_empty() { "" } else { "," };
    let _ = write!(fields, "{comma}\"{name}\":{value}");
}

/// Whether a template can be read; its columns are the file's.
pub(super) fn check_template(text: &str) -> Result<(), String> {
    template(text, &|_| Ok(0)).map(drop)
}

fn template(text: &str, find: &dyn Fn(&String) -> Result<usize, String>) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((literal, after)) = rest.split_once('{') {
        let (column, tail) = after.split_once('}').ok_or_else(|| format!("sensor {text:?} opens a brace that never closes"))?;
        parts.push(Part::Text(literal.to_owned()));
        parts.push(Part::Column(find(&column.to_owned())?));
        rest = tail;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}
