//! A looping call as a service.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::Service;
use crate::deferred::{Deferred, succeed};
use crate::reactor::looping_call::LoopingCall;
use crate::reactor::outcome::{BoxError, Outcome};
use crate::reactor::protocol::Handled;
use crate::reactor::timers::Timers;

/// Calls a function at each multiple of an interval while it runs (TW-123). Cheap to clone: a handle.
///
/// A call that fails ends the loop and is reported as an unhandled failure; the service still counts as running.
#[derive(Clone)]
pub struct TimerService {
    inner: Rc<Inner>,
}

type Function = dyn FnMut() -> Result<Option<Deferred<()>>, BoxError>;

struct Inner {
    timers: Timers,
    interval: Duration,
    function: Rc<RefCell<Function>>,
    looping: RefCell<Option<(LoopingCall, Deferred<()>)>>,
}

/// What one call of the function came to, handed through the loop.
struct Came(Result<Option<Deferred<()>>, BoxError>);

impl Outcome for Came {
    fn into_result(self) -> Result<(), BoxError> {
        self.0.map(drop)
    }

    fn into_later(self) -> Result<Option<Deferred<()>>, BoxError> {
        self.0
    }
}

impl TimerService {
    /// Will call `function` at its start, and then each `interval`.
    pub fn new<R: Outcome>(
        timers: &impl AsRef<Timers>,
        interval: Duration,
        mut function: impl FnMut() -> R + 'static,
    ) -> TimerService {
        let inner = Inner {
            timers: timers.as_ref().clone(),
            interval,
            function: Rc::new(RefCell::new(move || function().into_later())),
            looping: RefCell::new(None),
        };
        TimerService { inner: Rc::new(inner) }
    }

    /// Whether its loop still goes round: not stopped, and no call has failed.
    #[must_use]
    pub fn is_looping(&self) -> bool {
        self.inner.looping.borrow().as_ref().is_some_and(|(looping, _)| looping.is_running())
    }
}

impl Service for TimerService {
    fn start(&self) -> Handled {
        let function = Rc::clone(&self.inner.function);
        let looping = LoopingCall::new(&self.inner.timers, move || Came((function.borrow_mut())()));
        let ended = looping.start(self.inner.interval, true)?;
        *self.inner.looping.borrow_mut() = Some((looping, ended.map(drop)));
        Ok(())
    }

    /// Fires when the call under way, if there is one, is over.
    fn stop(&self) -> Deferred<()> {
        match self.inner.looping.take() {
            Some((looping, ended)) if looping.is_running() => {
                // Just seen running.
                let _ = looping.stop();
                ended
            }
            // A failed loop's failure is let go of here, and so reported.
            _ => succeed(()),
        }
    }
}

impl fmt::Debug for TimerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerService").field("interval", &self.inner.interval).finish_non_exhaustive()
    }
}
