//! A queue whose readers are deferreds.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::Deferred;

/// Too many readers wait already (TW-061).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueUnderflow {
    /// How many may wait.
    pub backlog: usize,
}

impl fmt::Display for QueueUnderflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "getting from a queue: {} wait already", self.backlog)
    }
}

impl Error for QueueUnderflow {}

/// The queue is full (TW-061); what did not fit comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueOverflow<T> {
    /// What did not fit.
    pub item: T,
    /// How many fit.
    pub size: usize,
}

impl<T> fmt::Debug for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueOverflow").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "putting into a queue: it holds {} already", self.size)
    }
}

impl<T> Error for QueueOverflow<T> {}

/// Items that wait for readers, or readers that wait for items, first come first served. A clone is the same queue.
pub struct DeferredQueue<T: 'static> {
    inner: Rc<RefCell<Inner<T>>>,
}

struct Inner<T: 'static> {
    items: VecDeque<T>,
    readers: VecDeque<(u64, Deferred<T>)>,
    next: u64,
    size: usize,
    backlog: usize,
}

impl<T: 'static> DeferredQueue<T> {
    /// A queue that holds at most `size` items and lets at most `backlog` readers wait; 0 refuses at once. There is no
    /// default: `usize::MAX` is Twisted's `None`.
    #[must_use]
    pub fn new(size: usize, backlog: usize) -> Self {
        let (items, readers) = (VecDeque::new(), VecDeque::new());
        Self { inner: Rc::new(RefCell::new(Inner { items, readers, next: 0, size, backlog })) }
    }

    /// Gives `item` to the first reader that waits, else stores it.
    ///
    /// # Errors
    /// [`QueueOverflow`] if `size` items wait already.
    pub fn put(&self, item: T) -> Result<(), QueueOverflow<T>> {
        let mut inner = self.inner.borrow_mut();
        if let Some((_, reader)) = inner.readers.pop_front() {
            drop(inner);
            // A reader in the queue has not fired: firing and cancelling both take it out first.
            let _fired = reader.callback(item);
            return Ok(());
        }
        if inner.items.len() >= inner.size {
            return Err(QueueOverflow { item, size: inner.size });
        }
        inner.items.push_back(item);
        Ok(())
    }

    /// The oldest item, or the next that comes. Cancelled, it leaves the queue of readers (TW-062).
    ///
    /// # Errors
    /// [`QueueUnderflow`] if `backlog` readers wait already.
    #[track_caller]
    pub fn get(&self) -> Result<Deferred<T>, QueueUnderflow> {
        let mut inner = self.inner.borrow_mut();
        if let Some(item) = inner.items.pop_front() {
            drop(inner);
            return Ok(super::succeed(item));
        }
        if inner.readers.len() >= inner.backlog {
            return Err(QueueUnderflow { backlog: inner.backlog });
        }
        let id = inner.next;
        inner.next += 1;
        let queue = Rc::downgrade(&self.inner);
        let reader = Deferred::with_canceller(move |_| {
            if let Some(queue) = queue.upgrade() {
                let mut queue = queue.borrow_mut();
                let gone = queue
                    .readers
                    .iter()
                    .position(|(one, _)| *one == id)
                    .and_then(|at| queue.readers.remove(at));
                drop(queue);
                drop(gone);
            }
        });
        inner.readers.push_back((id, reader.clone()));
        Ok(reader)
    }

    /// How many items wait for a reader.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.borrow().items.len()
    }

    /// Whether no item waits for a reader.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many readers wait for an item.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.borrow().readers.len()
    }
}

impl<T: 'static> Clone for DeferredQueue<T> {
    fn clone(&self) -> Self {
        Self { inner: Rc::clone(&self.inner) }
    }
}

impl<T: 'static> fmt::Debug for DeferredQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeferredQueue({} items, {} readers)", self.len(), self.waiting())
    }
}
