//! A collection of services, itself a service.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use super::{Service, ServiceError, ServiceNode};
use crate::deferred::{Collected, Deferred, DeferredList, Failure, succeed};
use crate::reactor::protocol::Handled;

#[derive(Default)]
struct Inner {
    running: Cell<bool>,
    children: RefCell<Vec<ServiceNode>>,
}

/// Services that are started in the order added, and stopped in reverse (TW-117). Cheap to clone: a handle.
#[derive(Clone, Default)]
pub struct MultiService {
    inner: Rc<Inner>,
}

/// How a child knows its parent.
pub(super) struct WeakMulti(Weak<Inner>);

impl WeakMulti {
    pub(super) fn upgrade(&self) -> Option<MultiService> {
        self.0.upgrade().map(|inner| MultiService { inner })
    }
}

impl MultiService {
    /// An empty one.
    #[must_use]
    pub fn new() -> MultiService {
        MultiService::default()
    }

    /// Adds a service; as [`ServiceNode::set_parent`].
    ///
    /// # Errors
    /// As [`ServiceNode::set_parent`].
    pub fn add(&self, child: &ServiceNode) -> Result<(), ServiceError> {
        child.set_parent(self)
    }

    /// Takes a child away; as [`ServiceNode::disown`].
    ///
    /// # Errors
    /// When it is no child of this one.
    pub fn remove(&self, child: &ServiceNode) -> Result<Deferred<()>, ServiceError> {
        let mut children = self.inner.children.borrow_mut();
        let at = children.iter().position(|it| it.is(child)).ok_or(ServiceError::NotAChild)?;
        let child = children.remove(at);
        drop(children);
        child.forget_parent();
        Ok(if self.is_running() { child.stop() } else { succeed(()) })
    }

    /// The child of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<ServiceNode, ServiceError> {
        let children = self.inner.children.borrow();
        let child = children.iter().find(|child| child.name().as_deref() == Some(name));
        child.cloned().ok_or_else(|| ServiceError::NoSuchService(name.to_owned()))
    }

    /// Its children, in the order added.
    #[must_use]
    pub fn services(&self) -> Vec<ServiceNode> {
        self.inner.children.borrow().clone()
    }

    /// Whether it was started, and not stopped since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.inner.running.get()
    }

    /// Stops all children, the last added first, none waiting for another. Fires when all have stopped, with how each
    /// of them did, in the order in which they were stopped; failures are also reported as unhandled (TW-118).
    pub fn stop_all(&self) -> Deferred<Vec<Result<(), Failure>>> {
        self.inner.running.set(false);
        let stopping: Vec<_> = self.services().iter().rev().map(ServiceNode::stop).collect();
        DeferredList::new(stopping).watch().map(Collected::into_results)
    }

    pub(super) fn downgrade(&self) -> WeakMulti {
        WeakMulti(Rc::downgrade(&self.inner))
    }

    pub(super) fn check_name(&self, child: &ServiceNode) -> Result<(), ServiceError> {
        let Some(name) = child.name() else { return Ok(()) };
        match self.get(&name) {
            Ok(other) if !other.is(child) => Err(ServiceError::DuplicateName(name)),
            _ => Ok(()),
        }
    }

    pub(super) fn adopt(&self, child: &ServiceNode) -> Result<(), ServiceError> {
        self.inner.children.borrow_mut().push(child.clone());
        if !self.is_running() {
            return Ok(());
        }
        let started = child.privileged_start().and_then(|()| child.start());
        started.map_err(|error| ServiceError::NotStarted(error.to_string()))
    }
}

/// What fails in a child's start ends the start: later children are not started, earlier ones not stopped (TW-118).
impl Service for MultiService {
    fn privileged_start(&self) -> Handled {
        self.services().iter().try_for_each(ServiceNode::privileged_start)
    }

    fn start(&self) -> Handled {
        self.inner.running.set(true);
        self.services().iter().try_for_each(ServiceNode::start)
    }

    fn stop(&self) -> Deferred<()> {
        self.stop_all().map(drop)
    }
}

impl fmt::Debug for MultiService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiService")
            .field("running", &self.is_running())
            .field("children", &self.services())
            .finish()
    }
}
