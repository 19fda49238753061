//! A lock in the file system that is waited for without blocking: Twisted's `DeferredFilesystemLock`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::deferred::{Clock, Deferred, DelayedCall, fail, succeed};

#[cfg(test)]
mod tests;

/// How long until it tries again: a second (TW-063).
const RETRY: Duration = Duration::from_secs(1);

/// Why a lock was not had, or not given back.
#[derive(Debug, thiserror::Error)]
pub enum FileLockError {
    /// The file cannot be made or locked.
    #[error("cannot lock {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The same lock is being waited for already (TW-063).
    #[error("already trying to lock {}", path.display())]
    AlreadyTrying {
        /// Which.
        path: PathBuf,
    },
    /// Somebody else had it all the time (TW-063).
    #[error("cannot lock {} within {after:?}", path.display())]
    TimedOut {
        /// Which.
        path: PathBuf,
        /// How long it was tried.
        after: Duration,
    },
    /// It is not held.
    #[error("cannot unlock {}: it is not locked", path.display())]
    NotLocked {
        /// Which.
        path: PathBuf,
    },
}

/// Holds a file for one process of this machine, or one such lock of a process. The kernel gives it back when the process
/// ends, however that does; the file stays. Cheap to clone: a handle.
#[derive(Clone)]
pub struct FileLock {
    inner: Rc<Inner>,
}

struct Inner {
    path: PathBuf,
    clock: Rc<dyn Clock>,
    /// Locked as long as it is open.
    held: RefCell<Option<File>>,
    trying: Cell<bool>,
    /// The next attempt, and the end of all.
    calls: RefCell<Vec<Rc<dyn DelayedCall>>>,
}

impl FileLock {
    /// A lock on the file at `path`, which is made when it is locked. Nothing is touched yet.
    pub fn new(path: impl Into<PathBuf>, clock: Rc<dyn Clock>) -> FileLock {
        let (held, trying, calls) = (RefCell::default(), Cell::default(), RefCell::default());
        FileLock { inner: Rc::new(Inner { path: path.into(), clock, held, trying, calls }) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether it is held by this very lock.
    #[must_use]
    pub fn locked(&self) -> bool {
        self.inner.held.borrow().is_some()
    }

    /// Takes it if it is free; false if somebody has it, be it this lock itself.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn lock(&self) -> Result<bool, FileLockError> {
        if self.locked() {
            return Ok(false);
        }
        let failed = |source| FileLockError::Io { path: self.inner.path.clone(), source };
        let open = File::options().create(true).append(true).open(&self.inner.path);
        let file = open.map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                *self.inner.held.borrow_mut() = Some(file);
                Ok(true)
            }
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When it is not held.
    pub fn unlock(&self) -> Result<(), FileLockError> {
        let held = self.inner.held.take();
        // Closing it gives it back.
        held.map(drop).ok_or_else(|| FileLockError::NotLocked { path: self.inner.path.clone() })
    }

    /// Fires when it is locked: at once if it is free, else it is tried again each second, for `limit` at most; `None` is
    /// for ever. Cancelling ends the attempts (TW-063).
    #[must_use]
    pub fn until_locked(&self, limit: Option<Duration>) -> Deferred<()> {
        let path = || self.inner.path.clone();
        if self.inner.trying.get() {
            return fail(FileLockError::AlreadyTrying { path: path() });
        }
        match self.lock() {
            Ok(true) => return succeed(()),
            Ok(false) => {}
            Err(error) => return fail(error),
        }
        self.inner.trying.set(true);
        let given_up = self.clone();
        let waiting = Deferred::with_canceller(move |_| given_up.end());
        self.try_again(&waiting);
        if let Some(after) = limit {
            let (late, failing, path) = (self.clone(), waiting.clone(), path());
            self.later(after, move || {
                late.end();
                // Refused if it was fired in this very moment.
                let _ = failing.errback(FileLockError::TimedOut { path, after });
            });
        }
        waiting
    }

    fn try_again(&self, waiting: &Deferred<()>) {
        let (again, fire) = (self.clone(), waiting.clone());
        self.later(RETRY, move || match again.lock() {
            Ok(false) => again.try_again(&fire),
            got => {
                again.end();
                let _ = fire.fire(got.map(drop).map_err(Into::into));
            }
        });
    }

    fn later(&self, after: Duration, call: impl FnOnce() + 'static) {
        let call = self.inner.clock.call_later(after, Box::new(call));
        let mut calls = self.inner.calls.borrow_mut();
        calls.retain(|call| call.active());
        calls.push(call);
    }

    fn end(&self) {
        self.inner.trying.set(false);
        for call in self.inner.calls.take() {
            // The one that is being made has no need of it.
            let _ = call.cancel();
        }
    }
}

impl fmt::Debug for FileLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLock").field("path", &self.inner.path).field("locked", &self.locked()).finish()
    }
}
