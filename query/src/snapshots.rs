//! The answer that all others begin with, kept as it was written last: many ask for it at once, and it is large.
//!
//! One asker writes it, the others of that moment wait and take what was written. A caller that has it already is told so without
//! any writing. What is kept serves for a second at most, so that the ages in it stay true.

use std::time::Duration;

use domain::Timestamp;
use http::HeaderMap;
use tokio::sync::{Mutex, MutexGuard};

use crate::answer::Written;
use crate::format::{Format, PLACES};

const KEPT: Duration = Duration::from_secs(1);

/// By format.
#[derive(Default)]
pub struct Snapshots([Mutex<Option<Kept>>; PLACES.len()]);

pub struct Kept {
    version: u64,
    as_of: Timestamp,
    written: Written,
}

/// The turn to write: until it is given back, all others wait.
pub struct Turn<'a>(MutexGuard<'a, Option<Kept>>);

impl Snapshots {
    /// `format` is one of [`PLACES`].
    pub async fn turn(&self, format: Format) -> Turn<'_> {
        let place = PLACES.iter().position(|offered| *offered == format).unwrap_or_default();
        Turn(self.0[place].lock().await)
    }
}

impl Turn<'_> {
    /// What was written last, where it answers a question for this version and instant.
    pub fn kept(&self, version: u64, now: Timestamp, format: Format, headers: &HeaderMap) -> Option<Written> {
        let kept = self.0.as_ref()?;
        let is_same = kept.version == version && (now <= kept.as_of.plus(KEPT) || kept.written.is_seen(format, headers));
        let is_later = kept.version >= version && kept.as_of >= now && kept.as_of <= now.plus(KEPT);
        (is_same || is_later).then(|| kept.written.clone())
    }

    pub fn keep(mut self, version: u64, as_of: Timestamp, written: Written) {
        *self.0 = Some(Kept { version, as_of, written });
    }
}
