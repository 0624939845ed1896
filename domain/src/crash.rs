//! Named places at which a test ends the process, as a power cut or kill -9 would: between any two things that must not be trusted to
//! happen together.
//!
//! Nobody is armed in service: a place then costs one load of an integer that no one writes. Who arms brings the way to die, so that this
//! crate asks nothing of the system. The list is closed, and the crash test goes over all of it.

use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

macro_rules! points {
    ($($point:ident $name:literal $what:literal,)*) => {
        /// Where to end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Point { $(#[doc = $what] $point,)* }

        impl Point {
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$point),*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$point => $name,)* }
            }
        }
    };
}

points! {
    JournalBeforeWrite "journal.before_write" "A batch was gathered and nothing of it is written.",
    JournalBeforeSync "journal.before_sync" "It is written and not synced.",
    JournalAfterSync "journal.after_sync" "It is durable and nobody was told.",
    JournalNewSegment "journal.new_segment" "A new segment has its name, which is not durable.",
    TrimBeforeRemoval "trim.before_removal" "A segment left the list and not the disk.",
    TrimAfterRemoval "trim.after_removal" "It left the disk, which is not durable.",
    RecoveryBeforeCut "recovery.before_cut" "The newest segment was read, a torn end is still there.",
    RecoveryAfterCut "recovery.after_cut" "The torn end is cut off, what is before it not yet made durable.",
    RecoveryBeforeReplay "recovery.before_replay" "Checkpoint and registry are read.",
    RecoveryReplay "recovery.replay" "A slice of what was there at the start was taken again.",
    FileBeforeName "file.before_name" "A file of the lake or its log is synced under its staged name.",
    FileAfterName "file.after_name" "It has its name, which is not durable.",
    CommitBeforeFiles "commit.before_files" "A commit of a table begins.",
    CommitBeforeLog "commit.before_log" "Its files are durable, no log names them.",
    CommitAfterLog "commit.after_log" "The log names them, this process was not told.",
    CommitBetweenTables "commit.between_tables" "One table is committed, the others of the same cut perhaps not.",
    CheckpointBeforeWrite "checkpoint.before_write" "All tables are committed.",
    CheckpointBeforeName "checkpoint.before_name" "The checkpoint is synced under its staged name.",
    CheckpointAfterName "checkpoint.after_name" "It has its name, which is not durable, and the oldest is still there.",
    CompactionBeforeLog "compaction.before_log" "Merged files are durable, the log names those that they replace.",
    CompactionAfterLog "compaction.after_log" "The log names the merged ones.",
    LogCheckpointBefore "log_checkpoint.before" "A table's log is about to get a checkpoint.",
    LogCheckpointAfter "log_checkpoint.after" "It has one, and entries that no reader needs were deleted.",
    RegistryBeforeAppend "registry.before_append" "An edit was judged, and what commits it is not in the journal.",
    RegistryBeforeRecord "registry.before_record" "The pipeline applied an edit, the registry's file does not hold it.",
    RegistryInRecord "registry.in_record" "Its changes are in an open transaction of that file.",
    RegistryAfterRecord "registry.after_record" "The file holds it, and its author was not told.",
}

impl Point {
    /// Passed once while a process starts, and never again.
    pub const fn is_once_a_start(self) -> bool {
        matches!(self, Self::RecoveryBeforeCut | Self::RecoveryAfterCut | Self::RecoveryBeforeReplay)
    }
}

/// Which pass of which place: `commit.before_log:2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub point: Point,
    /// From 1.
    pub pass: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place and pass such as commit.before_log:2")]
pub struct UnknownMoment(String);

impl FromStr for Moment {
    type Err = UnknownMoment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let (name, pass) = text.split_once(':')?;
            let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
            Some(Self { point, pass: pass.parse().ok().filter(|pass| *pass > 0)? })
        };
        parsed().ok_or_else(|| UnknownMoment(text.to_owned()))
    }
}

const NOBODY: usize = usize::MAX;
static ARMED: AtomicUsize = AtomicUsize::new(NOBODY);
static PASSES_LEFT: AtomicU64 = AtomicU64::new(0);
static DIE: OnceLock<fn(Point)> = OnceLock::new();

/// Before anything else of the process begins; once.
pub fn arm(moment: Moment, die: fn(Point)) {
    PASSES_LEFT.store(moment.pass, Ordering::Relaxed);
    // A second arming changes nothing: the first one's way to die counts.
    let _ = DIE.set(die);
    ARMED.store(moment.point as usize, Ordering::Release);
}

/// Called by [`crash_point!`](crate::crash_point!).
#[inline]
pub fn reach(point: Point) {
    if ARMED.load(Ordering::Acquire) == point as usize {
        pass(point);
    }
}

#[cold]
fn pass(point: Point) {
    if PASSES_LEFT.fetch_sub(1, Ordering::Relaxed) == 1
        && let Some(die) = DIE.get()
    {
        die(point);
    }
}

/// `crash_point!(CommitBeforeLog)`: here a test may end the process.
#[macro_export]
macro_rules! crash_point {
    ($point:ident) => {
        $crate::crash::reach($crate::crash::Point::$point)
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::AtomicU32;

    use super::*;

    static DEATHS: AtomicU32 = AtomicU32::new(0);

    #[test]
    fn a_place_ends_the_process_at_the_pass_that_is_named_and_at_no_other() {
        assert_eq!("commit.before_log:2".parse(), Ok(Moment { point: Point::CommitBeforeLog, pass: 2 }));
        for odd in ["", "commit.before_log", "commit.before_log:0", "commit:1", "commit.before_log:x"] {
            assert!(odd.parse::<Moment>().is_err(), "{odd}");
        }
        arm(Moment { point: Point::CommitBeforeLog, pass: 2 }, |_| {
            DEATHS.fetch_add(1, Ordering::Relaxed);
        });
        let deaths = [1, 2, 3].map(|_| {
            crate::crash_point!(CommitAfterLog);
            crate::crash_point!(CommitBeforeLog);
            DEATHS.load(Ordering::Relaxed)
        });
        assert_eq!(deaths, [0, 1, 1]);
    }

    #[test]
    fn names_are_their_own() {
        assert_eq!(Point::ALL.map(Point::name).into_iter().collect::<BTreeSet<_>>().len(), Point::ALL.len());
    }
}
