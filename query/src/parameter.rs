//! Parameters of operations: declared once, from which the parser and the API description are made.
//!
//! An unknown name, a name given twice or a bad value is a fault that names the parameter; handlers only see values that
//! were declared and hold.

use domain::{ObjectId, SensorId, Timestamp};

use crate::language::{Language, Text};

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Path,
    Query,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// At most so many bytes.
    Text {
        bytes_max: usize,
    },
    /// 1 to 64 of `A-Z a-z 0-9 . _ -`.
    Id,
    Integer {
        min: i64,
        max: i64,
    },
    Number {
        min: f64,
        max: f64,
    },
    /// RFC 3339 with an offset.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `west,south,east,north` in degrees.
    Bbox,
    Flag,
    /// What `next` of the page before said.
    Cursor,
}

/// One declared parameter.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub place: Place,
    pub kind: Kind,
    pub required: bool,
    pub default: Option<&'static str>,
    pub example: Option<&'static str>,
    pub description: &'static str,
}

impl Parameter {
    pub const fn query(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, place: Place::Query, kind, required: false, default: None, example: None, description }
    }

    pub const fn path(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, place: Place::Path, kind, required: true, default: None, example: None, description }
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub const fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }
}

pub const PAGE_DEFAULT: &str = "100";
const PAGE_MAX: i64 = 1_000;

pub const LIMIT: Parameter =
    Parameter::query("limit", Kind::Integer { min: 1, max: PAGE_MAX }, "Items of one page at most.").or(PAGE_DEFAULT);
pub const CURSOR: Parameter = Parameter::query(
    "cursor",
    Kind::Cursor,
    "Where the next page begins: `next` of the page before. All other parameters must stay as they were.",
);
pub const FROM: Parameter =
    Parameter::query("from", Kind::Time, "Start, inclusive: RFC 3339 with an offset.").example("2026-11-24T00:00:00+07:00");
pub const TO: Parameter = Parameter::query("to", Kind::Time, "End, exclusive: RFC 3339 with an offset; may lie ahead.")
    .example("2026-11-25T00:00:00+07:00");
pub const BBOX: Parameter =
    Parameter::query("bbox", Kind::Bbox, "`west,south,east,north` in degrees (WGS 84).").example("105.80,20.99,105.88,21.06");
pub const AREA: Parameter = Parameter::query("area", Kind::Id, "Only what lies in this area.").example("ward-hoan-kiem");
/// Of an operation that changes something: with it, it is no act.
pub const DRY_RUN: Parameter = Parameter::query("dry_run", Kind::Flag, "Only judge, change nothing.").or("false");

/// Accepted by every operation that has more than one format.
pub const FORMAT: &str = "f";

/// A value that holds what its parameter declares.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Time(Timestamp),
    Word(&'static str),
    Bbox(Bbox),
    Flag(bool),
}

/// West may lie east of east: the box then crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bbox {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Bbox {
    pub fn holds(&self, point: geo::Point<f64>) -> bool {
        let (lon, lat) = (point.x(), point.y());
        let across = self.west > self.east;
        let in_width = if across { lon >= self.west || lon <= self.east } else { (self.west..=self.east).contains(&lon) };
        in_width && (self.south..=self.north).contains(&lat)
    }
}

/// Why a parameter was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub parameter: String,
    pub kind: FaultKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    Unknown,
    Twice,
    Missing,
    NotText {
        bytes_max: usize,
    },
    NotId,
    NotInteger {
        min: i64,
        max: i64,
    },
    NotNumber {
        min: f64,
        max: f64,
    },
    NotTime,
    NotWord(&'static [&'static str]),
    NotBbox,
    NotFlag,
    /// `to` is earlier than `from`.
    BeforeFrom,
    /// Not one of ours, or of a question with other parameters.
    BadCursor,
    /// Anything that only its own operation can judge.
    Other(Text),
}

