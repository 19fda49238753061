//! Calling something again and again: Twisted's `task.LoopingCall`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::outcome::{BoxError, Outcome, Raised, catch};
use super::timers::{DelayedCall, Timers};
use crate::deferred::{Deferred, Failure};

#[cfg(test)]
mod tests;

/// Why a looping call did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoopError {
    /// `start` while it runs (TW-068).
    #[error("cannot start a looping call that is running")]
    AlreadyRunning,
    /// `stop` or `reset` when it does not run (TW-071).
    #[error("cannot stop or reset a looping call that is not running")]
    NotRunning,
}

type Function = Box<dyn FnMut(u64) -> Result<Option<Deferred<()>>, BoxError>>;

/// Calls a function at each multiple of an interval, until stopped or the function fails. Cheap to clone: a handle.
///
/// Ticks that are missed, because the loop or the function took too long, are skipped and not made up (TW-069).
#[derive(Clone)]
pub struct LoopingCall {
    inner: Rc<Inner>,
}

struct Inner {
    timers: Timers,
    function: RefCell<Function>,
    counting: bool,
    interval: Cell<Duration>,
    run_at_start: Cell<bool>,
    started: Cell<Duration>,
    /// When it was last called with a count.
    last: Cell<Option<Duration>>,
    running: Cell<bool>,
    call: RefCell<Option<DelayedCall>>,
    ended: RefCell<Option<Deferred<LoopingCall>>>,
}

impl LoopingCall {
    /// One that will call `function`, in the time of a reactor or test clock. A function that returns a Deferred is
    /// not called again before that has fired (TW-073).
    pub fn new<R: Outcome>(
        timers: &impl AsRef<Timers>,
        mut function: impl FnMut() -> R + 'static,
    ) -> LoopingCall {
        LoopingCall::make(timers.as_ref(), false, Box::new(move |_| function().into_later()))
    }

    /// As [`LoopingCall::new`]; the function is told how many intervals have passed since its last call: 1, unless
    /// some were missed (TW-070).
    pub fn with_count<R: Outcome>(
        timers: &impl AsRef<Timers>,
        mut function: impl FnMut(u64) -> R + 'static,
    ) -> LoopingCall {
        LoopingCall::make(timers.as_ref(), true, Box::new(move |count| function(count).into_later()))
    }

    fn make(timers: &Timers, counting: bool, function: Function) -> LoopingCall {
        let inner = Inner {
            timers: timers.clone(),
            function: RefCell::new(function),
            counting,
            interval: Cell::new(Duration::ZERO),
            run_at_start: Cell::new(true),
            started: Cell::new(Duration::ZERO),
            last: Cell::new(None),
            running: Cell::new(false),
            call: RefCell::new(None),
            ended: RefCell::new(None),
        };
        LoopingCall { inner: Rc::new(inner) }
    }

    /// Starts it: the first call is made now, before this returns, if `now`, else after one interval (TW-068). An
    /// interval of zero is one call a turn of the loop (TW-073).
    ///
    /// The Deferred fires when it is stopped, with itself, and fails when its function does (TW-071, TW-072).
    ///
    /// # Errors
    /// When it is running.
    pub fn start(&self, interval: Duration, now: bool) -> Result<Deferred<LoopingCall>, LoopError> {
        if self.inner.running.replace(true) {
            return Err(LoopError::AlreadyRunning);
        }
        let ended = Deferred::new();
        *self.inner.ended.borrow_mut() = Some(ended.clone());
        self.inner.interval.set(interval);
        self.inner.run_at_start.set(now);
        self.inner.started.set(self.inner.timers.now());
        self.inner.last.set(None);
        if now {
            self.call();
        } else {
            self.schedule();
        }
        Ok(ended)
    }

    /// Makes no further call. The Deferred of `start` fires now, or when the Deferred of the call under way does.
    ///
    /// # Errors
    /// When it is not running.
    pub fn stop(&self) -> Result<(), LoopError> {
        if !self.inner.running.replace(false) {
            return Err(LoopError::NotRunning);
        }
        let call = self.inner.call.take();
        if let Some(call) = call {
            // Pending: had it been called, it would have taken itself off.
            let _ = call.cancel();
            self.fire(None);
        }
        Ok(())
    }

    /// Begins a new interval now.
    ///
    /// # Errors
    /// When it is not running.
    pub fn reset(&self) -> Result<(), LoopError> {
        if !self.inner.running.get() {
            return Err(LoopError::NotRunning);
        }
        let call = self.inner.call.take();
        if let Some(call) = call {
            let _ = call.cancel();
            self.inner.started.set(self.inner.timers.now());
            self.schedule();
        }
        Ok(())
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.inner.running.get()
    }

    fn call(&self) {
        self.inner.call.take();
        let mut later = None;
        let result = catch(|| -> Result<(), BoxError> {
            let Some(count) = self.count() else { return Ok(()) };
            later = (self.inner.function.borrow_mut())(count)?;
            Ok(())
        });
        match (result, later) {
            (Err(raised), _) => self.failed(raised),
            (Ok(()), None) => self.go_on(),
            (Ok(()), Some(later)) => {
                let (well, badly) = (self.clone(), self.clone());
                later.add_callbacks(
                    move |()| well.go_on(),
                    move |failure: Failure| badly.failed(Raised::from(BoxError::from(failure))),
                );
            }
        }
    }

    fn go_on(&self) {
        if self.inner.running.get() { self.schedule() } else { self.fire(None) }
    }

    fn failed(&self, raised: Raised) {
        self.inner.running.set(false);
        self.fire(Some(raised));
    }

    fn fire(&self, raised: Option<Raised>) {
        let ended = self.inner.ended.take();
        if let Some(ended) = ended {
            // Nobody else has it to fire.
            let _ = match raised {
                None => ended.callback(self.clone()),
                Some(raised) => ended.errback(raised),
            };
        }
    }

    /// The next call: at the next multiple of the interval from the start.
    fn schedule(&self) {
        let interval = self.inner.interval.get();
        let running_for = self.inner.timers.now().saturating_sub(self.inner.started.get());
        let into = running_for.as_nanos().checked_rem(interval.as_nanos()).unwrap_or(0);
        let wait = interval.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX)));
        let again = self.clone();
        *self.inner.call.borrow_mut() = Some(self.inner.timers.call_later(wait, move || again.call()));
    }

    /// How many intervals have passed since the last call; `None` if not even one, so that no call is due.
    fn count(&self) -> Option<u64> {
        if !self.inner.counting || self.inner.interval.get().is_zero() {
            return Some(1);
        }
        let now = self.inner.timers.now();
        let interval_of = |time: Duration| {
            let passed = time.saturating_sub(self.inner.started.get()).as_nanos()
                / self.inner.interval.get().as_nanos();
            i128::try_from(passed).unwrap_or(i128::MAX)
        };
        let last = match self.inner.last.get() {
            Some(last) => interval_of(last),
            None if self.inner.run_at_start.get() => -1,
            None => 0,
        };
        let count = u64::try_from(interval_of(now) - last).ok().filter(|count| *count > 0)?;
        self.inner.last.set(Some(now));
        Some(count)
    }
}

impl fmt::Debug for LoopingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { interval, running, .. } = &*self.inner;
        f.debug_struct("LoopingCall")
            .field("interval", &interval.get())
            .field("running", &running.get())
            .finish()
    }
}
