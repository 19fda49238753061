//! What befalls a process of a tree.

use std::fmt;

use crate::supervisor::TreeNode;
use crate::{ExitReason, Pid, Process};

/// A fault of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActorFault {
    /// It panics in its own turn.
    Crash,
    /// It is killed (OTP-149).
    Kill,
    /// It ends with an error.
    Fail,
    /// It is asked to stop, by nobody who may.
    Stop,
}

impl ActorFault {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Crash, Self::Kill, Self::Fail, Self::Stop];

    /// Its name in a count of what was met.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "actor crash",
            Self::Kill => "actor kill",
            Self::Fail => "actor failure",
            Self::Stop => "actor stop",
        }
    }

    /// Does it to `process`.
    pub fn strike(self, process: &Process) {
        match self {
            Self::Crash => process.crash("a fault, as planned"),
            Self::Kill => process.kill(),
            Self::Fail => process.exit(ExitReason::failed("a fault, as planned")),
            Self::Stop => process.stop(),
        }
    }
}

/// Whom a fault befell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its place: ids from the root's child on, with `/` between them; the root's own id for the root.
    pub path: String,
    /// Who it was.
    pub pid: Pid,
    /// What befell it.
    pub fault: ActorFault,
}

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {}", self.fault.name(), self.path, self.pid)
    }
}

/// Strikes the process of `tree` that `roll` falls on, the same for the same roll and tree. None if nobody lives.
pub fn strike(tree: &TreeNode, roll: u64, fault: ActorFault) -> Option<Struck> {
    let mut living = Vec::new();
    collect(tree, "", &mut living);
    let count = u64::try_from(living.len()).unwrap_or(u64::MAX);
    let index = usize::try_from(roll.checked_rem(count)?).unwrap_or_default();
    let (path, process) = living.swap_remove(index);
    let pid = process.pid();
    fault.strike(&process);
    Some(Struck { path, pid, fault })
}

fn collect(node: &TreeNode, home: &str, living: &mut Vec<(String, Process)>) {
    let path = if home.is_empty() { node.id.to_string() } else { format!("{home}/{}", node.id) };
    if let Some(process) = node.process.clone().filter(Process::is_alive) {
        living.push((path.clone(), process));
    }
    for child in &node.children {
        collect(child, &path, living);
    }
}
