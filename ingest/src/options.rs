//! What an operator may set of ingest; the limits' reasons stand in `domain::limits`.

use std::time::Duration;

use domain::limits;
use serde::{Deserialize, Serialize};

/// What becomes of readings of sensors that the registry does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownSensors {
    /// Accepted and flagged `provisional`: no place, in no area's numbers.
    #[default]
    Accept,
    /// Rejected as `unknown_sensor`, and taken by itself once registered.
    Hold,
}

/// A promise broken on purpose, so that the simulation can show that it would notice: no configuration reaches it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weakness {
    #[default]
    Nothing,
    /// Takes every reading as a new one.
    KnowsNoDuplicates,
    /// Takes a reading that comes late as one that it has.
    DropsLateReadings,
}

/// How ingest decides and when it writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub unknown_sensors: UnknownSensors,
    /// How far ahead of the server a reading may be; beyond it is held as `future`.
    pub future_s: u32,
    /// Reference temperature of mass concentrations, °C.
    pub reference_temperature_c: f64,
    /// The longest time between two commits of the lake.
    pub commit_s: u32,
    /// Rows not yet committed that make a commit due before its time.
    pub commit_rows: usize,
    /// Memory of rows not yet committed that makes a commit due before its time.
    pub commit_bytes: usize,
    /// The longest time between two checkpoints.
    pub checkpoint_s: u32,
    /// Journal records after the last checkpoint that make one due before its time: bounds the replay of a restart.
    pub checkpoint_records: u64,
    /// Rows in memory, committed or not, above which the pipeline waits for commits.
    pub hot_rows: usize,
    /// Memory of such rows above which the pipeline waits for commits.
    pub hot_bytes: usize,
    /// Time between two looks at what the lake's files need: compaction, vacuum, retention.
    pub maintenance_s: u32,
    /// How long a shutdown may last: half of it for taking what is durable, the rest for committing that.
    pub drain_s: u32,
    /// Records behind the journal's head above which imports wait: live messages go first.
    pub import_lag_records: u64,
    /// Memory of the last payloads of all devices.
    pub uplink_bytes: usize,
    /// Memory of the duplicate look-up.
    pub dedupe_bytes: usize,
    /// Opens the link, which asks for no credentials, to other machines. Without it the link stays on loopback (SEC-1).
    pub allow_link_off_loopback: bool,
    #[doc(hidden)]
    #[serde(skip)]
    pub weakness: Weakness,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            unknown_sensors: UnknownSensors::default(),
            future_s: limits::FUTURE_DEFAULT.as_secs() as u32,
            reference_temperature_c: domain::unit::REFERENCE_TEMPERATURE_C,
            commit_s: 15,
            commit_rows: limits::COMMIT_ROWS_MAX,
            commit_bytes: limits::COMMIT_BYTES_MAX,
            checkpoint_s: 60,
            checkpoint_records: 5_000_000,
            hot_rows: limits::HOT_ROWS_MAX,
            hot_bytes: limits::HOT_BYTES_MAX,
            maintenance_s: 60,
            drain_s: 30,
            import_lag_records: 50_000,
            uplink_bytes: 64 * 1024 * 1024,
            dedupe_bytes: limits::DEDUPE_CACHE_BYTES_MAX,
            allow_link_off_loopback: false,
            weakness: Weakness::Nothing,
        }
    }
}

impl Options {
    pub fn commit_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.commit_s.max(1)))
    }

    pub fn checkpoint_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.checkpoint_s.max(1)))
    }

    pub fn maintenance_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.maintenance_s.max(1)))
    }

    pub fn drain_at_most(&self) -> Duration {
        Duration::from_secs(u64::from(self.drain_s))
    }
}
