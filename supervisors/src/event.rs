//! What happens to processes, as facts.

#[cfg(feature = "tracing")]
pub(crate) mod trace;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::process::Object;
use crate::supervisor::{ChildId, Report, Who};
use crate::watch::WhenStuck;
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
    /// The watchdog: a turn has not ended for as long as it may last. Said again each time it has lasted twice as long.
    Stuck {
        /// Whose turn it is.
        who: Subject,
        /// The name of its thread.
        thread: Arc<str>,
        /// How long it has lasted at least.
        lasting: Duration,
        /// What is done about it.
        response: WhenStuck,
    },
    /// The watchdog has given up an arbiter. The deaths of those who lived on it are told by their supervisors.
    Abandoned {
        /// Its number.
        arbiter: usize,
        /// On whose account; `None` if a start function is stuck, before there is a process.
        stuck: Option<Pid>,
        /// How many processes died with it.
        processes: usize,
    },
    /// The watchdog: processes call each other in a circle and have waited for as long as a turn may last. Unless one of
    /// them handles mail while it waits, none will ever be answered before its time-out.
    CallCycle {
        /// Each calls the next one, the last calls the first.
        calls: Vec<Subject>,
    },
    /// A mailbox is full, and refuses mail or drops it by its [policy](crate::Overflow). Said at once, then at most once a second for each process, and only when it
    /// refuses again.
    Overloaded {
        /// Whose.
        who: Subject,
        /// Messages refused or dropped since it was said the last time.
        refused: u64,
        /// Messages waiting.
        waiting: usize,
    },
    /// There is no watchdog, though there should be: its thread could not be started.
    WatchdogFailed {
        /// Why.
        error: Arc<str>,
    },
}

/// A process, as an event names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// Who; `None` for a child that is being started and has no process yet.
    pub pid: Option<Pid>,
    /// Where in the tree, if it is a supervisor's child.
    pub path: Option<Path>,
    /// The type of its actor, if known.
    pub actor: Option<&'static str>,
}

impl Subject {
    pub(crate) fn of(process: &Arc<dyn Object>) -> Self {
        let control = process.control();
        Self { pid: Some(control.pid), path: control.path(), actor: Some(process.actor()) }
    }
}

/// As much as is known: `pool/worker <0.7> (my::Worker)`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.pid) {
            (Some(path), Some(pid)) => write!(f, "{path} {pid}")?,
            (Some(path), None) => write!(f, "the start of {path}")?,
            (None, Some(pid)) => write!(f, "{pid}")?,
            (None, None) => f.write_str("a start")?,
        }
        self.actor.map_or(Ok(()), |actor| write!(f, " ({actor})"))
    }
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
            Self::Stuck { who, thread, lasting, response } => {
                write!(f, "{who} is stuck: its turn lasts {lasting:.1?} on thread {thread}")?;
                f.write_str(match response {
                    WhenStuck::Report => "",
                    WhenStuck::Abandon => ", which is abandoned",
                    WhenStuck::Exit => ": the program ends",
                })
            }
            Self::Abandoned { arbiter, stuck, processes } => {
                write!(f, "arbiter {arbiter} was abandoned, and {processes} processes with it")?;
                stuck.map_or(Ok(()), |pid| write!(f, ", because {pid} is stuck"))
            }
            Self::CallCycle { calls } => {
                f.write_str("calls in a circle: ")?;
                calls
                    .iter()
                    .chain(calls.first())
                    .enumerate()
                    .try_for_each(|(number, who)| write!(f, "{}{who}", if number == 0 { "" } else { " -> " }))
            }
            Self::Overloaded { who, refused, waiting } => {
                write!(f, "{who} refused or dropped {refused} messages: {waiting} wait already")
            }
            Self::WatchdogFailed { error } => write!(f, "there is no watchdog: {error}"),
        }
    }
}
