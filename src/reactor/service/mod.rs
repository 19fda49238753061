//! Services: what a program starts and stops, apart from the protocols it speaks (Part 16).

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::protocol::Handled;
use crate::deferred::{Deferred, maybe_deferred, succeed};

mod client;
#[cfg(test)]
mod client_tests;
mod multi;
mod tcp;
#[cfg(test)]
mod tests;
mod timer;

pub use client::{ClientService, backoff};
pub use multi::MultiService;
use multi::WeakMulti;
pub use tcp::TcpServer;
pub use timer::TimerService;

/// Something that can be started and stopped, again and again.
pub trait Service: 'static {
    /// Before `start`, while the process may still have privileges: for low ports. Not called by every starter.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    fn privileged_start(&self) -> Handled {
        Ok(())
    }

    /// Starts it.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    fn start(&self) -> Handled {
        Ok(())
    }

    /// Stops it; the Deferred fires when it has stopped.
    fn stop(&self) -> Deferred<()> {
        succeed(())
    }
}

/// Why a service could not be moved or named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Two children of one name (TW-121).
    #[error("there is already a service named {0}")]
    DuplicateName(String),
    /// A service cannot change its name while it has a parent, which knows it by that (TW-121).
    #[error("cannot name a service that has a parent")]
    HasParent,
    /// Nobody of that name (TW-121).
    #[error("there is no service named {0}")]
    NoSuchService(String),
    /// It has no parent, or another one (TW-121).
    #[error("the service is no child of that parent")]
    NotAChild,
    /// It was added to a running parent, and did not start; it is a child all the same (TW-119).
    #[error("the service was added and did not start: {0}")]
    NotStarted(String),
}

struct Node {
    name: RefCell<Option<String>>,
    running: Cell<bool>,
    parent: RefCell<Option<WeakMulti>>,
    service: Box<dyn Service>,
}

/// A service with its name, its place in the tree, and whether it runs. Cheap to clone: a handle.
#[derive(Clone)]
pub struct ServiceNode {
    node: Rc<Node>,
}

impl ServiceNode {
    /// Wraps a service: no name, no parent, not running.
    pub fn new(service: impl Service) -> ServiceNode {
        let node = Node {
            name: RefCell::new(None),
            running: Cell::new(false),
            parent: RefCell::new(None),
            service: Box::new(service),
        };
        ServiceNode { node: Rc::new(node) }
    }

    /// Wraps a service under a name.
    pub fn named(name: &str, service: impl Service) -> ServiceNode {
        let node = ServiceNode::new(service);
        *node.node.name.borrow_mut() = Some(name.to_owned());
        node
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.node.name.borrow().clone()
    }

    /// Names it.
    ///
    /// # Errors
    /// When it has a parent.
    pub fn set_name(&self, name: &str) -> Result<(), ServiceError> {
        if self.parent().is_some() {
            return Err(ServiceError::HasParent);
        }
        *self.node.name.borrow_mut() = Some(name.to_owned());
        Ok(())
    }

    /// Whether it was started, and not stopped since. Set before its `start` is called (TW-116).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.node.running.get()
    }

    /// The collection it belongs to, if that still is.
    #[must_use]
    pub fn parent(&self) -> Option<MultiService> {
        self.node.parent.borrow().as_ref().and_then(WeakMulti::upgrade)
    }

    /// As [`Service::privileged_start`].
    ///
    /// # Errors
    /// As the service's.
    pub fn privileged_start(&self) -> Handled {
        self.node.service.privileged_start()
    }

    /// Starts it. Starting twice is not prevented (TW-116).
    ///
    /// # Errors
    /// As the service's; it counts as running all the same (TW-118).
    pub fn start(&self) -> Handled {
        self.node.running.set(true);
        self.node.service.start()
    }

    /// Stops it; a panic in that is a failure of the Deferred.
    pub fn stop(&self) -> Deferred<()> {
        self.node.running.set(false);
        maybe_deferred(|| self.node.service.stop())
    }

    /// Makes it a child of `parent`; of another parent it is disowned first (TW-120). If `parent` runs, it is started
    /// at once (TW-119).
    ///
    /// # Errors
    /// When `parent` has a child of that name, which leaves it where it was; or when it does not start.
    pub fn set_parent(&self, parent: &MultiService) -> Result<(), ServiceError> {
        parent.check_name(self)?;
        if self.parent().is_some() {
            // Its stop goes on by itself; a failure of it is reported as unhandled.
            drop(self.disown()?);
        }
        *self.node.parent.borrow_mut() = Some(parent.downgrade());
        parent.adopt(self)
    }

    /// Takes it from its parent. If that runs, the service is stopped, and its Deferred returned (TW-120).
    ///
    /// # Errors
    /// When it has no parent.
    pub fn disown(&self) -> Result<Deferred<()>, ServiceError> {
        let parent = self.parent().ok_or(ServiceError::NotAChild)?;
        parent.remove(self)
    }

    fn forget_parent(&self) {
        self.node.parent.take();
    }

    fn is(&self, other: &ServiceNode) -> bool {
        Rc::ptr_eq(&self.node, &other.node)
    }
}

impl fmt::Debug for ServiceNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceNode")
            .field("name", &self.name())
            .field("running", &self.is_running())
            .finish()
    }
}
