//! Bugs that are put in on purpose: a lab that finds none of them finds nothing.
//!
//! There is none without the feature `lab`, and with it none unless a run is asked to have one.

use supervisors::lab::planted;

use crate::actors::{TRUNCATED_IS_CACHED, WAITER_IS_FORGOTTEN};

/// An accepted connection that is dropped in mid poem ends as if all were well.
const CRASH_CLOSES_WELL: &str = "a crash closes with FIN";

/// A planted bug.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// A poem whose stream broke is taken for whole by a fetch, and kept.
    TruncatedIsCached,
    /// Of several that wait for one fetch the last is never answered.
    WaiterIsForgotten,
    /// A supervisor counts each restart as two.
    RestartCountedTwice,
    /// A name is freed only when somebody else dies.
    NameFreedLate,
    /// An accepted connection that is dropped in mid poem ends as if all were well.
    CrashClosesWell,
}

impl Bug {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::TruncatedIsCached,
        Self::WaiterIsForgotten,
        Self::RestartCountedTwice,
        Self::NameFreedLate,
        Self::CrashClosesWell,
    ];

    /// What it is, in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TruncatedIsCached => TRUNCATED_IS_CACHED,
            Self::WaiterIsForgotten => WAITER_IS_FORGOTTEN,
            Self::RestartCountedTwice => planted::RESTART_COUNTED_TWICE,
            Self::NameFreedLate => planted::NAME_FREED_LATE,
            Self::CrashClosesWell => CRASH_CLOSES_WELL,
        }
    }

    /// The law that it breaks.
    #[must_use]
    pub const fn law(self) -> &'static str {
        match self {
            Self::TruncatedIsCached | Self::CrashClosesWell => "what is reported whole is the poem",
            Self::WaiterIsForgotten => "after the faults the node answers again",
            Self::RestartCountedTwice => "a restart counts once",
            Self::NameFreedLate => "the names of the dead are free",
        }
    }
}
