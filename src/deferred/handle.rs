//! [`Deferred`]: the handle on a result that is not there yet.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::canceller::Canceller;
use super::core::{Core, Link, Value};
use super::error::AlreadyCalled;
use super::future::Awaited;
use super::graph::{self, Node};
use super::{Answer, Failure, Outcome, Step};

/// A result that will come later, with the callbacks that wait for it.
///
/// A handle: clones mean the same result, and both sides use it, the one who fires and the one who waits. It stays on its
/// thread. When the last handle goes while the result is a failure, the failure is reported (TW-026). The module's
/// documentation tells the rules.
///
/// Awaiting it takes the result; dropping it while it is being awaited cancels it. Dropping a handle that never was polled
/// cancels nothing.
pub struct Deferred<T: 'static> {
    core: Rc<Core<T>>,
    /// Set while this handle is being awaited.
    pub(super) awaited: Option<Rc<Awaited<T>>>,
}

impl<T: 'static> Deferred<T> {
    /// A new one, with no result, no callbacks and no canceller.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self::of(Core::new(Canceller::None, Location::caller()))
    }

    /// A new one whose `canceller` is called once when somebody cancels it before it has fired. The canceller stops what
    /// would have fired it; it may fire it itself (TW-020, TW-021). It is dropped when the deferred fires.
    #[track_caller]
    #[must_use]
    pub fn with_canceller(canceller: impl FnMut(&Self) + 'static) -> Self {
        Self::of(Core::new(Canceller::Call(Box::new(canceller)), Location::caller()))
    }

    /// Says what a later callback finds once the result was passed on to somebody else; in Twisted that is always `None`
    /// (TW-012). Default: a failure, [`Spent`](super::Spent), since a value in Rust cannot be in two places.
    #[must_use]
    pub fn leaving(self, blank: fn() -> T) -> Self {
        self.core.state.borrow_mut().blank = Some(blank);
        self
    }

    pub(super) fn of(core: Rc<Core<T>>) -> Self {
        core.handles.set(core.handles.get() + 1);
        Self { core, awaited: None }
    }

    pub(super) fn core(&self) -> &Rc<Core<T>> {
        &self.core
    }

    pub(super) fn core_rc(&self) -> Rc<Core<T>> {
        Rc::clone(&self.core)
    }

    /// Fires it with a value: its callbacks run now, before this returns (TW-001).
    ///
    /// # Errors
    /// [`AlreadyCalled`] if it was fired before; the value is lost. One late result after a cancel without a canceller is
    /// swallowed and no error (TW-019).
    #[track_caller]
    pub fn callback(&self, value: T) -> Result<(), AlreadyCalled> {
        self.core.fire(Ok(value), Location::caller())
    }

    /// Fires it with a failure, or with any error.
    ///
    /// # Errors
    /// As [`Deferred::callback`].
    #[track_caller]
    pub fn errback(&self, failure: impl Into<Failure>) -> Result<(), AlreadyCalled> {
        self.core.fire(Err(failure.into()), Location::caller())
    }

    /// Fires it with a result of either kind (TW-006).
    ///
    /// # Errors
    /// As [`Deferred::callback`].
    #[track_caller]
    pub fn fire(&self, result: Result<T, Failure>) -> Result<(), AlreadyCalled> {
        self.core.fire(result, Location::caller())
    }

    /// Adds a callback; failures pass it by. Returns another handle, so that calls can be written one after the other.
    #[track_caller]
    pub fn add_callback<A: Answer<T>>(&self, callback: impl FnOnce(T) -> A + 'static) -> Self {
        self.link(Location::caller(), move |result| match result {
            Ok(value) => callback(value).into_outcome(),
            Err(failure) => Outcome::Failed(failure),
        })
    }

    /// Adds an errback; values pass it by. What it returns is handled, unless it is a failure again (TW-004).
    #[track_caller]
    pub fn add_errback<A: Answer<T>>(&self, errback: impl FnOnce(Failure) -> A + 'static) -> Self {
        self.link(Location::caller(), move |result| match result {
            Ok(value) => Outcome::Value(value),
            Err(failure) => errback(failure).into_outcome(),
        })
    }

    /// Adds a pair of which exactly one runs; a failure of the callback goes to the next errback, not to this one (TW-003).
    #[track_caller]
    pub fn add_callbacks<A: Answer<T>, B: Answer<T>>(
        &self,
        callback: impl FnOnce(T) -> A + 'static,
        errback: impl FnOnce(Failure) -> B + 'static,
    ) -> Self {
        self.link(Location::caller(), move |result| match result {
            Ok(value) => callback(value).into_outcome(),
            Err(failure) => errback(failure).into_outcome(),
        })
    }

    /// Adds one function for both sides, like a `finally`.
    #[track_caller]
    pub fn add_both<A: Answer<T>>(&self, both: impl FnOnce(Result<T, Failure>) -> A + 'static) -> Self {
        self.link(Location::caller(), move |result| both(result).into_outcome())
    }

    fn link(
        &self,
        place: &'static Location<'static>,
        run: impl FnOnce(Result<T, Failure>) -> Outcome<T> + 'static,
    ) -> Self {
        self.core.push(Link::Call { run: Box::new(run), place, node: None });
        self.clone()
    }

    /// Adds a link that reports to a node.
    pub(super) fn report_to(
        &self,
        node: Rc<dyn Node>,
        place: &'static Location<'static>,
        run: impl FnOnce(Result<T, Failure>) -> Outcome<T> + 'static,
    ) {
        self.core.push(Link::Call { run: Box::new(run), place, node: Some(graph::Held::new(node)) });
    }

    /// Goes on with another type: `step` gets the value and returns a `Result` or a `Deferred`.
    ///
    /// What comes back waits for this one, as an outer deferred waits for an inner one (TW-011): cancelling it cancels this
    /// one, and the result of this one is passed on.
    #[track_caller]
    #[must_use = "what the step returns comes out of the new deferred"]
    pub fn then<S: Step>(self, step: impl FnOnce(T) -> S + 'static) -> Deferred<S::Value> {
        self.chain(Location::caller(), move |result| match result {
            Ok(value) => step(value).into_step(),
            Err(failure) => Outcome::Failed(failure),
        })
    }

    /// As [`Deferred::then`], for values and failures alike.
    #[track_caller]
    #[must_use = "what the step returns comes out of the new deferred"]
    pub fn then_both<S: Step>(
        self,
        step: impl FnOnce(Result<T, Failure>) -> S + 'static,
    ) -> Deferred<S::Value> {
        self.chain(Location::caller(), move |result| step(result).into_step())
    }

    /// As [`Deferred::then`], for a plain function of the value.
    #[track_caller]
    #[must_use = "what the function returns comes out of the new deferred"]
    pub fn map<U: 'static>(self, map: impl FnOnce(T) -> U + 'static) -> Deferred<U> {
        self.chain(Location::caller(), move |result| match result {
            Ok(value) => Outcome::Value(map(value)),
            Err(failure) => Outcome::Failed(failure),
        })
    }

    fn chain<U: 'static>(
        self,
        place: &'static Location<'static>,
        step: impl FnOnce(Result<T, Failure>) -> Outcome<U> + 'static,
    ) -> Deferred<U> {
        if let Some(result) = self.core.steal() {
            let outer = Deferred::of(Core::waiting(None, Box::new(move || step(result)), place));
            outer.core.go();
            return outer;
        }
        let slot = Rc::new(std::cell::Cell::new(None));
        let put = Rc::clone(&slot);
        // The slot is filled before the outer one resumes; an empty one would mean a run nobody started.
        let pull = Box::new(move || slot.take().map_or(Outcome::Nothing, step));
        let outer = Deferred::of(Core::waiting(Some(Rc::clone(&self.core) as Rc<dyn Node>), pull, place));
        let to = Rc::clone(&outer.core) as Rc<dyn Node>;
        self.core
            .state
            .borrow_mut()
            .links
            .push_back(Link::Hand { put: Box::new(move |result| put.set(Some(result))), to });
        outer
    }

    /// Fires `other` with whatever this one comes to. Here nothing is left; if somebody else has fired `other`, this chain
    /// goes on with [`AlreadyCalled`] (TW-015). Cancelling `other` does not reach this one (TW-025).
    #[track_caller]
    pub fn chain_deferred(&self, other: &Self) -> Self {
        let place = Location::caller();
        let target = Rc::downgrade(&other.core);
        other.core.held_by(&(Rc::clone(&self.core) as Rc<dyn Node>));
        self.report_to(Rc::clone(&other.core) as Rc<dyn Node>, place, move |result| {
            // The link that holds the target is being followed: it is there.
            let Some(target) = target.upgrade() else { return Outcome::Nothing };
            match target.fire(result, place) {
                Ok(()) => Outcome::Nothing,
                Err(already) => Outcome::Failed(Failure::at(Box::new(already), place, false)),
            }
        });
        self.clone()
    }

    /// Says that the result is not wanted any more.
    ///
    /// Not fired yet: the canceller is called, if there is one; if that did not fire it, the errbacks get
    /// [`Cancelled`](super::Cancelled) (TW-019, TW-020). Fired, and waiting for another deferred: that one is cancelled, the
    /// innermost (TW-023). Otherwise nothing happens (TW-022).
    ///
    /// # Panics
    /// With what a canceller panics with; then nothing is fired (TW-021).
    #[track_caller]
    pub fn cancel(&self) {
        graph::cancel(Rc::clone(&self.core) as Rc<dyn Node>, Location::caller());
    }

    /// Holds the callbacks back until [`Deferred::unpause`] was called as often (TW-017). One that is running does not stop
    /// those after it in the same run.
    pub fn pause(&self) {
        self.core.pause();
    }

    /// Takes one [`Deferred::pause`] back; with the last one, callbacks run now. Without a pause, nothing happens.
    pub fn unpause(&self) {
        self.core.unpause();
    }

    /// Whether it was fired, be it that its chain now waits for another one.
    #[must_use]
    pub fn called(&self) -> bool {
        self.core.state.borrow().called
    }

    /// Whether one of its callbacks is running just now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.core.is_running()
    }

    /// Whether its chain waits for another deferred.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.core.is_waiting()
    }

    /// Takes the result if there is one: fired, not paused, not waiting. For tests (TW-155) and polling.
    #[must_use]
    pub fn take_result(&self) -> Option<Result<T, Failure>> {
        self.core.finish();
        self.core.steal()
    }

    /// Whether both are handles of the same deferred.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.core, &other.core)
    }
}

impl<T: 'static> Default for Deferred<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> Clone for Deferred<T> {
    fn clone(&self) -> Self {
        Self::of(Rc::clone(&self.core))
    }
}

impl<T: 'static> Drop for Deferred<T> {
    fn drop(&mut self) {
        if let Some(awaited) = self.awaited.take() {
            awaited.give_up(&self.core);
            if !awaited.counts() {
                return;
            }
        }
        let left = self.core.handles.get() - 1;
        self.core.handles.set(left);
        if left == 0 && self.core.entangled() {
            graph::look_at(&(Rc::clone(&self.core) as Rc<dyn Node>));
        }
    }
}

impl<T: 'static> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.core.state.borrow();
        let what = match &state.value {
            Value::Absent if state.called => "running",
            Value::Absent => "no result",
            Value::Ready(Ok(_)) => "a value",
            Value::Ready(Err(failure)) => return write!(f, "<Deferred: {failure:?}>"),
            Value::Spent => "passed on",
            Value::Waiting => "waiting for another",
        };
        write!(f, "<Deferred: {what}>")
    }
}
