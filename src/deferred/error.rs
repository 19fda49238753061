//! The errors of this module: each its own type, so that an errback can [`trap`](super::Failure::trap) exactly one.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::Failure;

/// The `Deferred` was fired before (TW-007).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlreadyCalled {
    /// Where it was made; known while [debugging](super::set_debugging) is on.
    pub created: Option<&'static Location<'static>>,
    /// Where it was first fired; known while [debugging](super::set_debugging) is on.
    pub fired: Option<&'static Location<'static>>,
}

impl fmt::Display for AlreadyCalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "firing a deferred that was fired already")?;
        if let Some(place) = self.created {
            write!(f, "; made at {place}")?;
        }
        if let Some(place) = self.fired {
            write!(f, "; first fired at {place}")?;
        }
        Ok(())
    }
}

impl Error for AlreadyCalled {}

/// The result was not wanted any more (TW-019).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the deferred was cancelled")
    }
}

impl Error for Cancelled {}

/// The result did not come in time (TW-029).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// How long was waited.
    pub after: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waiting for a deferred: no result after {} s", self.after.as_secs_f64())
    }
}

impl Error for TimedOut {}

/// The result was passed on to somebody else before, and a value in Rust cannot be in two places.
///
/// Twisted leaves `None` behind instead (TW-012, TW-016); [`Deferred::leaving`](super::Deferred::leaving) says what to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent;

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "taking the result of a deferred: it was passed on before")
    }
}

impl Error for Spent {}

/// The first failure among several deferreds, where one failure was to end it (TW-038).
#[derive(Clone, Debug)]
pub struct FirstError {
    /// Which member failed, counted from 0.
    pub index: usize,
    /// How.
    pub failure: Failure,
}

impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waiting for several deferreds: number {} failed: {}", self.index, self.failure)
    }
}

impl Error for FirstError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.failure.error())
    }
}

/// Every runner of a [`race`](super::race()) failed (TW-044).
#[derive(Clone, Debug)]
pub struct FailureGroup {
    /// One a runner, in the order the runners were given.
    pub failures: Vec<Failure>,
}

impl fmt::Display for FailureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "racing {} deferreds: all failed", self.failures.len())?;
        if let Some(first) = self.failures.first() {
            write!(f, ", the first with: {first}")?;
        }
        Ok(())
    }
}

impl Error for FailureGroup {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.first().map(|failure| failure.error() as &(dyn Error + 'static))
    }
}

/// A coroutine waits for something that is no `Deferred`, so that nobody here could ever wake it.
///
/// Give such a future to [`Deferred::from_future`](super::Deferred::from_future) and its driver to a runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotADeferred;

impl fmt::Display for NotADeferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resuming a coroutine: it waits for something that is no deferred")
    }
}

impl Error for NotADeferred {}
