//! What happens to processes, as facts.

use std::fmt;
use std::sync::Arc;

use crate::supervisor::{ChildId, Report, Who};
use crate::{ExitReason, Pid};

/// A fact about the processes of a node, reported when it has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A child has ended, for whatever reason.
    Exited {
        /// Where in the tree.
        path: Path,
        /// Who.
        pid: Pid,
        /// Why.
        reason: ExitReason,
    },
    /// A supervisor reports: what OTP would log (section O of the conformance list), and restarts.
    Report {
        /// The path of the supervisor; empty for the root.
        supervisor: Arc<str>,
        /// What it reports.
        report: Report,
    },
    /// A fault that was armed has struck: the cause of what follows. Only with the feature `lab`.
    Struck {
        /// Where in the tree; of a process that is nobody's child, nothing.
        path: Option<Path>,
        /// Whom; of a child that was to be started, nobody yet.
        pid: Option<Pid>,
        /// What befell it, in words.
        fault: Arc<str>,
    },
}

/// Where in a supervision tree a child is: the path of its supervisor, and its id there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The path of the supervisor, from the root.
    pub supervisor: Arc<str>,
    /// The child's id.
    pub child: ChildId,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.supervisor.is_empty() {
            write!(f, "{}/", self.supervisor)?;
        }
        write!(f, "{}", self.child)
    }
}

/// A line for people.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { path, pid, reason } => write!(f, "{path} {pid} exited: {reason}"),
            Self::Report { supervisor, report: Report::Progress { child, .. } } => {
                let path = Path { supervisor: Arc::clone(supervisor), child: child.id.clone() };
                write!(f, "{path}")?;
                if let Who::Child(pid) = child.who
                    && let Some(pid) = pid.running()
                {
                    write!(f, " {pid}")?;
                }
                f.write_str(" started")
            }
            Self::Report { supervisor, report } => {
                let supervisor = if supervisor.is_empty() { "the root" } else { supervisor };
                write!(f, "{supervisor}: {report}")
            }
            Self::Struck { path, pid, fault } => {
                write!(f, "FAULT: {fault}")?;
                path.iter().try_for_each(|path| write!(f, " of {path}"))?;
                pid.iter().try_for_each(|pid| write!(f, " {pid}"))
            }
        }
    }
}
