//! What a supervisor says about its children: the facts of OTP's supervisor and progress reports.

use std::fmt;
use std::time::Duration;

use super::spec::{ChildId, ChildKind, ChildPolicy, Restart, Shutdown};
use crate::exit::ExitReason;
use crate::pid::Pid;

/// One fact (OTP-142). All but [`Progress`](Self::Progress) and [`Restarting`](Self::Restarting) are errors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// A child runs (OTP-145).
    Progress {
        /// The child, with its new pid.
        child: Offender,
        /// Whether a caller asked for it; OTP 28 and later tell those at debug level, the others at info.
        requested: bool,
    },
    /// A child ended on its own and not for good (OTP-062 to OTP-065).
    ChildTerminated {
        /// The child, with the pid that ended.
        child: Offender,
        /// Why it ended.
        reason: ExitReason,
    },
    /// A child did not start, at the supervisor's start or at a restart (OTP-024, OTP-088). Never told for a
    /// start that a caller asked for (OTP-039).
    StartError {
        /// The child, with the pid it had before, if any.
        child: Offender,
        /// Why it did not start.
        reason: ExitReason,
    },
    /// A child that was being stopped ended otherwise than asked (OTP-100, OTP-101).
    ShutdownError {
        /// The child, or how many of them (OTP-117).
        child: Offender,
        /// Why it ended.
        reason: ExitReason,
    },
    /// The supervisor gives up: more restarts than its intensity allows (OTP `reached_max_restart_intensity`,
    /// OTP-080).
    ReachedMaxIntensity {
        /// The child whose restart was one too many.
        child: Offender,
    },
    /// A restart is about to be tried. OTP has no such report; it says which of the allowed restarts this is.
    Restarting {
        /// The child whose end, or whose failed start, is answered by this restart.
        child: Offender,
        /// Which of how many.
        attempt: Attempt,
        /// How long the child's [`Backoff`](super::Backoff) lets it wait first; zero without one.
        after: Duration,
    },
}

/// A restart among those its supervisor allows. One attempt may restart several children (OTP-085), and a failed
/// one counts (OTP-086).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// How many restarts fall into the window, this one included; at most `intensity`.
    pub number: u32,
    /// How many are allowed within `period`.
    pub intensity: u32,
    /// The length of the window.
    pub period: Duration,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {} of {} in {:?}", self.number, self.intensity, self.period)
    }
}

/// The process of a child, as its supervisor knows it: OTP's `pid | undefined | restarting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChildPid {
    /// None: stopped by request, ended for good, or ignored at its start.
    Undefined,
    /// This one.
    Running(Pid),
    /// None yet: its last start failed and another try waits in the supervisor's mailbox, or its
    /// [`Backoff`](super::Backoff) lets it wait. The pid is the one it
    /// had before, if it was the child whose end began the restart.
    Restarting(Option<Pid>),
}

impl ChildPid {
    /// The process that runs, if one does.
    #[must_use]
    pub const fn running(self) -> Option<Pid> {
        match self {
            Self::Running(pid) => Some(pid),
            Self::Undefined | Self::Restarting(_) => None,
        }
    }

    /// What becomes of it when a restart fails.
    pub(crate) const fn restarting(self) -> Self {
        match self {
            Self::Running(pid) => Self::Restarting(Some(pid)),
            other => other,
        }
    }
}

/// Whom a report is about: one child, or how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// One child, with the process it had or has.
    Child(ChildPid),
    /// So many children made from one template (OTP `nb_children`).
    Count(usize),
}

/// The child a report is about (OTP `offender`): its policy, and its process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offender {
    /// Its process, or how many it stands for.
    pub who: Who,
    /// Its id. A dynamic supervisor does not use it, but it may tell a reader what the child was.
    pub id: ChildId,
    /// When it is restarted.
    pub restart: Restart,
    /// Whether its end counts for automatic shutdown.
    pub significant: bool,
    /// How it is stopped.
    pub shutdown: Shutdown,
    /// What it is.
    pub kind: ChildKind,
}

impl Offender {
    pub(crate) fn new(policy: &ChildPolicy, who: Who) -> Self {
        Self {
            who,
            id: policy.id.clone(),
            restart: policy.restart,
            significant: policy.significant,
            shutdown: policy.shutdown,
            kind: policy.kind,
        }
    }
}

/// A line for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Progress { child, .. } => write!(f, "{} started", child.id),
            Self::ChildTerminated { child, reason } => write!(f, "{} terminated: {reason}", child.id),
            Self::StartError { child, reason } => write!(f, "{} did not start: {reason}", child.id),
            Self::ShutdownError { child, reason } => {
                write!(f, "{} did not stop as asked: {reason}", child.id)
            }
            Self::ReachedMaxIntensity { child } => {
                write!(f, "gave up: {} crashed more often than allowed", child.id)
            }
            Self::Restarting { child, attempt, after } if after.is_zero() => {
                write!(f, "restarting {}, {attempt}", child.id)
            }
            Self::Restarting { child, attempt, after } => {
                write!(f, "restarting {} after {after:?}, {attempt}", child.id)
            }
        }
    }
}
