//! What a key of the HTTP API is for. An operation names the scope that it needs; an administrator's key opens all of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One thing that a key may be for. Numbers are positions in a stored set: never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scope {
    /// What single sensors said: readings, uplinks, bay histories.
    Readings = 0,
    /// SQL over the lake.
    Sql = 1,
    /// Live readings in.
    Ingest = 2,
    /// Recordings in.
    Import = 3,
    /// What stands where, as it is kept.
    Registry = 4,
    /// Ledger, lag, dead letters, silent sensors, metrics.
    Ops = 5,
    /// Everything, and every change.
    Admin = 6,
}

impl Scope {
    pub const ALL: [Self; 7] = [Self::Readings, Self::Sql, Self::Ingest, Self::Import, Self::Registry, Self::Ops, Self::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Readings => "readings",
            Self::Sql => "sql",
            Self::Ingest => "ingest",
            Self::Import => "import",
            Self::Registry => "registry",
            Self::Ops => "ops",
            Self::Admin => "admin",
        }
    }
}

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope; there are readings, sql, ingest, import, registry, ops and admin")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// The scopes of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(u8);

impl Scopes {
    /// An administrator's key opens everything.
    pub const fn opens(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8 | 1 << Scope::Admin as u8) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn bits(self) -> u8 {
        self.0
    }

    /// As stored; bits of scopes that a later version knows open nothing here.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |&scope| self.0 & (1 << scope as u8) != 0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as u8))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Scope::name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_what_it_is_for_and_an_administrators_everything() {
        let ops: Scopes = [Scope::Ops].into_iter().collect();
        assert!(ops.opens(Scope::Ops) && !ops.opens(Scope::Sql) && !ops.opens(Scope::Admin));
        let admin: Scopes = [Scope::Admin].into_iter().collect();
        assert!(Scope::ALL.into_iter().all(|scope| admin.opens(scope)));
        assert!(!Scope::ALL.into_iter().any(|scope| Scopes::default().opens(scope)));
    }

    #[test]
    fn a_set_is_read_as_it_was_stored() {
        let all: Scopes = Scope::ALL.into_iter().collect();
        assert_eq!(Scopes::from_bits(all.bits()).iter().collect::<Vec<_>>(), Scope::ALL);
        assert_eq!("ops".parse(), Ok(Scope::Ops));
        assert!("root".parse::<Scope>().is_err());
    }
}
