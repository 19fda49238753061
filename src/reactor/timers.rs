//! Delayed calls: what is due, in the order of its time, and the handle to change one's mind with.
//!
//! One ordered map holds all of them, so adding, cancelling and moving a call cost the logarithm of their number
//! and thousands of timers are no burden. [`Timers`] knows no descriptor and never waits: the reactor asks it how
//! long it may sleep, and a test moves its time by hand through [`Clock`](super::Clock).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use super::outcome::{BoxError, Outcome};

#[cfg(test)]
mod tests;

/// A callback whose time has not come yet.
pub(crate) type Callback = Box<dyn FnOnce() -> Result<(), BoxError>>;

/// Why a [`DelayedCall`] could not be changed (TW-066).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimerError {
    /// It has been called already.
    #[error("cannot change a delayed call that was already called")]
    AlreadyCalled,
    /// It has been cancelled already.
    #[error("cannot change a delayed call that was already cancelled")]
    AlreadyCancelled,
}

/// Where the time comes from.
pub(crate) enum TimeSource {
    /// The machine's monotonic clock, counted from the making of the reactor.
    Monotonic(Instant),
    /// A test's own time, moved by `Clock::advance`.
    Manual(Cell<Duration>),
}

impl TimeSource {
    /// The one place where the reactor reads the machine's clock: it owns its time, as the node owns its own.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn monotonic() -> TimeSource {
        TimeSource::Monotonic(Instant::now())
    }

    pub(crate) fn now(&self) -> Duration {
        match self {
            TimeSource::Monotonic(start) => start.elapsed(),
            TimeSource::Manual(now) => now.get(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waiting for its time.
    Pending,
    /// Its time came; it has run or is running.
    Called,
    /// It will never run.
    Cancelled,
}

struct CallState {
    due: Cell<Duration>,
    sequence: u64,
    stage: Cell<Stage>,
}

struct Entry {
    state: Rc<CallState>,
    call: Callback,
}

struct Core {
    source: TimeSource,
    next: Cell<u64>,
    /// By time, then by order of scheduling (TW-064).
    queue: RefCell<BTreeMap<(Duration, u64), Entry>>,
}

/// The delayed calls of one reactor or one test clock. Cheap to clone: a handle.
#[derive(Clone)]
pub struct Timers {
    core: Rc<Core>,
}

impl Timers {
    pub(crate) fn new(source: TimeSource) -> Timers {
        Timers { core: Rc::new(Core { source, next: Cell::new(0), queue: RefCell::default() }) }
    }

    /// The time since the reactor or clock was made. Never goes back.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.core.source.now()
    }

    /// Runs `call` once, `after` from now, in the loop's thread; zero means the next turn.
    ///
    /// Calls run in the order of their time, those of equal time in the order they were asked for (TW-064). A call
    /// that returns an error or panics is reported and stops nobody else (TW-077). Dropping the handle does not
    /// cancel the call. The number of pending calls is bounded by whoever schedules them, not here.
    pub fn call_later<R: Outcome>(&self, after: Duration, call: impl FnOnce() -> R + 'static) -> DelayedCall {
        let sequence = self.core.next.get();
        self.core.next.set(sequence + 1);
        let due = self.now().saturating_add(after);
        let state = Rc::new(CallState { due: Cell::new(due), sequence, stage: Cell::new(Stage::Pending) });
        let entry = Entry { state: Rc::clone(&state), call: Box::new(move || call().into_result()) };
        self.core.queue.borrow_mut().insert((due, sequence), entry);
        DelayedCall { core: Rc::downgrade(&self.core), state }
    }

    /// Every call that is still to come, the next one first.
    #[must_use]
    pub fn delayed_calls(&self) -> Vec<DelayedCall> {
        let core = Rc::downgrade(&self.core);
        let queue = self.core.queue.borrow();
        queue
            .values()
            .map(|entry| DelayedCall { core: core.clone(), state: Rc::clone(&entry.state) })
            .collect()
    }

    /// When the next call is due, if any is.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.core.queue.borrow().first_key_value().map(|((due, _), _)| *due)
    }

    /// A mark: calls scheduled from here on are left out by `take_due` with this mark, so that a call that
    /// schedules itself again with no delay cannot keep the loop from its descriptors (TW-076).
    pub(crate) fn mark(&self) -> u64 {
        self.core.next.get()
    }

    /// The next call due at `now` and scheduled before `mark`, now counted as called.
    pub(crate) fn take_due(&self, now: Duration, mark: u64) -> Option<Callback> {
        let mut queue = self.core.queue.borrow_mut();
        let key =
            queue.range(..=(now, u64::MAX)).map(|(key, _)| *key).find(|(_, sequence)| *sequence < mark)?;
        let entry = queue.remove(&key)?;
        entry.state.stage.set(Stage::Called);
        Some(entry.call)
    }

    /// Sets a manual clock's time; a monotonic one cannot be set.
    pub(crate) fn set_now(&self, to: Duration) {
        if let TimeSource::Manual(now) = &self.core.source {
            now.set(to);
        }
    }

    /// Forgets every call. They often hold the reactor that holds them: without this neither would be freed.
    pub(crate) fn clear(&self) {
        // Taken out first: dropping a callback runs foreign destructors, which may cancel other calls.
        let queue = std::mem::take(&mut *self.core.queue.borrow_mut());
        for entry in queue.values() {
            entry.state.stage.set(Stage::Cancelled);
        }
        drop(queue);
    }
}