impl Fault {
    pub fn new(parameter: &str, kind: FaultKind) -> Self {
        Self { parameter: parameter.to_owned(), kind }
    }

    pub fn detail(&self, language: Language) -> String {
        let text = |en, vi| language.pick(&Text { en, vi }).to_owned();
        match &self.kind {
            FaultKind::Unknown => text("this operation has no such parameter", "thao tác này không có tham số đó"),
            FaultKind::Twice => text("given more than once", "được cho nhiều hơn một lần"),
            FaultKind::Missing => text("is required", "bắt buộc phải có"),
            FaultKind::NotText { bytes_max } => {
                format!("{} {bytes_max}", text("must be a text; bytes at most:", "phải là văn bản; số byte tối đa:"))
            }
            FaultKind::NotId => text("must be 1 to 64 of A-Z a-z 0-9 . _ -", "phải gồm 1 đến 64 ký tự A-Z a-z 0-9 . _ -"),
            FaultKind::NotInteger { min, max } => {
                format!("{} {min} .. {max}", text("must be an integer within", "phải là số nguyên trong khoảng"))
            }
            FaultKind::NotNumber { min, max } => {
                format!("{} {min} .. {max}", text("must be a number within", "phải là số trong khoảng"))
            }
            FaultKind::NotTime => text(
                "must be an RFC 3339 date-time with an offset, such as 2026-11-24T08:00:00+07:00",
                "phải là thời điểm RFC 3339 có độ lệch giờ, ví dụ 2026-11-24T08:00:00+07:00",
            ),
            FaultKind::NotWord(words) => {
                format!("{} {}", text("must be one of:", "phải là một trong:"), words.join(", "))
            }
            FaultKind::NotBbox => text(
                "must be west,south,east,north in degrees with south not above north",
                "phải là tây,nam,đông,bắc tính bằng độ, nam không lớn hơn bắc",
            ),
            FaultKind::NotFlag => text("must be true or false", "phải là true hoặc false"),
            FaultKind::BeforeFrom => text("must not be earlier than from", "không được sớm hơn from"),
            FaultKind::BadCursor => text(
                "is no cursor of this question: begin again without it, or leave all other parameters as they were",
                "không phải con trỏ của câu hỏi này: hãy bắt đầu lại hoặc giữ nguyên các tham số khác",
            ),
            FaultKind::Other(both) => language.pick(both).to_owned(),
        }
    }
}

/// The values of one call, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    values: Vec<(&'static str, Value)>,
}

impl Arguments {
    /// All faults, not only the first: a caller mends them in one go.
    pub fn parse(declared: &'static [Parameter], given: &[(Place, String, String)]) -> Result<Self, Vec<Fault>> {
        let mut values = Vec::with_capacity(declared.len());
        let mut faults = Vec::new();
        for (place, name, _) in given {
            let known = declared.iter().any(|parameter| parameter.place == *place && parameter.name == name);
            if !known && !faults.iter().any(|fault: &Fault| fault.parameter == *name) {
                faults.push(Fault::new(name, FaultKind::Unknown));
            }
        }
        for parameter in declared {
            let mut found = given.iter().filter(|(place, name, _)| *place == parameter.place && name == parameter.name);
            let text = match (found.next(), found.next()) {
                (Some(_), Some(_)) => {
                    faults.push(Fault::new(parameter.name, FaultKind::Twice));
                    continue;
                }
                (Some((_, _, text)), None) => Some(text.as_str()),
                (None, _) => parameter.default,
            };
            match text.map(|text| parameter.kind.parse(text)) {
                Some(Ok(value)) => values.push((parameter.name, value)),
                Some(Err(kind)) => faults.push(Fault::new(parameter.name, kind)),
                None if parameter.required => faults.push(Fault::new(parameter.name, FaultKind::Missing)),
                None => {}
            }
        }
        if faults.is_empty() { Ok(Self { values }) } else { Err(faults) }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    pub fn sensor(&self, name: &str) -> Option<SensorId> {
        self.text(name).and_then(|text| SensorId::new(text).ok())
    }

    pub fn object(&self, name: &str) -> Option<ObjectId> {
        self.text(name).and_then(|text| ObjectId::new(text).ok())
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Number(value) => Some(*value),
            _ => None,
        }
    }

