//! Promises broken on purpose: what the simulation must find, or it would find nothing.

/// One broken promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mutation {
    #[default]
    None,
    /// The journal's disk says that it synced and did not: what was acknowledged may be gone (ACK-1).
    AckBeforeSync,
    /// The table's log forgets what the last commit said of its journal: rows are committed again (ONE-1, LAKE-1, SNAP-1).
    NoTransactionCheck,
    /// Every reading counts as a new one (ONE-1).
    NoDedupe,
    /// A reading that comes late is lost (ACK-1, SUM-1).
    LateReadingDropped,
    /// Of the newest commit only a part is seen (LAKE-1, SNAP-1).
    HalfVisibleCommit,
    /// The checkpoint's disk says that it synced and did not, and the journal before it is gone (ACK-1).
    SkippedCheckpointSync,
}

impl Mutation {
    pub const ALL: [Self; 6] = [
        Self::AckBeforeSync,
        Self::NoTransactionCheck,
        Self::NoDedupe,
        Self::LateReadingDropped,
        Self::HalfVisibleCommit,
        Self::SkippedCheckpointSync,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AckBeforeSync => "ack-before-sync",
            Self::NoTransactionCheck => "no-transaction-check",
            Self::NoDedupe => "no-dedupe",
            Self::LateReadingDropped => "late-reading-dropped",
            Self::HalfVisibleCommit => "half-visible-commit",
            Self::SkippedCheckpointSync => "skipped-checkpoint-sync",
        }
    }

    /// What the finding says where it is noticed: one of these promises, or what the server itself misses when it starts.
    pub const fn noticed_as(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::AckBeforeSync => &["ACK-1"],
            Self::NoTransactionCheck => &["ONE-1", "LAKE-1", "SNAP-1"],
            Self::NoDedupe => &["ONE-1", "SUM-1"],
            Self::LateReadingDropped => &["ACK-1", "SUM-1"],
            Self::HalfVisibleCommit => &["LAKE-1", "SNAP-1"],
            Self::SkippedCheckpointSync => &["ACK-1", "SUM-1", "checkpoint"],
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::None]).find(|mutation| mutation.name() == name)
    }
}
