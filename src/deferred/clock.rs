//! Time as deferreds see it, and a clock that moves only when told.
//!
//! A reactor's `call_later` or a runtime's timers implement [`Clock`] in a few lines; this module needs none of them.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::{Deferred, Failure};

/// Something that calls later.
pub trait Clock {
    /// The time since some fixed moment.
    fn seconds(&self) -> Duration;
    /// Calls `call` once, `delay` from now at the earliest, never from inside this method.
    fn call_later(&self, delay: Duration, call: Box<dyn FnOnce()>) -> Rc<dyn DelayedCall>;
}

/// A call that a [`Clock`] will make.
pub trait DelayedCall {
    /// Whether the call is still to come.
    fn active(&self) -> bool;
    /// Takes it back.
    ///
    /// # Errors
    /// [`NotActive`] if it was made or taken back before (TW-066).
    fn cancel(&self) -> Result<(), NotActive>;
    /// Makes it due `from_now`, earlier or later than it was (TW-067).
    ///
    /// # Errors
    /// As [`DelayedCall::cancel`].
    fn reset(&self, from_now: Duration) -> Result<(), NotActive>;
    /// Moves the time at which it is due by `by`, on from what it was (TW-067).
    ///
    /// # Errors
    /// As [`DelayedCall::cancel`].
    fn delay(&self, by: Duration) -> Result<(), NotActive>;
    /// Moves the time at which it is due back by `by`, at most to now.
    ///
    /// # Errors
    /// As [`DelayedCall::cancel`].
    fn hasten(&self, by: Duration) -> Result<(), NotActive>;
}

/// The call is not to come any more (TW-066).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotActive {
    /// It was taken back.
    Cancelled,
    /// It was made.
    Called,
}

impl fmt::Display for NotActive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => write!(f, "changing a delayed call: it was cancelled before"),
            Self::Called => write!(f, "changing a delayed call: it was made before"),
        }
    }
}

impl Error for NotActive {}

/// A clock for tests: it stands still until [`TestClock::advance`].
#[derive(Clone, Default)]
pub struct TestClock {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    now: Cell<Duration>,
    next: Cell<u64>,
    calls: RefCell<Vec<Rc<Call>>>,
}

struct Call {
    due: Cell<Duration>,
    /// Equal times are called in the order they were asked for, or last moved.
    order: Cell<u64>,
    call: RefCell<Option<Box<dyn FnOnce()>>>,
    end: Cell<Option<NotActive>>,
    clock: std::rc::Weak<Inner>,
}

impl TestClock {
    /// A clock at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time on by `by`, then makes every call that is due, in the order of their times. All of them see the final
    /// time, and what they ask for with no delay is made in the same advance (TW-065). If one panics, the later ones stay.
    pub fn advance(&self, by: Duration) {
        self.inner.now.set(self.inner.now.get() + by);
        while let Some(call) = self.inner.take_due() {
            call();
        }
    }

    /// When the next call is due, as time from now.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let calls = self.inner.calls.borrow();
        calls.iter().map(|call| call.due.get().saturating_sub(self.inner.now.get())).min()
    }

    /// How many calls are still to come.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.inner.calls.borrow().len()
    }
}

impl Inner {
    fn take_due(&self) -> Option<Box<dyn FnOnce()>> {
        let mut calls = self.calls.borrow_mut();
        let (at, call) =
            calls.iter().enumerate().min_by_key(|(_, call)| (call.due.get(), call.order.get()))?;
        if call.due.get() > self.now.get() {
            return None;
        }
        call.end.set(Some(NotActive::Called));
        let made = call.call.take();
        calls.remove(at);
        made
    }

    fn order(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }
}

impl Clock for TestClock {
    fn seconds(&self) -> Duration {
        self.inner.now.get()
    }

    fn call_later(&self, delay: Duration, call: Box<dyn FnOnce()>) -> Rc<dyn DelayedCall> {
        let call = Rc::new(Call {
            due: Cell::new(self.inner.now.get() + delay),
            order: Cell::new(self.inner.order()),
            call: RefCell::new(Some(call)),
            end: Cell::new(None),
            clock: Rc::downgrade(&self.inner),
        });
        self.inner.calls.borrow_mut().push(Rc::clone(&call));
        call
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClock").field("now", &self.seconds()).field("pending", &self.pending()).finish()
    }
}

