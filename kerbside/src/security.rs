//! Who is who: devices and keys, kept in the data directory, for the front and the API to ask.
//!
//! ```text
//! kerbside device|key … ──► store (SQLite, written by commands, also while a server runs)
//!                             │ looked at twice a second
//!                             ▼
//!                          roster (all of it, in memory) ──► guard: Authority for MQTT, Keys for HTTP
//!                                                              └─ password · remembered · failures
//! ```
//!
//! Secrets are made here, told once and kept as hashes only.

mod audit;
mod failures;
mod guard;
mod key;
mod password;
mod remembered;
mod roster;
mod store;
mod watch;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use audit::{AuditLog, Deed, operator};
pub use guard::Guard;
pub use key::ApiKey;
pub use password::{Hash, generate as generate_password};
pub use store::{Adding, Life, NewDevice, NewKey, Store, StoreError};
pub use watch::Watch;

/// Where credentials are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Empty: `security` in the data directory. Processes of one machine may share one.
    pub dir: PathBuf,
}

impl Options {
    pub fn dir(&self, data_dir: &Path) -> PathBuf {
        if self.dir.as_os_str().is_empty() { data_dir.join("security") } else { self.dir.clone() }
    }
}
