//! Names of sensors and registry objects: 1 to 64 of `A-Z a-z 0-9 . _ -`.
//!
//! One grammar for all, because a sensor without a `device` entry is bound to the bay, station or counter site of the same
//! id, and because every id stands in a topic, a path and a file name without escaping.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::limits::ID_BYTES_MAX;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to {ID_BYTES_MAX} of A-Z a-z 0-9 . _ -")]
pub struct IdError;

fn parse(text: &str) -> Result<CompactString, IdError> {
    let valid = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    if text.is_empty() || text.len() > ID_BYTES_MAX || !text.bytes().all(valid) {
        return Err(IdError);
    }
    Ok(CompactString::new(text))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "CompactString", into = "CompactString")]
        pub struct $name(CompactString);

        impl $name {
            pub fn new(text: &str) -> Result<Self, IdError> {
                parse(text).map(Self)
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
        impl TryFrom<CompactString> for $name {
            type Error = IdError;
            fn try_from(text: CompactString) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }
        impl From<$name> for CompactString {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

id!(
    /// A device that publishes: the `{sensor}` of a topic.
    SensorId
);
id!(
    /// An area, site, bay or station of the registry.
    ObjectId
);

impl SensorId {
    /// The registry object that a sensor without a `device` entry is bound to.
    pub fn same_object(&self) -> ObjectId {
        ObjectId(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_only_what_a_topic_a_path_and_a_file_name_hold() {
        assert!(SensorId::new("bay-1_A.2").is_ok());
        for text in ["", "a b", "a/b", "bãi", "a+", "#", &"x".repeat(65)] {
            assert_eq!(SensorId::new(text), Err(IdError), "{text}");
        }
    }
}