impl Call {
    fn due_at(&self, when: impl FnOnce(Duration, Duration) -> Duration) -> Result<(), NotActive> {
        if let Some(end) = self.end.get() {
            return Err(end);
        }
        if let Some(clock) = self.clock.upgrade() {
            self.due.set(when(clock.now.get(), self.due.get()));
            self.order.set(clock.order());
        }
        Ok(())
    }
}

impl DelayedCall for Call {
    fn active(&self) -> bool {
        self.end.get().is_none()
    }

    fn cancel(&self) -> Result<(), NotActive> {
        if let Some(end) = self.end.replace(Some(NotActive::Cancelled)) {
            self.end.set(Some(end));
            return Err(end);
        }
        if let Some(clock) = self.clock.upgrade() {
            clock.calls.borrow_mut().retain(|call| !std::ptr::eq(Rc::as_ptr(call), self));
        }
        let call = self.call.take();
        drop(call);
        Ok(())
    }

    fn reset(&self, from_now: Duration) -> Result<(), NotActive> {
        self.due_at(|now, _| now + from_now)
    }

    fn delay(&self, by: Duration) -> Result<(), NotActive> {
        self.due_at(|_, due| due + by)
    }

    fn hasten(&self, by: Duration) -> Result<(), NotActive> {
        self.due_at(|now, due| due.saturating_sub(by).max(now))
    }
}

/// Calls `call` after `delay`; the deferred fires with what it returns. Cancelling it takes the call back (TW-074).
#[track_caller]
pub fn defer_later<T: 'static, A: super::Answer<T>>(
    clock: &dyn Clock,
    delay: Duration,
    call: impl FnOnce() -> A + 'static,
) -> Deferred<T> {
    let timer: Rc<RefCell<Option<Rc<dyn DelayedCall>>>> = Rc::default();
    let stop = Rc::clone(&timer);
    let start = Deferred::<()>::with_canceller(move |_| {
        let timer = stop.borrow_mut().take();
        if let Some(timer) = timer {
            // Made already means fired already, and then no canceller is called.
            let _ended = timer.cancel();
        }
    });
    let fire = start.clone();
    *timer.borrow_mut() = Some(clock.call_later(
        delay,
        Box::new(move || {
            let _cancelled = fire.callback(());
        }),
    ));
    start.then(move |()| call().into_outcome())
}

impl<T: 'static> Deferred<T> {
    /// Cancels it when there is no result `after` that long; the [`Cancelled`](super::Cancelled) of that becomes
    /// [`TimedOut`](super::TimedOut). It covers the callbacks added so far and what they wait for, none added later (TW-029,
    /// TW-030). With the result, the timer is taken back at once. No default time.
    #[track_caller]
    pub fn add_timeout(&self, after: Duration, clock: &dyn Clock) -> Self {
        self.add_timeout_with(after, clock, |result, after| match result {
            Ok(value) => Ok(value),
            Err(failure) => {
                failure.trap::<super::Cancelled>()?;
                Err(Failure::from(super::TimedOut { after }))
            }
        })
    }

    /// As [`Deferred::add_timeout`]; `on_timeout` decides what becomes of the result, only after a real time-out (TW-032).
    #[track_caller]
    pub fn add_timeout_with<A: super::Answer<T>>(
        &self,
        after: Duration,
        clock: &dyn Clock,
        on_timeout: impl FnOnce(Result<T, Failure>, Duration) -> A + 'static,
    ) -> Self {
        let timed_out = Rc::new(Cell::new(false));
        let (set, target) = (Rc::clone(&timed_out), self.clone());
        let timer = clock.call_later(
            after,
            Box::new(move || {
                set.set(true);
                target.cancel();
            }),
        );
        self.add_both(move |result| {
            if timed_out.get() {
                on_timeout(result, after).into_outcome()
            } else {
                super::Answer::<T>::into_outcome(result)
            }
        });
        self.add_both(move |result| {
            if timer.active() {
                let _ended = timer.cancel();
            }
            result
        })
    }
}
