//! The reactor's time as Deferreds see it: for `add_timeout`, `defer_later` and the test kit.

use std::rc::Rc;
use std::time::Duration;

use super::clock::Clock;
use super::event_loop::Reactor;
use super::timers::{DelayedCall, TimerError, Timers};
use crate::deferred;
use crate::deferred::trial::Turn;

impl deferred::Clock for Timers {
    fn seconds(&self) -> Duration {
        self.now()
    }

    fn call_later(&self, delay: Duration, call: Box<dyn FnOnce()>) -> Rc<dyn deferred::DelayedCall> {
        Rc::new(Timers::call_later(self, delay, call))
    }
}

impl deferred::Clock for Reactor {
    fn seconds(&self) -> Duration {
        self.now()
    }

    fn call_later(&self, delay: Duration, call: Box<dyn FnOnce()>) -> Rc<dyn deferred::DelayedCall> {
        Rc::new(Reactor::call_later(self, delay, call))
    }
}

impl deferred::Clock for Clock {
    fn seconds(&self) -> Duration {
        self.now()
    }

    fn call_later(&self, delay: Duration, call: Box<dyn FnOnce()>) -> Rc<dyn deferred::DelayedCall> {
        Rc::new(Clock::call_later(self, delay, call))
    }
}

impl From<TimerError> for deferred::NotActive {
    fn from(error: TimerError) -> deferred::NotActive {
        match error {
            TimerError::AlreadyCalled => deferred::NotActive::Called,
            TimerError::AlreadyCancelled => deferred::NotActive::Cancelled,
        }
    }
}

impl deferred::DelayedCall for DelayedCall {
    fn active(&self) -> bool {
        self.is_active()
    }

    fn cancel(&self) -> Result<(), deferred::NotActive> {
        Ok(DelayedCall::cancel(self)?)
    }

    fn reset(&self, from_now: Duration) -> Result<(), deferred::NotActive> {
        Ok(DelayedCall::reset(self, from_now)?)
    }

    fn delay(&self, by: Duration) -> Result<(), deferred::NotActive> {
        Ok(DelayedCall::delay(self, by)?)
    }

    fn hasten(&self, by: Duration) -> Result<(), deferred::NotActive> {
        Ok(DelayedCall::hasten(self, by)?)
    }
}

/// Lets a [`Trial`](crate::deferred::trial::Trial) run a test on a reactor that is not in `run`.
impl Turn for Reactor {
    fn turn(&self, limit: Duration) -> bool {
        self.has_work() && self.iterate(limit).is_ok()
    }

    fn time(&self) -> Duration {
        self.now()
    }

    fn timers(&self) -> usize {
        self.delayed_calls().len()
    }
}

impl Reactor {
    /// What is still open, a line each: for [`Trial::leftovers`](crate::deferred::trial::Trial::leftovers) (TW-152).
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        let readers = self.readers().into_iter().map(|reader| reader.log_prefix());
        let writers = self.writers().into_iter().map(|writer| writer.log_prefix());
        let mut all: Vec<String> = readers.chain(writers).collect();
        all.sort();
        all.dedup();
        all
    }
}
