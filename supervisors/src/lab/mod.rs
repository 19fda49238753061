//! The parts of a fault lab that any program of supervised actors can use.
//!
//! - [`Fault`]: what befalls a process at a message, at a named point of its code or at its start, armed with
//!   [`Node::arm`](crate::Node::arm).
//! - [`Timetable`]: what is to happen when, drawn from a seed by whoever knows what can.
//! - [`ActorFault`] and [`strike`]: what befalls a process of a tree.
//! - [`laws`]: what a history of events must be, whatever happened: pure functions, the same for a simulation and for a
//!   program that runs.
//! - [`Census`]: who lives, seen again and again: no process outlives its supervisor.
//! - [`sweep`]: many seeds on all cores; [`Met`] counts what was met, because a run in which nothing happened proves
//!   nothing.
//!
//! Behind the feature `lab`.

mod census;
mod fault;
pub mod laws;
mod met;
#[doc(hidden)]
pub mod planted;
mod points;
mod sweep;
mod timetable;

pub use census::Census;
pub use fault::{ActorFault, Struck, strike};
pub use met::Met;
pub use points::{Effect, Fault, FaultGuard, When};
pub(crate) use points::{Gate, Moment, Points, Strike, failed_start};
pub use sweep::{Outcome, Summary, sweep};
pub use timetable::Timetable;

use std::fmt;
use std::time::Duration;

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The law, as a sentence.
    pub law: &'static str,
    /// When it showed.
    pub at: Duration,
    /// By whom and how.
    pub how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s: {}: {}", self.at.as_secs_f64(), self.law, self.how)
    }
}
