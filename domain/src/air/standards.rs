//! Texts of law as data: those that come with Kerbside, and files of a city's own, read by one loader.
//!
//! A file is TOML and says with `kind` what it is: an `index` or `limits`. What does not fit together is told by file, key and reason;
//! half a table would give wrong numbers to the public, so nothing of such a file is taken.

mod index_file;
mod key;
mod limits_file;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::index::Index;
use super::limit::Limits;
use index_file::IndexFile;
use limits_file::LimitsFile;

const BUILT_IN: [(&str, &str); 6] = [
    ("vn_aqi.toml", include_str!("standards/vn_aqi.toml")),
    ("us_epa.toml", include_str!("standards/us_epa.toml")),
    ("eu_aqi.toml", include_str!("standards/eu_aqi.toml")),
    ("qcvn05_2013.toml", include_str!("standards/qcvn05_2013.toml")),
    ("qcvn05_2023.toml", include_str!("standards/qcvn05_2023.toml")),
    ("who_2021.toml", include_str!("standards/who_2021.toml")),
];

/// Every index and every limit that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Standards {
    indices: Vec<Index>,
    limits: Vec<Limits>,
}

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {key}: {reason}")]
pub struct StandardError {
    pub file: String,
    /// `columns[2].bands[0]`, or `line 7` for what is no TOML or has a wrong type.
    pub key: String,
    pub reason: String,
}

impl Standards {
    /// Those that come with Kerbside.
    pub fn built_in() -> Self {
        let none = Self { indices: Vec::new(), limits: Vec::new() };
        BUILT_IN.iter().fold(none, |all, (file, text)| all.with(file, text).expect("files that come along are read by the tests"))
    }

    /// These and what a file says. `file` is for the error only.
    pub fn with(mut self, file: &str, text: &str) -> Result<Self, StandardError> {
        let error = |Fault { key, reason }: Fault| StandardError { file: file.to_owned(), key, reason };
        match read(text).map_err(error)? {
            Standard::Index(index) if self.is_taken(&index.id) => return Err(error(taken(&index.id))),
            Standard::Limits(limits) if self.is_taken(&limits.id) => return Err(error(taken(&limits.id))),
            Standard::Index(index) => self.indices.push(index),
            Standard::Limits(limits) => self.limits.push(limits),
        }
        Ok(self)
    }

    pub fn indices(&self) -> impl Iterator<Item = &Index> {
        self.indices.iter()
    }

    pub fn limits(&self) -> impl Iterator<Item = &Limits> {
        self.limits.iter()
    }

    pub fn index(&self, id: &str) -> Option<&Index> {
        self.indices.iter().find(|index| index.id == id)
    }

    /// By its own id on any day, or by that of its series the text in force on `date`.
    pub fn limits_on(&self, id: &str, date: Date) -> Option<&Limits> {
        let of_series = |limits: &&Limits| limits.series.as_deref() == Some(id) && limits.in_force <= date;
        let named = self.limits.iter().find(|limits| limits.id == id);
        named.or_else(|| self.limits.iter().filter(of_series).max_by_key(|limits| limits.in_force))
    }

    /// An id that [`limits_on`](Self::limits_on) knows, on whatever day.
    pub fn is_limits(&self, id: &str) -> bool {
        self.limits.iter().any(|limits| limits.id == id || limits.series.as_deref() == Some(id))
    }

    fn is_taken(&self, id: &str) -> bool {
        self.index(id).is_some() || self.is_limits(id)
    }
}

fn taken(id: &str) -> Fault {
    Fault::new("id", format!("there is a standard called {id} already"))
}

enum Standard {
    Index(Index),
    Limits(Limits),
}

/// An error that does not know its file yet.
#[derive(Debug)]
struct Fault {
    key: String,
    reason: String,
}

impl Fault {
    fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

/// What every file begins with; the rest is for the kind's own reader.
#[derive(Deserialize)]
struct Head {
    kind: Kind,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Index,
    Limits,
}

fn read(text: &str) -> Result<Standard, Fault> {
    match parse::<Head>(text)?.kind {
        Kind::Index => Ok(Standard::Index(parse::<IndexFile>(text)?.check()?)),
        Kind::Limits => Ok(Standard::Limits(parse::<LimitsFile>(text)?.check()?)),
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        Fault::new(format!("line {}", before.matches('\n').count() + 1), error.message())
    })
}
