//! A listening port: accepts connections and has its factory build a protocol for each.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::{Rc, Weak};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol as Wire, Socket, Type};

use super::connection::Connection;
use super::descriptor::{Descriptor, ReadDescriptor};
use super::event_loop::Reactor;
use super::outcome::{BoxError, Report};
use super::poller::Fd;
use super::protocol::Factory;
use super::reason::Reason;

#[cfg(test)]
mod tests;

/// Connections accepted in one turn, so that a flood of them does not keep the loop from those it has.
const ACCEPTS_A_TURN: usize = 64;

/// How a port listens.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// Connections the kernel completes for us before we accept them. Default 1024; the kernel's own bound
    /// (`somaxconn`) holds besides.
    pub backlog: i32,
    /// Connections open at once; further ones wait in the backlog. Default none: the descriptor limit is the bound.
    pub max_connections: Option<usize>,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions { backlog: 1024, max_connections: None }
    }
}

/// A port cannot be listened on (TW-104).
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub source: BoxError,
}

/// A listening port. Cheap to clone: a handle. Dropping it does not close the port.
#[derive(Clone)]
pub struct Port {
    inner: Rc<Inner>,
}

struct Inner {
    me: Weak<Inner>,
    reactor: Reactor,
    factory: Rc<dyn Factory>,
    address: SocketAddr,
    max_connections: usize,
    open: Cell<usize>,
    listener: RefCell<Option<Rc<TcpListener>>>,
    /// A descriptor kept for the day when there is none left to accept with (TW-105).
    reserve: RefCell<Option<File>>,
}

impl Reactor {
    /// Listens on `address` from now on; port 0 is any free one, which [`Port::host`] tells (TW-104).
    ///
    /// Every accepted socket inherits linger 0 from the listening one: whatever kills the process resets its
    /// connections, so that no client takes half a poem for a whole one.
    ///
    /// # Errors
    /// At once, when the address is taken or not ours, or the reactor cannot watch the socket.
    pub fn listen_tcp(
        &self,
        address: SocketAddr,
        factory: Rc<dyn Factory>,
        options: &ListenOptions,
    ) -> Result<Port, ListenError> {
        let failed = |source: BoxError| ListenError { address, source };
        let listener = bind(address, options.backlog).map_err(|error| failed(error.into()))?;
        let address = listener.local_addr().map_err(|error| failed(error.into()))?;
        let reserve = File::open("/dev/null").map_err(|error| failed(error.into()))?;
        let inner = Rc::new_cyclic(|me| Inner {
            me: me.clone(),
            reactor: self.clone(),
            factory,
            address,
            max_connections: options.max_connections.unwrap_or(usize::MAX),
            open: Cell::new(0),
            listener: RefCell::new(Some(Rc::new(listener))),
            reserve: RefCell::new(Some(reserve)),
        });
        self.add_reader(inner.clone()).map_err(|error| failed(error.into()))?;
        self.start_factory(&inner.factory);
        Ok(Port { inner })
    }
}

fn bind(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Wire::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

impl Port {
    /// Where it listens, with the real port if 0 was asked for.
    #[must_use]
    pub fn host(&self) -> SocketAddr {
        self.inner.address
    }

    /// Whether it still listens.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.inner.listener.borrow().is_some()
    }

    /// How many of the connections it accepted are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inner.open.get()
    }

    /// Closes the port now; the address is free when this returns. Accepted connections live on (TW-104). Again, or
    /// after the reactor stopped: nothing.
    pub fn stop_listening(&self) {
        self.inner.reactor.remove_reader(&*self.inner);
        self.inner.close();
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port").field("host", &self.host()).field("connections", &self.connections()).finish()
    }
}

/// What an accept error means for the port.
enum Trouble {
    /// Nobody is waiting.
    Nobody,
    /// This one connection failed before we saw it.
    ThisPeer,
    /// No descriptor, or no memory, to accept with.
    Exhausted,
    /// The listening socket itself is of no use any more.
    Broken,
}