impl AsRef<Timers> for Timers {
    fn as_ref(&self) -> &Timers {
        self
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.core.queue.try_borrow().map_or(0, |queue| queue.len());
        f.debug_struct("Timers").field("now", &self.now()).field("pending", &pending).finish()
    }
}

/// The handle of one delayed call: cancel it, or move its time. Cheap to clone.
#[derive(Clone)]
pub struct DelayedCall {
    core: Weak<Core>,
    state: Rc<CallState>,
}

impl DelayedCall {
    /// Whether it is still to come.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state.stage.get() == Stage::Pending
    }

    /// When it is (or was) due, in the time of its clock.
    #[must_use]
    pub fn due(&self) -> Duration {
        self.state.due.get()
    }

    /// Takes it off the list: it will never run. What its closure held is dropped now.
    ///
    /// # Errors
    /// When it has been called or cancelled before (TW-066).
    pub fn cancel(&self) -> Result<(), TimerError> {
        self.check()?;
        self.state.stage.set(Stage::Cancelled);
        let Some(core) = self.core.upgrade() else { return Ok(()) };
        let removed = core.queue.borrow_mut().remove(&self.key());
        // Dropped outside the borrow: the closure's destructors may come back to this queue.
        drop(removed);
        Ok(())
    }

    /// Makes it due `after` from now, be that sooner or later than before (TW-067).
    ///
    /// # Errors
    /// When it has been called or cancelled before.
    pub fn reset(&self, after: Duration) -> Result<(), TimerError> {
        self.check()?;
        let now = self.core.upgrade().map_or(Duration::ZERO, |core| core.source.now());
        self.move_to(now.saturating_add(after));
        Ok(())
    }

    /// Makes it due `by` later than it was (TW-067).
    ///
    /// # Errors
    /// When it has been called or cancelled before.
    pub fn delay(&self, by: Duration) -> Result<(), TimerError> {
        self.check()?;
        self.move_to(self.due().saturating_add(by));
        Ok(())
    }

    /// Makes it due `by` sooner than it was, at the earliest at once: Twisted's negative delay (TW-067).
    ///
    /// # Errors
    /// When it has been called or cancelled before.
    pub fn hasten(&self, by: Duration) -> Result<(), TimerError> {
        self.check()?;
        self.move_to(self.due().saturating_sub(by));
        Ok(())
    }

    fn check(&self) -> Result<(), TimerError> {
        match self.state.stage.get() {
            Stage::Pending => Ok(()),
            Stage::Called => Err(TimerError::AlreadyCalled),
            Stage::Cancelled => Err(TimerError::AlreadyCancelled),
        }
    }

    fn key(&self) -> (Duration, u64) {
        (self.state.due.get(), self.state.sequence)
    }

    fn move_to(&self, due: Duration) {
        let Some(core) = self.core.upgrade() else { return };
        let mut queue = core.queue.borrow_mut();
        if let Some(entry) = queue.remove(&self.key()) {
            self.state.due.set(due);
            queue.insert(self.key(), entry);
        }
    }
}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedCall")
            .field("due", &self.due())
            .field("stage", &self.state.stage.get())
            .finish()
    }
}
