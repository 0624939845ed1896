//! What a day is like: how the sensors behave, and what goes wrong how often. One const a scenario, listed once in [`ALL`].

/// A day.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// Ends of the server a day, each of a kind that chance chooses.
    pub kills: f64,
    pub power_losses: f64,
    pub stops: f64,
    /// Part of its lives that end in the middle of an operation of disk or store, recovery included.
    pub fuses: f64,
    pub store_error: f64,
    pub store_lost: f64,
    pub store_torn: f64,
    /// Milliseconds that an operation of the store takes at most.
    pub store_latency_ms: u64,
    pub disk_error: f64,
    /// Milliseconds of a sync of the journal at most.
    pub sync_ms: u64,
    /// Hours at which the disk is full for half an hour.
    pub full_disk: bool,
    /// Connections that are lost a day, of each device.
    pub disconnects: f64,
    /// Of these, the part that the server does not notice.
    pub half_open: f64,
    /// Readings that are sent again by a second gateway, and later.
    pub duplicates: f64,
    /// Readings that come with another value under the instant of one before.
    pub conflicts: f64,
    /// Readings that the clock of a device puts ahead or back.
    pub skewed: f64,
    /// Hours that the server's own clock jumps, back and ahead.
    pub clock_jumps: bool,
    /// Part of the devices that gather readings for hours and send them at once.
    pub offline: f64,
    pub poison: f64,
    /// Two hours with ten times the readings.
    pub rush: bool,
    /// A bay that changes every few seconds for a while.
    pub flapping: bool,
    /// Sensors are held until they are registered, and the registry is edited all day.
    pub edits: bool,
    /// Entries of another writer in the log a day, and compaction every minute.
    pub strangers: f64,
    /// Damage at rest: a bit of a checkpoint or of a closed part of the journal, at a restart.
    pub flips: f64,
}

const CALM: Scenario = Scenario {
    name: "calm",
    kills: 1.0,
    power_losses: 1.0,
    stops: 1.0,
    fuses: 0.0,
    store_error: 0.0,
    store_lost: 0.0,
    store_torn: 0.0,
    store_latency_ms: 40,
    disk_error: 0.0,
    sync_ms: 5,
    full_disk: false,
    disconnects: 1.0,
    half_open: 0.2,
    duplicates: 0.02,
    conflicts: 0.005,
    skewed: 0.002,
    clock_jumps: false,
    offline: 0.1,
    poison: 0.005,
    rush: false,
    flapping: false,
    edits: false,
    strangers: 0.0,
    flips: 0.0,
};

pub const ALL: [Scenario; 11] = [
    CALM,
    Scenario { name: "rush-hour", rush: true, power_losses: 3.0, duplicates: 0.05, ..CALM },
    Scenario { name: "flapping-bay", flapping: true, kills: 3.0, conflicts: 0.05, ..CALM },
    Scenario { name: "clock-skew", skewed: 0.15, clock_jumps: true, kills: 3.0, ..CALM },
    Scenario { name: "late-flood", offline: 0.9, duplicates: 0.2, power_losses: 3.0, ..CALM },
    Scenario { name: "poison", poison: 0.3, conflicts: 0.05, kills: 3.0, ..CALM },
    Scenario { name: "registry-edits", edits: true, flips: 0.3, kills: 4.0, power_losses: 4.0, store_error: 0.01, ..CALM },
    Scenario {
        name: "crash-storm",
        kills: 15.0,
        power_losses: 15.0,
        stops: 3.0,
        fuses: 0.7,
        store_error: 0.02,
        store_lost: 0.05,
        store_torn: 0.02,
        disconnects: 6.0,
        half_open: 0.5,
        flips: 0.3,
        offline: 0.3,
        ..CALM
    },
    Scenario {
        name: "slow-disk",
        sync_ms: 4_000,
        store_latency_ms: 20_000,
        disk_error: 0.01,
        store_error: 0.1,
        store_lost: 0.1,
        kills: 4.0,
        ..CALM
    },
    Scenario { name: "full-disk", full_disk: true, power_losses: 4.0, disk_error: 0.002, ..CALM },
    Scenario {
        name: "compaction-race",
        strangers: 60.0,
        store_latency_ms: 3_000,
        store_error: 0.03,
        store_lost: 0.1,
        store_torn: 0.03,
        fuses: 0.3,
        kills: 6.0,
        offline: 0.4,
        ..CALM
    },
];

pub fn by_name(name: &str) -> Option<Scenario> {
    ALL.into_iter().find(|scenario| scenario.name == name)
}

/// The scenario that a seed plays unless one is named: they take turns.
pub fn of_seed(seed: u64) -> Scenario {
    ALL[(seed % ALL.len() as u64) as usize]
}
