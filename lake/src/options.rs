//! Where the lake is and how it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Settings of a lake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A path, or the URL of an object store (`s3://bucket/path`).
    pub url: String,
    /// Credentials and settings of the object store, by their names in its documentation (`aws_region`, …).
    pub storage: BTreeMap<String, String>,
    /// Compacted files are closed at about this size.
    pub target_bytes: u64,
    /// Files written within one such span, seconds, are merged once it is over: short ones keep few files and write each row more often.
    pub merge_every_s: u32,
    /// How long a replaced file stays readable, hours: never under 24.
    pub replaced_kept_h: u32,
    /// How long the Delta log is kept beyond its checkpoint, hours.
    pub log_kept_h: u32,
    /// Commits after which the maintenance writes a Delta checkpoint.
    pub checkpoint_commits: u32,
    /// Days that each table is kept, by its name; absent is for ever.
    pub retention_days: BTreeMap<String, u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "kerbside-data/lake".to_owned(),
            storage: BTreeMap::new(),
            target_bytes: 128 * 1024 * 1024,
            merge_every_s: 3_600,
            replaced_kept_h: 24,
            log_kept_h: 48,
            checkpoint_commits: 100,
            retention_days: BTreeMap::new(),
        }
    }
}

impl Options {
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}
