//! What happens to processes, as facts.

use std::sync::Arc;

use crate::{ExitReason, Pid};

/// A fact about the processes of a node, reported when it has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A child runs: its `started()` has returned.
    Started {
        /// Where in the tree.
        path: Path,
        /// Who.
        pid: Pid,
    },
    /// A child has ended.
    Exited {
        /// Where in the tree.
        path: Path,
        /// Who.
        pid: Pid,
        /// Why.
        reason: ExitReason,
    },
}

/// Where in a supervision tree a child is: the path of its supervisor, and its id there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The path of the supervisor, from the root.
    pub supervisor: Arc<str>,
    /// The child's id.
    pub child: Arc<str>,
}
