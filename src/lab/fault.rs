//! The closed vocabulary of faults on a network.

use std::fmt;
use std::time::Duration;

/// What befalls one connection, seen from the side that connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetFault {
    /// It is refused.
    Refused,
    /// Each piece that is read comes so much later than the one before.
    Late {
        /// How much.
        by: Duration,
    },
    /// It is read slowly: so many bytes, a pause, the next ones.
    Slow {
        /// Bytes at a time, at least 1.
        bytes: usize,
        /// The pause after each.
        pause: Duration,
    },
    /// It is reset, for both ends, once so many bytes were read.
    Reset {
        /// How many.
        after: usize,
    },
    /// It ends well, and too early, once so many bytes were read: only a framing can tell.
    Truncated {
        /// How many.
        after: usize,
    },
    /// Nothing comes any more, and nothing arrives, once so many bytes were read; nobody is told.
    Cut {
        /// How many.
        after: usize,
    },
}

impl NetFault {
    /// Its name in a count of what was met.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused => "refused connect",
            Self::Late { .. } => "latency",
            Self::Slow { .. } => "slow reader",
            Self::Reset { .. } => "reset",
            Self::Truncated { .. } => "truncated stream",
            Self::Cut { .. } => "cut",
        }
    }
}

impl fmt::Display for NetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::Late { by } => write!(f, "late by {by:?}"),
            Self::Slow { bytes, pause } => write!(f, "read by {bytes} bytes each {pause:?}"),
            Self::Reset { after } => write!(f, "reset after {after} bytes"),
            Self::Truncated { after } => write!(f, "ended after {after} bytes"),
            Self::Cut { after } => write!(f, "cut after {after} bytes"),
        }
    }
}

/// How likely each fault is for a connection, in percent; what is left of 100 is the part of those that have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// Of [`NetFault::Refused`].
    pub refused: u8,
    /// Of [`NetFault::Late`].
    pub late: u8,
    /// Of [`NetFault::Slow`].
    pub slow: u8,
    /// Of [`NetFault::Reset`].
    pub reset: u8,
    /// Of [`NetFault::Truncated`]. Of use only where a framing can tell.
    pub truncated: u8,
    /// Of [`NetFault::Cut`].
    pub cut: u8,
    /// Faults that happen after some bytes do after less than so many; half of them within the first hundredth. At
    /// least 1.
    pub within: usize,
}

impl Odds {
    /// The fate of one connection.
    pub fn draw(&self, rng: &mut fastrand::Rng) -> Option<NetFault> {
        let roll = rng.u8(..100);
        let within = if rng.bool() { self.within } else { self.within.div_ceil(100) };
        let after = rng.usize(..within.max(1));
        let (by, bytes) = (Duration::from_millis(rng.u64(20..500)), rng.usize(50..1500));
        let faults = [
            (self.refused, NetFault::Refused),
            (self.late, NetFault::Late { by }),
            (self.slow, NetFault::Slow { bytes, pause: by / 20 }),
            (self.reset, NetFault::Reset { after }),
            (self.truncated, NetFault::Truncated { after }),
            (self.cut, NetFault::Cut { after }),
        ];
        let mut sum = 0_u8;
        faults.into_iter().find_map(|(percent, fault)| {
            sum = sum.saturating_add(percent);
            (roll < sum).then_some(fault)
        })
    }
}
