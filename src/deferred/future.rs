//! A [`Deferred`] is a future, and can be made from one.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::core::{Core, Link};
use super::coroutine::{self, Coroutine};
use super::error::Cancelled;
use super::graph::{self, Node};
use super::{Deferred, Failure};

/// What an awaiting handle and the chain it waits in share.
pub(super) struct Awaited<T: 'static> {
    result: Cell<Option<Result<T, Failure>>>,
    /// Who is woken when it is no coroutine of ours.
    waker: RefCell<Option<Waker>>,
    /// The coroutine that waits, if it is one of ours: it is resumed at once, on this stack, and its handle does not count,
    /// since whoever can reach the coroutine can reach the deferred.
    coroutine: Option<Rc<Coroutine>>,
    pending: Cell<bool>,
}

impl<T: 'static> Awaited<T> {
    /// Whether the handle that awaits is counted.
    pub(super) fn counts(&self) -> bool {
        self.coroutine.is_none()
    }

    /// The handle was dropped in mid wait: cancels, unless the result came.
    #[track_caller]
    pub(super) fn give_up(&self, core: &Rc<Core<T>>) {
        if self.pending.replace(false) {
            let node = Rc::clone(core) as Rc<dyn Node>;
            if let Some(coroutine) = &self.coroutine {
                coroutine.waits_no_more(&node);
            }
            graph::cancel(node, Location::caller());
        }
    }
}

impl<T: 'static> Future for Deferred<T> {
    type Output = Result<T, Failure>;

    /// Takes the result, as `yield` does: a later callback finds it passed on (TW-016). Dropped before that, it cancels.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let poller = coroutine::polled_by(cx);
        if let Some(awaited) = self.awaited.clone() {
            let Some(result) = awaited.result.take() else {
                if poller.is_none() {
                    *awaited.waker.borrow_mut() = Some(cx.waker().clone());
                }
                return Poll::Pending;
            };
            // Waited for and got: from now on an ordinary handle again.
            self.awaited = None;
            if !awaited.counts() {
                self.core().handles.set(self.core().handles.get() + 1);
            }
            return Poll::Ready(result);
        }
        self.core().finish();
        if let Some(result) = self.core().steal() {
            return Poll::Ready(result);
        }
        let waker = if poller.is_some() { None } else { Some(cx.waker().clone()) };
        let awaited = Rc::new(Awaited {
            result: Cell::new(None),
            waker: RefCell::new(waker),
            coroutine: poller.clone(),
            pending: Cell::new(true),
        });
        let node = Rc::clone(self.core()) as Rc<dyn Node>;
        let from = Rc::downgrade(&node);
        if let Some(coroutine) = &poller {
            coroutine.waits_for(&node);
        }
        let shared = Rc::clone(&awaited);
        let put = Box::new(move |result| {
            shared.pending.set(false);
            shared.result.set(Some(result));
            if let (Some(coroutine), Some(node)) = (&shared.coroutine, from.upgrade()) {
                coroutine.waits_no_more(&node);
            }
            let waker = shared.waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let coroutine = poller.map(|coroutine| coroutine as Rc<dyn Node>);
        self.core().state.borrow_mut().links.push_back(Link::Await { put, coroutine });
        let counts = awaited.counts();
        self.awaited = Some(awaited);
        if !counts {
            graph::release(&node);
        }
        Poll::Pending
    }
}

/// Polls the future a [`Deferred`] was made from; give it to whatever runtime there is.
///
/// Dropping it drops the future and, if that had not finished, fails the deferred with [`Cancelled`].
#[must_use = "nothing happens unless the driver is polled"]
pub struct Driver<F> {
    shared: Rc<Shared<F>>,
    fire: Fire<F>,
    give_up: Box<dyn Fn()>,
}

type Fire<F> = Box<dyn FnMut(&Shared<F>, &mut Context<'_>) -> Poll<()>>;

struct Shared<F> {
    future: RefCell<Option<Pin<Box<F>>>>,
    waker: RefCell<Option<Waker>>,
}

impl<F> Future for Driver<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let shared = Rc::clone(&self.shared);
        (self.fire)(&shared, cx)
    }
}

impl<F> Drop for Driver<F> {
    fn drop(&mut self) {
        let future = self.shared.future.borrow_mut().take();
        drop(future);
        (self.give_up)();
    }
}

impl<F> fmt::Debug for Driver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl<T: 'static> Deferred<T> {
    /// A deferred that fires with what `future` comes to, once its [`Driver`] is polled by some runtime.
    ///
    /// Cancelling the deferred drops the future. A future that waits for deferreds only needs no runtime: see
    /// [`coroutine`](super::coroutine()).
    #[track_caller]
    pub fn from_future<F>(future: F) -> (Self, Driver<F>)
    where
        F: Future<Output = Result<T, Failure>> + 'static,
    {
        let shared =
            Rc::new(Shared { future: RefCell::new(Some(Box::pin(future))), waker: RefCell::new(None) });
        let stop = Rc::clone(&shared);
        let deferred = Self::with_canceller(move |_| {
            // Polled just now, the future cannot be dropped: the driver does so when it sees that the deferred has fired.
            if let Ok(mut slot) = stop.future.try_borrow_mut() {
                let future = slot.take();
                drop(slot);
                drop(future);
            }
            let waker = stop.waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let (to, lost) = (deferred.clone(), deferred.clone());
        let fire = Box::new(move |shared: &Shared<F>, cx: &mut Context<'_>| {
            *shared.waker.borrow_mut() = Some(cx.waker().clone());
            let mut slot = shared.future.borrow_mut();
            let Some(future) = slot.as_mut() else { return Poll::Ready(()) };
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() && !to.called() {
                return Poll::Pending;
            }
            let future = slot.take();
            drop(slot);
            drop(future);
            if let Poll::Ready(result) = polled {
                // It was cancelled in the meantime, or it is ours to fire: both are fine.
                let _late = to.fire(result);
            }
            Poll::Ready(())
        });
        let give_up = Box::new(move || {
            if !lost.called() {
                let _fired = lost.errback(Cancelled);
            }
        });
        (deferred, Driver { shared, fire, give_up })
    }
}