fn classify(error: Errno) -> Trouble {
    match error {
        Errno::AGAIN => Trouble::Nobody,
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => Trouble::Exhausted,
        Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP | Errno::FAULT => Trouble::Broken,
        _ => Trouble::ThisPeer,
    }
}

impl Inner {
    fn close(&self) {
        if self.listener.take().is_some() {
            self.reserve.take();
            self.reactor.stop_factory(&self.factory);
        }
    }

    fn accept(&self, listener: &TcpListener) -> Result<(TcpStream, Option<SocketAddr>), Errno> {
        let (socket, peer) = acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
        Ok((TcpStream::from(socket), peer.and_then(|peer| SocketAddr::try_from(peer).ok())))
    }

    fn connected(&self, socket: TcpStream, peer: SocketAddr) {
        let mut protocol = None;
        let context = || format!("in build_protocol for {peer}");
        self.reactor.guard(context, || protocol = self.factory.build_protocol(peer));
        // Turned away: dropped with linger 0, so the peer sees a reset and no empty poem.
        let Some(protocol) = protocol else { return };
        self.open.set(self.open.get() + 1);
        let port = self.me.clone();
        let on_end = move |_: &Reason| {
            if let Some(port) = port.upgrade() {
                port.one_less();
            }
        };
        let connection = Connection::new(&self.reactor, socket, peer, Box::new(on_end));
        if let Err(error) = connection.begin(protocol) {
            self.open.set(self.open.get() - 1);
            self.complain("while a connection was accepted", error.into());
        }
    }

    fn one_less(&self) {
        self.open.set(self.open.get() - 1);
        if self.listener.borrow().is_some()
            && let Some(me) = self.me.upgrade()
            && let Err(error) = self.reactor.add_reader(me)
        {
            self.complain("while accepting was resumed", error.into());
        }
    }

    fn is_full(&self) -> bool {
        self.open.get() >= self.max_connections
    }

    /// Closes the connections that wait, with the one descriptor we kept: they hear at once that we cannot serve
    /// them, and the loop does not spin over a port that stays ready (TW-105).
    fn turn_away(&self, listener: &TcpListener, error: Errno) {
        self.complain("while a connection was accepted", BoxError::from(io::Error::from(error)));
        if self.reserve.take().is_some() {
            for _ in 0..ACCEPTS_A_TURN {
                if self.accept(listener).is_err() {
                    break;
                }
            }
        }
        *self.reserve.borrow_mut() = File::open("/dev/null").ok();
    }

    fn complain(&self, context: &str, error: BoxError) {
        self.reactor
            .report(&Report { context: format!("{context} on {}", self.address), raised: error.into() });
    }
}

impl Descriptor for Inner {
    fn fileno(&self) -> Option<Fd> {
        self.listener.borrow().clone().map(|listener| -> Fd { listener })
    }

    fn log_prefix(&self) -> String {
        format!("the port {}", self.address)
    }

    fn connection_lost(&self, reason: &Reason) {
        if let Reason::Lost(error) = reason {
            self.complain("the listening socket broke", error.clone().into());
        }
        self.close();
    }
}

impl ReadDescriptor for Inner {
    fn do_read(&self) -> Result<(), Reason> {
        for _ in 0..ACCEPTS_A_TURN {
            // Looked at each time, and let go of before any protocol is called: it may stop the port while it is
            // being connected, and the address must be free then.
            let Some(listener) = self.listener.borrow().clone() else { return Ok(()) };
            if self.is_full() {
                self.reactor.remove_reader(self);
                return Ok(());
            }
            let accepted = self.accept(&listener);
            if let Err(error) = &accepted
                && matches!(classify(*error), Trouble::Exhausted)
            {
                self.turn_away(&listener, *error);
                return Ok(());
            }
            drop(listener);
            match accepted {
                Ok((socket, Some(peer))) => self.connected(socket, peer),
                Ok((_, None)) => {}
                Err(error) => match classify(error) {
                    Trouble::Nobody => return Ok(()),
                    Trouble::ThisPeer | Trouble::Exhausted => {}
                    Trouble::Broken => return Err(Reason::lost(error.into())),
                },
            }
        }
        Ok(())
    }
}
