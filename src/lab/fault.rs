//! The closed vocabulary of faults on a network.

use std::fmt;
use std::time::Duration;

/// A direction, as seen from the side of a connection that a fault befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// What this side reads.
    In,
    /// What it writes.
    Out,
    /// Either.
    Both,
}

/// What befalls one connection, seen from one of its sides.
///
/// Bytes are counted as they pass this side, those read and those written together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetFault {
    /// It is refused; an accepted one is reset at once.
    Refused,
    /// Connecting takes so much longer, and each piece that is read comes so much later than the one before.
    Late {
        /// At least so much.
        by: Duration,
        /// And at most so much more, drawn each time.
        jitter: Duration,
    },
    /// No more bytes a second than these, in either direction.
    Bandwidth {
        /// Bytes a second, at least 1. They pass in portions of a twentieth of that.
        rate: u32,
    },
    /// It is read slowly: so many bytes, a pause, the next ones.
    Slow {
        /// Bytes at a time, at least 1.
        bytes: usize,
        /// The pause before each.
        pause: Duration,
    },
    /// It is written in slices: so many bytes, a pause, the next ones.
    Sliced {
        /// Bytes at a time, at least 1.
        bytes: usize,
        /// The pause after each.
        pause: Duration,
    },
    /// It is reset, for both ends, once so many bytes have passed.
    Reset {
        /// How many.
        after: usize,
    },
    /// It ends well, and too early, once so many bytes have passed: only a framing can tell. Of a connection that this
    /// side asked for, what is read ends; of an accepted one, what is written.
    Truncated {
        /// How many.
        after: usize,
    },
    /// Nothing passes any more, once so many bytes have; nobody is told, until a side gives the connection up.
    Cut {
        /// How many.
        after: usize,
        /// In which direction.
        way: Way,
    },
}

impl NetFault {
    /// Its name in a count of what was met.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused => "refused connect",
            Self::Late { .. } => "latency",
            Self::Bandwidth { .. } => "little bandwidth",
            Self::Slow { .. } => "slow reader",
            Self::Sliced { .. } => "sliced writes",
            Self::Reset { .. } => "reset",
            Self::Truncated { .. } => "truncated stream",
            Self::Cut { way: Way::Both, .. } => "cut",
            Self::Cut { .. } => "cut one way",
        }
    }
}

impl fmt::Display for NetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::Late { by, jitter } => write!(f, "late by {by:?} to {:?}", *by + *jitter),
            Self::Bandwidth { rate } => write!(f, "{rate} bytes a second"),
            Self::Slow { bytes, pause } => write!(f, "read by {bytes} bytes each {pause:?}"),
            Self::Sliced { bytes, pause } => write!(f, "written by {bytes} bytes each {pause:?}"),
            Self::Reset { after } => write!(f, "reset after {after} bytes"),
            Self::Truncated { after } => write!(f, "ended after {after} bytes"),
            Self::Cut { after, way } => {
                write!(f, "cut after {after} bytes")?;
                match way {
                    Way::In => f.write_str(", what is read"),
                    Way::Out => f.write_str(", what is written"),
                    Way::Both => Ok(()),
                }
            }
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
    /// Of [`NetFault::Bandwidth`].
    pub bandwidth: u8,
    /// Of [`NetFault::Slow`].
    pub slow: u8,
    /// Of [`NetFault::Sliced`].
    pub sliced: u8,
    /// Of [`NetFault::Reset`].
    pub reset: u8,
    /// Of [`NetFault::Truncated`]. Of use only where a framing can tell.
    pub truncated: u8,
    /// Of [`NetFault::Cut`], half of them both ways.
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
        let (by, bytes, rate) =
            (Duration::from_millis(rng.u64(20..500)), rng.usize(50..1500), rng.u32(2_000..100_000));
        let way = [Way::In, Way::Out, Way::Both, Way::Both][rng.usize(..4)];
        let pause = by / 20;
        let faults = [
            (self.refused, NetFault::Refused),
            (self.late, NetFault::Late { by, jitter: by / 2 }),
            (self.bandwidth, NetFault::Bandwidth { rate }),
            (self.slow, NetFault::Slow { bytes, pause }),
            (self.sliced, NetFault::Sliced { bytes, pause }),
            (self.reset, NetFault::Reset { after }),
            (self.truncated, NetFault::Truncated { after }),
            (self.cut, NetFault::Cut { after, way }),
        ];
        let mut sum = 0_u8;
        faults.into_iter().find_map(|(percent, fault)| {
            sum = sum.saturating_add(percent);
            (roll < sum).then_some(fault)
        })
    }
}
