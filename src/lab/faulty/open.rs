//! What is told of each connection, from the attempt to its close.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::lab::fault::NetFault;

/// A fact about a connection that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetFact {
    /// Counted from 1 within one network.
    pub connection: u64,
    /// Where to; of an accepted one, where it was.
    pub to: SocketAddr,
    /// What.
    pub what: NetChange,
}

/// What became of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetChange {
    /// It is asked for.
    Opening,
    /// It is there.
    Opened,
    /// It befell it: told once, when it shows for the first time.
    Struck(NetFault),
    /// It is over, on this side, or the attempt was.
    Closed,
}

impl fmt::Display for NetFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {} to {}: ", self.connection, self.to)?;
        match &self.what {
            NetChange::Opening => f.write_str("opening"),
            NetChange::Opened => f.write_str("opened"),
            NetChange::Struck(fault) => fault.fmt(f),
            NetChange::Closed => f.write_str("closed"),
        }
    }
}

/// Who is told.
pub type NetTell = Arc<dyn Fn(NetFact) + Send + Sync>;

/// One connection, or the attempt. Dropped, it is told to be closed.
pub(super) struct Open {
    tell: NetTell,
    connection: u64,
    to: SocketAddr,
    struck: bool,
    /// Of an accepted connection only what befalls it is told.
    accepted: bool,
}

impl Open {
    pub(super) fn new(tell: NetTell, connection: u64, to: SocketAddr) -> Self {
        let open = Self { tell, connection, to, struck: false, accepted: false };
        open.tell(NetChange::Opening);
        open
    }

    /// A connection that was accepted at this address.
    pub(super) fn accepted(tell: NetTell, connection: u64, at: SocketAddr) -> Self {
        Self { tell, connection, to: at, struck: false, accepted: true }
    }

    pub(super) fn tell(&self, what: NetChange) {
        (self.tell)(NetFact { connection: self.connection, to: self.to, what });
    }

    pub(super) fn struck(&mut self, fault: NetFault) {
        if !std::mem::replace(&mut self.struck, true) {
            self.tell(NetChange::Struck(fault));
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.accepted {
            self.tell(NetChange::Closed);
        }
    }
}
