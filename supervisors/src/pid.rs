//! Who a process is.

use std::fmt;

/// The identity of a process: never reused, ordered by age within a node.
///
/// A local `Pid` carries its node's number and its own; comparing, copying and sending one costs nothing.
/// `creation` tells two lives of one node apart, as on the BEAM.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid {
    node: u32,
    creation: u32,
    serial: u64,
}

impl Pid {
    /// The pid numbered `serial` of the `creation`-th life of node `node`. A node hands these out; programs
    /// only need this to name a process in a test of their own.
    #[must_use]
    pub const fn new(node: u32, creation: u32, serial: u64) -> Self {
        Self { node, creation, serial }
    }

    /// The number within its node, counted from 1.
    #[must_use]
    pub const fn serial(self) -> u64 {
        self.serial
    }

    /// The number of its node, 0 for the local one.
    #[must_use]
    pub const fn node(self) -> u32 {
        self.node
    }

    /// Which life of its node it belongs to.
    #[must_use]
    pub const fn creation(self) -> u32 {
        self.creation
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}.{}>", self.node, self.serial)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
