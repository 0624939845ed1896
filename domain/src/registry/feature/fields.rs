//! Takes the known properties out of a JSON object, one by one and by type; what is left over is unknown.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::spelling::near;
use crate::id::ObjectId;
use crate::registry::city::parse_moment;
use crate::registry::extra::Extra;
use crate::registry::object::Names;
use crate::time::Timestamp;

/// What is wrong with a row, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::registry) struct Fault {
    pub field: String,
    pub detail: String,
}

impl Fault {
    pub fn new(field: &str, detail: impl Into<String>) -> Self {
        Self { field: field.to_owned(), detail: detail.into() }
    }
}

/// What is odd in a row and was taken all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::registry) struct Remark {
    pub field: String,
    /// Names the field where it does not stand by itself.
    pub detail: String,
}

impl Remark {
    pub fn new(field: &str, detail: impl Into<String>) -> Self {
        Self { field: field.to_owned(), detail: detail.into() }
    }
}

type Taken<T> = Result<T, Fault>;

pub(super) struct Fields<'a> {
    map: Map<String, Value>,
    /// Name of the enclosing field with a dot, for faults.
    path: String,
    zone: &'a TimeZone,
    pub remarks: Vec<Remark>,
}

impl<'a> Fields<'a> {
    pub fn new(map: Map<String, Value>, zone: &'a TimeZone) -> Self {
        Self { map, path: String::new(), zone, remarks: Vec::new() }
    }

    pub fn fault(&self, name: &str, detail: impl Into<String>) -> Fault {
        Fault::new(&format!("{}{name}", self.path), detail)
    }

