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
use super::graph::{self, Node, Progress};
use super::{Deferred, Failure, Outcome};

thread_local! {
    static POLLING: RefCell<Vec<Rc<Coroutine>>> = const { RefCell::new(Vec::new()) };
}

/// The waker of a coroutine: deferreds do not need it, and nobody else may wait.
struct NoWake;

impl Wake for NoWake {
    fn wake(self: Arc<Self>) {}
}

type Fail = Box<dyn FnOnce(Failure)>;
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
    handles: Cell<usize>,
    /// The deferred of its result, which waits for it.
    outer: RefCell<Option<Rc<dyn Node>>>,
    fail: RefCell<Option<Fail>>,
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

    /// Runs the body up to the next deferred that has not fired; true when it is done.
    fn poll(self: &Rc<Self>) -> bool {
        let Ok(mut slot) = self.body.try_borrow_mut() else {
            self.again.set(true);
            return false;
        };
        let Some(body) = slot.as_mut() else { return false };
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
                Ok(Poll::Pending) => return false,
            }
        };
        let body = slot.take();
        drop(slot);
        drop(body);
        let fail = self.fail.borrow_mut().take();
        if let (Some(failure), Some(fail)) = (failure, fail) {
            fail(failure);
        }
        true
    }
}

impl Node for Coroutine {
    fn advance(self: Rc<Self>) -> Progress {
        if !self.poll() {
            return Progress::Finished;
        }
        let outer = self.outer.borrow_mut().take();
        match outer {
            Some(outer) => {
                outer.resume();
                Progress::Handed(outer)
            }
            None => Progress::Finished,
        }
    }

    fn resume(&self) {}

    /// Cancels what it waits for; it may catch that, and go on (TW-050, TW-053).
    fn cancel(self: Rc<Self>, place: &'static Location<'static>) -> Option<Rc<dyn Node>> {
        let mut awaited = self.awaited();
        let last = awaited.pop();
        for node in awaited {
            graph::cancel(node, place);
        }
        last
    }

    fn handles(&self) -> &Cell<usize> {
        &self.handles
    }

    fn holders(&self, into: &mut Vec<Rc<dyn Node>>) {
        into.extend(self.awaited());
        into.extend(self.outer.borrow().iter().cloned());
    }

    fn sever(&self) -> Box<dyn Any> {
        let body = self.body.try_borrow_mut().ok().and_then(|mut body| body.take());
        Box::new((body, self.outer.borrow_mut().take(), self.fail.borrow_mut().take()))
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
    let wakers = Arc::new(NoWake);
    let coroutine = Rc::new(Coroutine {
        waker: Waker::from(Arc::clone(&wakers)),
        wakers,
        again: Cell::new(false),
        body: RefCell::new(Some(Box::pin(async move { put.set(Some(body.await)) }))),
        waits_for: RefCell::default(),
        handles: Cell::new(0),
        outer: RefCell::default(),
        fail: RefCell::new(Some(Box::new(move |failure| put_failure.set(Some(Err(failure)))))),
        place,
    });
    let pull = Box::new(move || Outcome::from_slot(&slot));
    let outer = Deferred::of(Core::waiting(Some(Rc::clone(&coroutine) as Rc<dyn Node>), pull, place));
    *coroutine.outer.borrow_mut() = Some(Rc::clone(outer.core()) as Rc<dyn Node>);
    graph::run(coroutine);
    outer
}
