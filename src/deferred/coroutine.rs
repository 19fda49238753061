//! `async` blocks over deferreds, resumed at once when what they wait for fires: what the series' inlineCallbacks became.
//!
//! No runtime is involved: the deferred that fires resumes the block on its own stack. The one thread-local tells a
//! `Deferred` which coroutine is polling it; outside a poll it is empty.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::core::Core;
use super::error::NotADeferred;
use super::graph::{self, Busy, Node, Progress};
use super::{Deferred, Failure, Outcome};

thread_local! {
    static POLLING: RefCell<Vec<Rc<Coroutine>>> = const { RefCell::new(Vec::new()) };
}

/// The waker of a coroutine: deferreds do not need it, and nobody else may wait.
struct NoWake;

impl Wake for NoWake {
    fn wake(self: Arc<Self>) {}
}

type Fail = Box<dyn Fn(Failure) -> Box<dyn FnOnce()>>;
type Another = Box<dyn Fn(&Rc<Coroutine>) -> Rc<dyn Node>>;
type Body = Pin<Box<dyn Future<Output = ()>>>;

/// An `async` block in the middle of its work.
pub(super) struct Coroutine {
    body: RefCell<Option<Body>>,
    waker: Waker,
    /// The same, to count who keeps it.
    wakers: Arc<NoWake>,
    /// Something it waits for fired while it was being polled.
    again: Cell<bool>,
    waits_for: RefCell<Vec<Weak<dyn Node>>>,
    done: Cell<bool>,
    cancelled: Cell<bool>,
    /// A cancel is under way: the result is delivered when that is through.
    cancelling: Cell<bool>,
    handles: Cell<usize>,
    /// The deferred of its result, which waits for it.
    outer: RefCell<Option<Rc<dyn Node>>>,
    /// Puts a failure where the deferred of the result finds it; what it returns puts back what was there.
    fail: Fail,
    /// Makes another deferred that waits for the result.
    another: Another,
    place: &'static Location<'static>,
}

/// The coroutine that is polling just now, if `cx` is its own.
pub(super) fn polled_by(cx: &Context<'_>) -> Option<Rc<Coroutine>> {
    POLLING.with(|stack| {
        let stack = stack.borrow();
        let top = stack.last()?;
        cx.waker().will_wake(&top.waker).then(|| Rc::clone(top))
    })
}

/// Takes a coroutine off the stack of those being polled, also when it panics.
struct Polling;

impl Polling {
    fn of(coroutine: &Rc<Coroutine>) -> Self {
        POLLING.with(|stack| stack.borrow_mut().push(Rc::clone(coroutine)));
        Self
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        let gone = POLLING.with(|stack| stack.borrow_mut().pop());
        drop(gone);
    }
}

impl Coroutine {
    pub(super) fn waits_for(&self, node: &Rc<dyn Node>) {
        self.waits_for.borrow_mut().push(Rc::downgrade(node));
    }

    pub(super) fn waits_no_more(&self, node: &Rc<dyn Node>) {
        self.waits_for.borrow_mut().retain(|one| one.upgrade().is_some_and(|one| !graph::same(&one, node)));
    }

    fn awaited(&self) -> Vec<Rc<dyn Node>> {
        self.waits_for.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// The deferred that the result is for, ready to run, if there is a result to deliver.
    fn deliver(&self) -> Option<Rc<dyn Node>> {
        if !self.done.get() || self.cancelling.get() {
            return None;
        }
        let outer = self.outer.borrow_mut().take()?;
        outer.resume();
        Some(outer)
    }

    /// Runs the body up to the next deferred that has not fired.
    fn poll(self: &Rc<Self>) {
        let Ok(mut slot) = self.body.try_borrow_mut() else {
            self.again.set(true);
            return;
        };
        let Some(body) = slot.as_mut() else { return };
        let failure = loop {
            self.again.set(false);
            let polling = Polling::of(self);
            let mut context = Context::from_waker(&self.waker);
            let polled = catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(&mut context)));
            drop(polling);
            match polled {
                Ok(Poll::Ready(())) => break None,
                Err(thrown) => break Some(Failure::of_panic(&*thrown, self.place)),
                Ok(Poll::Pending) if self.again.get() => {}
                // Somebody keeps the waker who is no deferred, or nothing is waited for: it would never be resumed.
                Ok(Poll::Pending)
                    if Arc::strong_count(&self.wakers) > 2 || self.waits_for.borrow().is_empty() =>
                {
                    break Some(Failure::at(Box::new(NotADeferred), self.place, false));
                }
                Ok(Poll::Pending) => return,
            }
        };
        let body = slot.take();
        drop(slot);
        drop(body);
        if let Some(failure) = failure {
            let _no_result_before = (self.fail)(failure);
        }
        self.done.set(true);
    }
}