    pub fn time(&self, name: &str) -> Option<Timestamp> {
        match self.get(name)? {
            Value::Time(at) => Some(*at),
            _ => None,
        }
    }

    pub fn bbox(&self, name: &str) -> Option<Bbox> {
        match self.get(name)? {
            Value::Bbox(bbox) => Some(*bbox),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Flag(true)))
    }

    /// Of a flag without a default: `None` where it was not given.
    pub fn chosen(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Flag(value) => Some(*value),
            _ => None,
        }
    }

    /// Of a parameter with a default, such as [`LIMIT`].
    pub fn size(&self, name: &str) -> usize {
        usize::try_from(self.integer(name).expect("declared with a default")).expect("declared with a minimum of 0 or more")
    }

    /// Changes when any parameter but the cursor does.
    pub fn fingerprint(&self) -> u64 {
        let rest: Vec<_> = self.values.iter().filter(|(name, _)| *name != CURSOR.name).collect();
        xxhash_rust::xxh3::xxh3_64(format!("{rest:?}").as_bytes())
    }
}

impl Kind {
    fn parse(self, text: &str) -> Result<Value, FaultKind> {
        match self {
            Self::Text { bytes_max } if text.len() <= bytes_max => Ok(Value::Text(text.to_owned())),
            Self::Text { bytes_max } => Err(FaultKind::NotText { bytes_max }),
            Self::Cursor => Ok(Value::Text(text.to_owned())),
            Self::Id => ObjectId::new(text).map(|_| Value::Text(text.to_owned())).map_err(|_| FaultKind::NotId),
            Self::Integer { min, max } => match text.parse() {
                Ok(value) if (min..=max).contains(&value) => Ok(Value::Integer(value)),
                _ => Err(FaultKind::NotInteger { min, max }),
            },
            Self::Number { min, max } => match text.parse() {
                Ok(value) if (min..=max).contains(&value) => Ok(Value::Number(value)),
                _ => Err(FaultKind::NotNumber { min, max }),
            },
            Self::Time => parse_time(text).map(Value::Time).ok_or(FaultKind::NotTime),
            Self::Word(words) => {
                words.iter().find(|word| **word == text).map(|word| Value::Word(word)).ok_or(FaultKind::NotWord(words))
            }
            Self::Bbox => parse_bbox(text).map(Value::Bbox).ok_or(FaultKind::NotBbox),
            Self::Flag => text.parse().map(Value::Flag).map_err(|_| FaultKind::NotFlag),
        }
    }
}

/// A `+` that was not written `%2B` arrives as a space: where an offset's sign belongs it can mean nothing else.
fn parse_time(text: &str) -> Option<Timestamp> {
    let sign = text.len().checked_sub("+07:00".len()).filter(|&at| at >= "2026-11-24T08:00:00".len());
    let mended = match sign {
        Some(at) if text.as_bytes()[at] == b' ' => format!("{}+{}", &text[..at], &text[at + 1..]),
        _ => text.to_owned(),
    };
    Timestamp::parse_rfc3339(&mended).ok()
}

fn parse_bbox(text: &str) -> Option<Bbox> {
    let numbers: Vec<f64> = text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().ok()?;
    let &[west, south, east, north] = numbers.as_slice() else {
        return None;
    };
    let valid = [west, east].iter().all(|lon| (-180.0..=180.0).contains(lon))
        && [south, north].iter().all(|lat| (-90.0..=90.0).contains(lat))
        && south <= north;
    valid.then_some(Bbox { west, south, east, north })
}

#[cfg(test)]
mod tests;
