//! What a supervisor answers when asked about its children.

use std::time::Duration;

use super::report::ChildPid;
use super::spec::{ChildId, ChildKind};
use crate::pid::Pid;
use crate::process::Process;

/// A child in the answer of `which_children` (OTP-055).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its id; `None` under a dynamic supervisor, whose children are told apart by pid (OTP-107).
    pub id: Option<ChildId>,
    /// Its process.
    pub pid: ChildPid,
    /// What it is.
    pub kind: ChildKind,
    /// When it will be started again, by the node's clock, if it waits for that by its [`Backoff`](super::Backoff).
    pub due: Option<Duration>,
}

/// The answer of `count_children` (OTP-058, OTP-059, OTP-196).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildCounts {
    /// Entries in the supervisor's table; always 1 for a template.
    pub specs: usize,
    /// Children whose process is alive.
    pub active: usize,
    /// Children that are supervisors, alive or not.
    pub supervisors: usize,
    /// Children that are workers, alive or not.
    pub workers: usize,
}

impl ChildCounts {
    pub(crate) const fn add(&mut self, kind: ChildKind, active: bool) {
        match kind {
            ChildKind::Supervisor => self.supervisors += 1,
            ChildKind::Worker => self.workers += 1,
        }
        if active {
            self.active += 1;
        }
    }
}

/// How a caller names a child: by id, or, under a dynamic supervisor, by pid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildRef {
    /// By id.
    Id(ChildId),
    /// By pid.
    Pid(Pid),
    /// By its process, which, unlike its pid, can be asked whether it is alive.
    Process(Process),
}

impl ChildRef {
    /// The same for a plan, which knows pids only, and whether what it names is known to be alive.
    pub(super) fn resolve(self) -> (Self, bool) {
        match self {
            Self::Process(process) => (Self::Pid(process.pid()), process.is_alive()),
            other => (other, false),
        }
    }
}

impl From<&str> for ChildRef {
    fn from(id: &str) -> Self {
        Self::Id(id.into())
    }
}

impl From<ChildId> for ChildRef {
    fn from(id: ChildId) -> Self {
        Self::Id(id)
    }
}

impl From<Pid> for ChildRef {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

impl From<Process> for ChildRef {
    fn from(process: Process) -> Self {
        Self::Process(process)
    }
}

impl From<&Process> for ChildRef {
    fn from(process: &Process) -> Self {
        Self::Process(process.clone())
    }
}
