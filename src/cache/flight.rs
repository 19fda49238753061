//! A fetch under way, and the two lines of those who wait: for this one, and for the next one.
//!
//! There is a next one when nobody may board this one any more: its poem streams and the beginning is gone, or an
//! operator purged the key and what this one brings is of before. Those who come then must neither get it nor cause a
//! second fetch beside it. They wait, all of them together, for one fetch after it.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::event::{FetchId, FetchKind, WaiterId};
use super::policy::Boarding;

/// Waiters by the number of their arrival: answered in that order.
pub(super) type Line = BTreeMap<u64, WaiterId>;

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The poem is being held until it is whole.
    Collecting,
    /// The poem is too large: those aboard follow it as it comes.
    Streaming,
}

#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: FetchId,
    pub(super) kind: FetchKind,
    pub(super) phase: Phase,
    /// False after a purge: the poem is for those aboard only.
    pub(super) keep: bool,
    /// A poem was held when it started, too old to be served at once.
    pub(super) revalidates: bool,
    /// The arrival of the one it was started for.
    pub(super) leader: Option<u64>,
    pub(super) aboard: Line,
    pub(super) next: Line,
    /// What the next one has to send; that of any in the line, as the key holds its digest.
    pub(super) next_input: Bytes,
    /// Its number among the deadlines, if it is a refresh.
    pub(super) deadline: Option<u64>,
}

impl Flight {
    pub(super) fn new(id: FetchId, kind: FetchKind) -> Flight {
        Flight {
            id,
            kind,
            phase: Phase::Collecting,
            keep: true,
            revalidates: false,
            leader: None,
            aboard: Line::new(),
            next: Line::new(),
            next_input: Bytes::new(),
            deadline: None,
        }
    }

    pub(super) fn boarding(&self) -> Boarding {
        match self.phase {
            Phase::Collecting if self.keep => Boarding::Open,
            Phase::Collecting | Phase::Streaming => Boarding::Closed,
        }
    }

    /// Both lines.
    pub(super) fn waiters(&self) -> usize {
        self.aboard.len() + self.next.len()
    }

    /// Whether it goes on with nobody aboard: only a background refresh whose poem will be kept.
    pub(super) fn wanted(&self) -> bool {
        let background = self.kind == FetchKind::Refresh && self.boarding() == Boarding::Open;
        background || !self.aboard.is_empty()
    }
}