    /// `null` is absent: GIS tools write it for every empty column.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, name: &str) -> Taken<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(other) => Err(self.fault(name, format!("is {}, not text", kind_of(&other)))),
        }
    }

    pub fn id(&mut self, name: &str) -> Taken<Option<ObjectId>> {
        let text = self.text(name)?;
        text.map(|text| ObjectId::new(&text).map_err(|error| self.fault(name, format!("{text:?}: {error}")))).transpose()
    }

    /// A whole number from `least` on.
    pub fn whole(&mut self, name: &str, least: u32) -> Taken<Option<u32>> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let Value::Number(number) = &value else {
            return Err(self.fault(name, format!("is {}, not a number", kind_of(&value))));
        };
        let number = number.as_f64().unwrap_or(f64::NAN);
        if number.fract() != 0.0 || !(f64::from(least)..=f64::from(u32::MAX)).contains(&number) {
            return Err(self.fault(name, format!("{value} is not a whole number from {least} to {}", u32::MAX)));
        }
        Ok(Some(number as u32))
    }

    /// One of a closed list of words.
    pub fn word<T: Copy>(&mut self, name: &str, all: &[T], word: fn(T) -> &'static str) -> Taken<Option<T>> {
        let text = self.text(name)?;
        text.map(|text| one_of(&text, all, word).map_err(|detail| self.fault(name, detail))).transpose()
    }

    pub fn words<T: Copy>(&mut self, name: &str, all: &[T], word: fn(T) -> &'static str) -> Taken<Vec<T>> {
        let list = self.list(name)?;
        let read = |value: Value| match value {
            Value::String(text) => one_of(&text, all, word).map_err(|detail| self.fault(name, detail)),
            other => Err(self.fault(name, format!("holds {}, not text", kind_of(&other)))),
        };
        list.into_iter().map(read).collect()
    }

    pub fn list(&mut self, name: &str) -> Taken<Vec<Value>> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.fault(name, format!("is {}, not a list", kind_of(&other)))),
        }
    }

    /// A date (local midnight) or an RFC 3339 instant.
    pub fn moment(&mut self, name: &str) -> Taken<Option<Timestamp>> {
        let text = self.text(name)?;
        text.map(|text| {
            let detail = format!("{text:?} is neither a date (2025-07-01) nor an RFC 3339 instant with an offset");
            parse_moment(&text, self.zone).ok_or_else(|| self.fault(name, detail))
        })
        .transpose()
    }

    /// A span whose end lies after its start.
    pub fn span(&mut self, from_name: &str, to_name: &str) -> Taken<(Option<Timestamp>, Option<Timestamp>)> {
        let (from, to) = (self.moment(from_name)?, self.moment(to_name)?);
        match from.zip(to) {
            Some((start, end)) if end <= start => Err(self.fault(to_name, format!("is not after {from_name}"))),
            _ => Ok((from, to)),
        }
    }

    pub fn names(&mut self) -> Taken<Names> {
        let map = match self.take("names") {
            None => return Ok(Names::new()),
            Some(Value::Object(map)) => map,
            Some(other) => return Err(self.fault("names", format!("is {}, not a map of language tags", kind_of(&other)))),
        };
        let mut names = Names::new();
        for (tag, value) in map {
            match value {
                Value::Null => {}
                Value::String(name) if is_language_tag(&tag) => {
                    names.insert(tag, name);
                }
                Value::String(_) => return Err(self.fault("names", format!("{tag:?} is no BCP 47 tag"))),
                other => return Err(self.fault(&format!("names.{tag}"), format!("is {}, not text", kind_of(&other)))),
            }
        }
        Ok(names)
    }

    /// The objects of a list, each with its own fields.
    pub fn nested(&mut self, name: &str) -> Taken<Vec<Fields<'a>>> {
        let list = self.list(name)?;
        let read = |(index, value)| match value {
            Value::Object(map) => {
                Ok(Fields { map, path: format!("{}{name}[{index}].", self.path), zone: self.zone, remarks: Vec::new() })
            }
            other => Err(self.fault(name, format!("holds {}, not an object", kind_of(&other)))),
        };
        list.into_iter().enumerate().map(read).collect()
    }

    pub fn object(&mut self, name: &str) -> Taken<Option<Fields<'a>>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(map)) => {
                Ok(Some(Fields { map, path: format!("{}{name}.", self.path), zone: self.zone, remarks: Vec::new() }))
            }
            Some(other) => Err(self.fault(name, format!("is {}, not an object", kind_of(&other)))),
        }
    }

    /// A required property that is not there; what may be meant for it is.
    pub fn missing(&self, name: &str, properties: &[&str]) -> Fault {
        let mut detail = "is missing".to_owned();
        for unknown in self.map.iter().filter(|(_, value)| !value.is_null()).map(|(unknown, _)| unknown.as_str()) {
            if !properties.contains(&unknown) {
                detail.push_str(&format!("; property {unknown:?} is unknown{}", near(unknown, properties)));
            }
        }
        self.fault(name, detail)
    }

    /// What nothing took, kept.
    pub fn rest(&mut self, properties: &[&str]) -> Extra {
        let map: Map<String, Value> = std::mem::take(&mut self.map);
        for name in map.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name) {
            self.remarks.push(Remark::new(name, format!("property {name:?} is unknown and kept{}", near(name, properties))));
        }
        Extra::from(map.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
    }

    /// Of a nested object, where there is no place to keep what nothing took: the remarks for its row.
    pub fn dropped(self) -> impl Iterator<Item = Remark> {
        let Self { map, path, remarks, .. } = self;
        let unknown = map.into_iter().map(move |(name, _)| {
            let field = format!("{path}{name}");
            Remark::new(&field, format!("{field} is unknown and not kept"))
        });
        remarks.into_iter().chain(unknown)
    }
}

fn one_of<T: Copy>(text: &str, all: &[T], word: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|&one| word(one) == text).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|&one| word(one)).collect();
        format!("{text:?} is none of {}", known.join(", "))
    })
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The shape only: 1 to 8 letters or digits between hyphens, beginning with 2 to 8 letters.
pub(in crate::registry) fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language =
        parts.next().is_some_and(|part| (2..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphabetic()));
    language && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric()))
}
