//! A clock for tests: time stands still until the test moves it.

use std::cell::Cell;
use std::time::Duration;

use super::outcome::{BoxError, Outcome};
use super::timers::{DelayedCall, TimeSource, Timers};

/// Delayed calls on a time that only [`advance`](Clock::advance) moves: Twisted's `task.Clock`.
///
/// Whatever takes `&impl AsRef<Timers>` runs on a reactor or on one of these, without knowing.
#[derive(Debug, Clone)]
pub struct Clock {
    timers: Timers,
}

impl Clock {
    /// A clock that stands at zero.
    #[must_use]
    pub fn new() -> Clock {
        Clock { timers: Timers::new(TimeSource::Manual(Cell::new(Duration::ZERO))) }
    }

    /// The time it stands at.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.timers.now()
    }

    /// As [`Timers::call_later`].
    pub fn call_later<R: Outcome>(&self, after: Duration, call: impl FnOnce() -> R + 'static) -> DelayedCall {
        self.timers.call_later(after, call)
    }

    /// Every call that is still to come, the next one first.
    #[must_use]
    pub fn delayed_calls(&self) -> Vec<DelayedCall> {
        self.timers.delayed_calls()
    }

    /// Moves the time `by`, then runs everything that is due (TW-065): each call sees the final time, and what it
    /// schedules with no delay runs before this returns.
    ///
    /// # Errors
    /// The error of the first call that returns one; it ends the advance, and the calls due after it stay pending,
    /// as when Twisted's raises. A panic passes through in the same way.
    pub fn advance(&self, by: Duration) -> Result<(), BoxError> {
        self.timers.set_now(self.now().saturating_add(by));
        let now = self.now();
        while let Some(call) = self.timers.take_due(now, u64::MAX) {
            call()?;
        }
        Ok(())
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}

impl AsRef<Timers> for Clock {
    fn as_ref(&self) -> &Timers {
        &self.timers
    }
}
