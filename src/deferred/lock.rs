//! Locks and semaphores whose waiters are deferreds, served in the order they came.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::{Answer, Deferred, maybe_deferred};

/// A lock or semaphore was used against its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockError {
    /// A lock that nobody holds was released (TW-057).
    NotLocked,
    /// A semaphore was released more often than acquired (TW-060).
    TooManyReleases,
    /// A semaphore without tokens was asked for (TW-060).
    NoTokens,
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLocked => write!(f, "releasing a lock: nobody holds it"),
            Self::TooManyReleases => write!(f, "releasing a semaphore: all its tokens are there"),
            Self::NoTokens => write!(f, "making a semaphore: it needs at least one token"),
        }
    }
}

impl Error for LockError {}

/// At most so many holders at once, the others wait in a queue (TW-060). A clone is the same semaphore.
///
/// The queue has no bound of its own: each waiter is a deferred that somebody holds, and cancelling it takes it out.
#[derive(Clone)]
pub struct DeferredSemaphore {
    inner: Rc<RefCell<Tokens>>,
}

struct Tokens {
    free: usize,
    limit: usize,
    next: u64,
    waiting: VecDeque<(u64, Deferred<DeferredSemaphore>)>,
}

impl DeferredSemaphore {
    /// A semaphore with `tokens` tokens, all free.
    ///
    /// # Errors
    /// [`LockError::NoTokens`] for 0.
    pub fn new(tokens: usize) -> Result<Self, LockError> {
        if tokens == 0 {
            return Err(LockError::NoTokens);
        }
        let tokens = Tokens { free: tokens, limit: tokens, next: 0, waiting: VecDeque::new() };
        Ok(Self { inner: Rc::new(RefCell::new(tokens)) })
    }

    /// Fires with the semaphore once a token is free, at once if one is. Who gets it must [`release`](Self::release) it, or
    /// use [`Self::run`] or [`Self::hold`]. Cancelling takes a waiter out of the queue; one that has the token keeps it (TW-058).
    #[track_caller]
    #[must_use = "the token would never come back"]
    pub fn acquire(&self) -> Deferred<Self> {
        let mut inner = self.inner.borrow_mut();
        if inner.free > 0 {
            inner.free -= 1;
            drop(inner);
            return super::succeed(self.clone());
        }
        let id = inner.next;
        inner.next += 1;
        let queue = Rc::downgrade(&self.inner);
        let waiter = Deferred::with_canceller(move |_| {
            if let Some(queue) = queue.upgrade() {
                let mut queue = queue.borrow_mut();
                let gone = queue
                    .waiting
                    .iter()
                    .position(|(one, _)| *one == id)
                    .and_then(|at| queue.waiting.remove(at));
                drop(queue);
                drop(gone);
            }
        });
        inner.waiting.push_back((id, waiter.clone()));
        waiter
    }

    /// Gives a token back; the first waiter gets it before this returns.
    ///
    /// # Errors
    /// [`LockError::TooManyReleases`] if none was taken.
    pub fn release(&self) -> Result<(), LockError> {
        let mut inner = self.inner.borrow_mut();
        if inner.free >= inner.limit {
            return Err(LockError::TooManyReleases);
        }
        let Some((_, waiter)) = inner.waiting.pop_front() else {
            inner.free += 1;
            return Ok(());
        };
        drop(inner);
        // A waiter in the queue has not fired: firing and cancelling both take it out first.
        let _fired = waiter.callback(self.clone());
        Ok(())
    }

    /// How many tokens are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.inner.borrow().free
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.borrow().waiting.len()
    }

    /// Acquires, runs, and releases once what `run` returned has fired, failed or not (TW-059). Cancelled while waiting it
    /// leaves the queue; cancelled while running, what runs is cancelled and the token comes back.
    #[track_caller]
    #[must_use = "what it ran comes out of the deferred"]
    pub fn run<T: 'static, A: Answer<T>>(&self, run: impl FnOnce() -> A + 'static) -> Deferred<T> {
        self.acquire().then(move |token| {
            maybe_deferred(run).add_both(move |result| {
                token.release()?;
                result
            })
        })
    }

    /// As [`Self::acquire`], with a guard that releases when it is dropped: `async with` (TW-057).
    #[track_caller]
    #[must_use = "the token is released at once"]
    pub fn hold(&self) -> Deferred<Held> {
        self.acquire().map(|semaphore| Held { semaphore })
    }
}

impl fmt::Debug for DeferredSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeferredSemaphore({} free, {} waiting)", self.free(), self.waiting())
    }
}

/// A token that goes back when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it releases"]
pub struct Held {
    semaphore: DeferredSemaphore,
}

impl Drop for Held {
    fn drop(&mut self) {
        // An error would mean that somebody released a token that was not theirs; there is nobody to tell here.
        let _released = self.semaphore.release();
    }
}

/// At most one holder (TW-057): a semaphore with one token.
#[derive(Clone, Debug)]
pub struct DeferredLock {
    tokens: DeferredSemaphore,
}

impl DeferredLock {
    /// A free lock.
    #[must_use]
    pub fn new() -> Self {
        let tokens = Tokens { free: 1, limit: 1, next: 0, waiting: VecDeque::new() };
        Self { tokens: DeferredSemaphore { inner: Rc::new(RefCell::new(tokens)) } }
    }

    /// Whether somebody holds it; true throughout a handing over.
    #[must_use]
    pub fn locked(&self) -> bool {
        self.tokens.free() == 0
    }

    /// As [`DeferredSemaphore::acquire`]; fires with the lock.
    #[track_caller]
    #[must_use = "the lock would never be free again"]
    pub fn acquire(&self) -> Deferred<Self> {
        self.tokens.acquire().map(|tokens| Self { tokens })
    }

    /// Releases it; the first waiter has it before this returns.
    ///
    /// # Errors
    /// [`LockError::NotLocked`] if nobody holds it.
    pub fn release(&self) -> Result<(), LockError> {
        self.tokens.release().map_err(|_| LockError::NotLocked)
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.tokens.waiting()
    }

    /// As [`DeferredSemaphore::run`].
    #[track_caller]
    #[must_use = "what it ran comes out of the deferred"]
    pub fn run<T: 'static, A: Answer<T>>(&self, run: impl FnOnce() -> A + 'static) -> Deferred<T> {
        self.tokens.run(run)
    }

    /// As [`DeferredSemaphore::hold`].
    #[track_caller]
    #[must_use = "the lock is released at once"]
    pub fn hold(&self) -> Deferred<Held> {
        self.tokens.hold()
    }
}

impl Default for DeferredLock {
    fn default() -> Self {
        Self::new()
    }
}
