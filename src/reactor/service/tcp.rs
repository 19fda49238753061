//! A listening port as a service.

use std::cell::RefCell;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use super::Service;
use crate::deferred::{Deferred, succeed};
use crate::reactor::event_loop::Reactor;
use crate::reactor::port::{ListenOptions, Port};
use crate::reactor::protocol::{Factory, Handled};

/// Listens while it runs (TW-122). Cheap to clone: a handle, to ask for the port.
#[derive(Clone)]
pub struct TcpServer {
    inner: Rc<Inner>,
}

struct Inner {
    reactor: Reactor,
    address: SocketAddr,
    factory: Rc<dyn Factory>,
    options: ListenOptions,
    port: RefCell<Option<Port>>,
}

impl TcpServer {
    /// Will listen on `address`, in its privileged start if there is one, else in its start.
    pub fn new(
        reactor: &Reactor,
        address: SocketAddr,
        factory: Rc<dyn Factory>,
        options: ListenOptions,
    ) -> TcpServer {
        let inner = Inner { reactor: reactor.clone(), address, factory, options, port: RefCell::new(None) };
        TcpServer { inner: Rc::new(inner) }
    }

    /// The port, while it listens.
    #[must_use]
    pub fn port(&self) -> Option<Port> {
        self.inner.port.borrow().clone()
    }
}

impl Service for TcpServer {
    fn privileged_start(&self) -> Handled {
        let Inner { reactor, address, factory, options, .. } = &*self.inner;
        let port = reactor.listen_tcp(*address, Rc::clone(factory), options)?;
        *self.inner.port.borrow_mut() = Some(port);
        Ok(())
    }

    fn start(&self) -> Handled {
        if self.port().is_some() { Ok(()) } else { self.privileged_start() }
    }

    /// The port is closed when this returns; accepted connections live on.
    fn stop(&self) -> Deferred<()> {
        let port = self.inner.port.take();
        if let Some(port) = port {
            port.stop_listening();
        }
        succeed(())
    }
}

impl fmt::Debug for TcpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpServer").field("address", &self.inner.address).field("port", &self.port()).finish()
    }
}
