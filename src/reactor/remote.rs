//! The one way into a reactor from another thread.

use std::collections::VecDeque;
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use super::descriptor::{Descriptor, ReadDescriptor};
use super::event_loop::Reactor;
use super::outcome::{BoxError, Outcome};
use super::poller::Fd;
use super::reason::Reason;

/// How many calls from other threads may wait for the loop: enough for any burst, few enough that a loop that
/// hangs is noticed by its callers before it eats the memory.
pub const MAX_REMOTE_CALLS: usize = 65_536;

/// Why a call from another thread was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The reactor is gone.
    #[error("cannot call into the reactor: it is gone")]
    Gone,
    /// As many calls as may wait are waiting.
    #[error("cannot call into the reactor: {MAX_REMOTE_CALLS} calls are waiting already")]
    Full,
}

pub(crate) type RemoteCall = Box<dyn FnOnce(&Reactor) -> Result<(), BoxError> + Send>;

struct Shared {
    /// None once the reactor is gone.
    calls: Mutex<Option<VecDeque<RemoteCall>>>,
    wake: OwnedFd,
}

/// A handle to a reactor for other threads: Twisted's `callFromThread` (TW-077). Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

impl Remote {
    pub(crate) fn new() -> Result<Remote, Errno> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Remote { shared: Arc::new(Shared { calls: Mutex::new(Some(VecDeque::new())), wake }) })
    }

    /// Has the loop run `call` in its own thread in its next turn, waking it if it waits. Calls keep their order;
    /// one that fails is reported and stops nobody.
    ///
    /// # Errors
    /// When the reactor is gone, or [`MAX_REMOTE_CALLS`] wait already.
    pub fn call<R: Outcome>(
        &self,
        call: impl FnOnce(&Reactor) -> R + Send + 'static,
    ) -> Result<(), RemoteError> {
        let mut calls = self.shared.calls.lock();
        let queue = calls.as_mut().ok_or(RemoteError::Gone)?;
        if queue.len() >= MAX_REMOTE_CALLS {
            return Err(RemoteError::Full);
        }
        queue.push_back(Box::new(move |reactor| call(reactor).into_result()));
        drop(calls);
        // The counter can only be full when the loop has been woken 2^64 - 2 times without looking.
        let _ = rustix::io::write(&self.shared.wake, &1u64.to_ne_bytes());
        Ok(())
    }

    /// What waits now; what comes meanwhile is for the next turn.
    pub(crate) fn take(&self) -> VecDeque<RemoteCall> {
        self.shared.calls.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn has_calls(&self) -> bool {
        self.shared.calls.lock().as_ref().is_some_and(|calls| !calls.is_empty())
    }

    /// Refuses all further calls. What still waits is dropped.
    pub(crate) fn close(&self) {
        let calls = self.shared.calls.lock().take();
        drop(calls);
    }

    /// The descriptor that wakes the loop.
    pub(crate) fn waker(&self) -> Rc<dyn ReadDescriptor> {
        Rc::new(Waker { shared: Arc::clone(&self.shared), fd: Rc::new(WakeFd(Arc::clone(&self.shared))) })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

struct WakeFd(Arc<Shared>);

impl std::os::fd::AsFd for WakeFd {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.wake.as_fd()
    }
}

struct Waker {
    shared: Arc<Shared>,
    fd: Rc<WakeFd>,
}

impl Descriptor for Waker {
    fn fileno(&self) -> Option<Fd> {
        Some(self.fd.clone())
    }

    fn log_prefix(&self) -> String {
        "the reactor's waker".to_owned()
    }

    fn is_internal(&self) -> bool {
        true
    }
}

impl ReadDescriptor for Waker {
    fn do_read(&self) -> Result<(), Reason> {
        // Only to be quiet again: the calls themselves are looked at in every turn.
        let _ = rustix::io::read(&self.shared.wake, &mut [0; 8]);
        Ok(())
    }
}