impl Node for Coroutine {
    fn advance(self: Rc<Self>) -> Progress {
        self.poll();
        match self.deliver() {
            Some(outer) => Progress::Handed(outer),
            None => Progress::Finished,
        }
    }

    fn resume(&self) {}

    fn hold_back(&self, _on: bool) {}

    /// Cancels what it waits for; it may catch that, and go on (TW-050, TW-053).
    ///
    /// A canceller that panics fails the deferred of the result; the block stays where it is, for another one.
    fn cancel(self: Rc<Self>, place: &'static Location<'static>) -> Option<Rc<dyn Node>> {
        if self.cancelling.get() {
            return None; // a cancel that comes back round changes nothing
        }
        // What it loses in this may have been the last that held it: that is looked at when all is through.
        let _busy = Busy::new(Rc::clone(&self) as Rc<dyn Node>);
        self.cancelling.set(true);
        // In Twisted the first cancel is an errback of the deferred of the result; only later ones are not.
        let outer = if self.cancelled.replace(true) { None } else { self.outer.borrow().clone() };
        if let Some(outer) = &outer {
            outer.hold_back(true);
        }
        for node in self.awaited() {
            let Err(thrown) = catch_unwind(AssertUnwindSafe(|| graph::cancel(node, place))) else { continue };
            let another = (self.another)(&self);
            let outer = self.outer.borrow_mut().replace(another);
            let put_back = (self.fail)(Failure::of_panic(&*thrown, place));
            if let Some(outer) = outer {
                outer.hold_back(false);
                outer.resume();
                graph::run(outer);
            }
            put_back();
        }
        if let Some(outer) = outer {
            outer.hold_back(false);
        }
        self.cancelling.set(false);
        if let Some(outer) = self.deliver() {
            graph::run(outer);
        }
        None
    }

    fn handles(&self) -> &Cell<usize> {
        &self.handles
    }

    fn holders(&self, into: &mut Vec<Rc<dyn Node>>) {
        into.extend(self.awaited());
        into.extend(self.outer.borrow().iter().cloned());
    }

    fn holds(&self, _node: usize) -> bool {
        false
    }

    fn sever(&self) -> Box<dyn Any> {
        let body = self.body.try_borrow_mut().ok().and_then(|mut body| body.take());
        Box::new((body, self.outer.borrow_mut().take()))
    }
}

/// Runs an `async` block that waits for deferreds (or for nothing): at once, up to the first deferred that has no result
/// (TW-047), and on from there when that fires. The deferred returned fires with what the block comes to.
///
/// Cancelling it cancels the deferred the block waits for just then, so that the block sees [`Cancelled`](super::Cancelled)
/// there and may handle it (TW-050 to TW-053). If nobody can reach either any more, the block is dropped (TW-055).
///
/// A block that waits for anything else, such as a timer of a runtime, fails with [`NotADeferred`].
#[track_caller]
pub fn coroutine<T: 'static>(body: impl Future<Output = Result<T, Failure>> + 'static) -> Deferred<T> {
    let place = Location::caller();
    let slot = Rc::new(Cell::new(None));
    let (put, put_failure) = (Rc::clone(&slot), Rc::clone(&slot));
    let waiting = move |coroutine: &Rc<Coroutine>| {
        let slot = Rc::clone(&slot);
        let pull = Box::new(move || Outcome::<T>::from_slot(&slot));
        Core::waiting(Some(Rc::clone(coroutine) as Rc<dyn Node>), pull, place)
    };
    let another = waiting.clone();
    let wakers = Arc::new(NoWake);
    let coroutine = Rc::new(Coroutine {
        waker: Waker::from(Arc::clone(&wakers)),
        wakers,
        again: Cell::new(false),
        body: RefCell::new(Some(Box::pin(async move { put.set(Some(body.await)) }))),
        waits_for: RefCell::default(),
        done: Cell::new(false),
        cancelled: Cell::new(false),
        cancelling: Cell::new(false),
        handles: Cell::new(0),
        outer: RefCell::default(),
        fail: Box::new(move |failure| {
            let (slot, before) = (Rc::clone(&put_failure), put_failure.replace(Some(Err(failure))));
            Box::new(move || slot.set(before))
        }),
        another: Box::new(move |coroutine| another(coroutine) as Rc<dyn Node>),
        place,
    });
    let outer = Deferred::of(waiting(&coroutine));
    *coroutine.outer.borrow_mut() = Some(Rc::clone(outer.core()) as Rc<dyn Node>);
    graph::run(coroutine);
    outer
}
