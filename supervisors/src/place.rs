//! Where a process runs.

mod pool;
mod worker;

use actix::ArbiterHandle;

pub use pool::{ArbiterInfo, PlaceError, Places};
pub(crate) use pool::{Chosen, Pool};
pub(crate) use worker::{StartOf, Worker};

/// The thread a process is put on.
///
/// Waking a thread that is parked on another core costs tens of microseconds where a message on the same thread costs
/// a tenth of one: keep those who talk to each other on one thread.
///
/// The node's own arbiters ([`NodeBuilder::arbiters`](crate::NodeBuilder::arbiters)) are started when a child is first
/// put on them. Only they can be [abandoned](crate::WhenStuck::Abandon). If the node has none, all places but
/// [`Arbiter`](Self::Arbiter) are [`Local`](Self::Local).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Place {
    /// The thread of whoever starts it: for a child, its supervisor's. The default.
    #[default]
    Local,
    /// The thread of this arbiter, which is not the node's.
    Arbiter(ArbiterHandle),
    /// The node's own arbiters, each in turn: another one for each start, so a restarted child may move.
    RoundRobin,
    /// That of the node's own arbiters that has least to do: which was seen busy least often in the watchdog's last
    /// eight looks, then on which the fewest processes live, then the first.
    LeastBusy,
    /// The node's arbiter of this number, counted from 0. A child whose arbiter was abandoned starts again on the new
    /// one of the same number.
    Pinned(usize),
}

impl Place {
    /// Whether it is on the node's own arbiters.
    pub(crate) const fn is_own(&self) -> bool {
        matches!(self, Self::RoundRobin | Self::LeastBusy | Self::Pinned(_))
    }
}
