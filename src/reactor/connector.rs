//! Connecting: one connector per `connect_tcp`, which may connect again and again.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::rc::{Rc, Weak};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, Protocol as Wire, SockRef, Socket, Type};

use super::connection::Connection;
use super::descriptor::{Descriptor, WriteDescriptor};
use super::event_loop::Reactor;
use super::poller::Fd;
use super::protocol::{ClientFactory, Factory, Handled, Protocol};
use super::reason::Reason;
use super::timers::DelayedCall;
use super::transport::Transport;
use crate::terms::ConnectFailure;
use crate::terms::Target;

#[cfg(test)]
mod tests;

/// How long a connection may take to come to be, unless said otherwise: 10 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a connector did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// `connect` while it connects or is connected (TW-091).
    #[error("cannot connect: the connector is not disconnected")]
    NotDisconnected,
    /// `stop_connecting` when it does not connect (TW-090).
    #[error("cannot stop connecting: the connector is not connecting")]
    NotConnecting,
}

enum State {
    /// Never connected, or no more.
    Disconnected,
    /// Looking up the name, or trying its addresses one after the other.
    Connecting { attempt: Option<Rc<Attempt>>, left: VecDeque<SocketAddr>, limit: DelayedCall },
    /// Connected.
    Connected(Transport),
}

/// Makes connections to one target for one factory. Cheap to clone: a handle.
#[derive(Clone)]
pub struct Connector {
    inner: Rc<Inner>,
}

struct Inner {
    reactor: Reactor,
    target: Target,
    timeout: Duration,
    factory: Rc<dyn ClientFactory>,
    factory_started: Cell<bool>,
    /// Counts the calls of `connect`, so that a late lookup is known for what it is.
    round: Cell<u64>,
    tried: Cell<Option<SocketAddr>>,
    state: RefCell<State>,
}

impl Reactor {
    /// Connects to `target`, every address of a name being tried in turn, and has `factory` build the protocol.
    /// Whatever becomes of it is told to the factory in a later turn, never before this returns. `timeout` holds
    /// for all addresses together; [`CONNECT_TIMEOUT`] is the usual one.
    pub fn connect_tcp(
        &self,
        target: impl Into<Target>,
        factory: Rc<dyn ClientFactory>,
        timeout: Duration,
    ) -> Connector {
        let inner = Inner {
            reactor: self.clone(),
            target: target.into(),
            timeout,
            factory,
            factory_started: Cell::new(false),
            round: Cell::new(0),
            tried: Cell::new(None),
            state: RefCell::new(State::Disconnected),
        };
        let connector = Connector { inner: Rc::new(inner) };
        connector.begin();
        connector
    }
}

impl Connector {
    /// Connects once more, with the same factory, which is not stopped in between when this is called from inside its
    /// `client_connection_lost` or `client_connection_failed` (TW-091).
    ///
    /// # Errors
    /// When it connects or is connected.
    pub fn connect(&self) -> Result<(), ConnectorError> {
        if !matches!(*self.inner.state.borrow(), State::Disconnected) {
            return Err(ConnectorError::NotDisconnected);
        }
        self.begin();
        Ok(())
    }

    /// Gives up connecting; the factory is told before this returns, with [`ConnectFailure::Stopped`] (TW-090).
    ///
    /// # Errors
    /// When it is not connecting.
    pub fn stop_connecting(&self) -> Result<(), ConnectorError> {
        if !matches!(*self.inner.state.borrow(), State::Connecting { .. }) {
            return Err(ConnectorError::NotConnecting);
        }
        self.failed(&ConnectFailure::Stopped);
        Ok(())
    }

    /// Whatever it is doing, ends it: stops connecting, or loses the connection.
    pub fn disconnect(&self) {
        let transport = match &*self.inner.state.borrow() {
            State::Connected(transport) => Some(transport.clone()),
            State::Connecting { .. } | State::Disconnected => None,
        };
        match transport {
            Some(transport) => transport.lose_connection(),
            None => drop(self.stop_connecting()),
        }
    }

    /// Where it connects to.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.inner.target
    }

    /// The address that was tried last: of a name, one of several. None before the first.
    #[must_use]
    pub fn tried(&self) -> Option<SocketAddr> {
        self.inner.tried.get()
    }

    fn begin(&self) {
        let round = self.inner.round.get() + 1;
        self.inner.round.set(round);
        let (late, timeout) = (self.clone(), self.inner.timeout);
        let limit =
            self.inner.reactor.call_later(timeout, move || late.failed(&ConnectFailure::TimedOut(timeout)));
        *self.inner.state.borrow_mut() = State::Connecting { attempt: None, left: VecDeque::new(), limit };
        if !self.inner.factory_started.replace(true) {
            let factory: Rc<dyn Factory> = self.inner.factory.clone();
            self.inner.reactor.start_factory(&factory);
        }
        let factory = Rc::clone(&self.inner.factory);
        self.inner.reactor.guard(|| "in started_connecting".to_owned(), || factory.started_connecting(self));
        // In a later turn: whoever called gets to see the connector before its factory hears of any failure.
        let later = self.clone();
        self.inner.reactor.call_later(Duration::ZERO, move || later.look_up(round));
    }

    /// Whether the attempt of that round is still the one under way.
    fn is_connecting(&self, round: u64) -> bool {
        self.inner.round.get() == round && matches!(*self.inner.state.borrow(), State::Connecting { .. })
    }

    fn look_up(&self, round: u64) {
        if !self.is_connecting(round) {
            return;
        }
        let connector = self.clone();
        self.inner.reactor.resolve(&self.inner.target, move |found| {
            if !connector.is_connecting(round) {
                return;
            }
            match found {
                Ok(addresses) => {
                    if let State::Connecting { left, .. } = &mut *connector.inner.state.borrow_mut() {
                        left.extend(addresses);
                    }
                    connector.try_next(ConnectFailure::Refused);
                }
                Err(failure) => connector.failed(&failure),
            }
        });
    }

    /// Tries the next address; when none is left, it was `failure` that ended the last one.
    fn try_next(&self, mut failure: ConnectFailure) {
        loop {
            let next = match &mut *self.inner.state.borrow_mut() {
                State::Connecting { left, .. } => left.pop_front(),
                State::Disconnected | State::Connected(_) => return,
            };
            let Some(address) = next else { return self.failed(&failure) };
            match self.start_attempt(address) {
                Ok(()) => return,
                Err(error) => failure = ConnectFailure::from_io(error),
            }
        }
    }

    fn start_attempt(&self, address: SocketAddr) -> io::Result<()> {
        self.inner.tried.set(Some(address));
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Wire::TCP))?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        let attempt = Rc::new(Attempt {
            connector: Rc::downgrade(&self.inner),
            socket: RefCell::new(Some(Rc::new(TcpStream::from(socket)))),
            address,
        });
        self.inner.reactor.add_writer(attempt.clone()).map_err(io::Error::other)?;
        if let State::Connecting { attempt: current, .. } = &mut *self.inner.state.borrow_mut() {
            *current = Some(attempt);
        }
        Ok(())
    }

    fn failed(&self, failure: &ConnectFailure) {
        let before = self.inner.state.replace(State::Disconnected);
        let State::Connecting { attempt, limit, .. } = before else {
            *self.inner.state.borrow_mut() = before;
            return;
        };
        // It is the time-out itself that may have brought us here.
        let _ = limit.cancel();
        if let Some(attempt) = attempt {
            self.inner.reactor.remove_writer(attempt.as_ref());
            attempt.socket.take();
        }
        let factory = Rc::clone(&self.inner.factory);
        let context = || format!("in client_connection_failed for {}", self.inner.target);
        self.inner.reactor.guard(context, || factory.client_connection_failed(self, failure));
        self.stop_if_idle();
    }

    fn connected(&self, socket: TcpStream, peer: SocketAddr) {
        let before = self.inner.state.replace(State::Disconnected);
        if let State::Connecting { limit, .. } = before {
            let _ = limit.cancel();
        }
        let ended = self.clone();
        let on_end = Box::new(move |reason: &Reason| ended.lost(reason));
        let connection = Connection::new(&self.inner.reactor, socket, peer, on_end);
        *self.inner.state.borrow_mut() = State::Connected(Transport::new(Rc::clone(&connection)));
        let mut protocol = None;
        let factory = Rc::clone(&self.inner.factory);
        let context = || format!("in build_protocol for {peer}");
        self.inner.reactor.guard(context, || protocol = factory.build_protocol(peer));
        let protocol = protocol.unwrap_or_else(|| Box::new(TurnedAway));
        if let Err(error) = connection.begin(protocol) {
            *self.inner.state.borrow_mut() = State::Disconnected;
            let failure = ConnectFailure::from_io(io::Error::other(error));
            let context = || format!("in client_connection_failed for {peer}");
            self.inner.reactor.guard(context, || factory.client_connection_failed(self, &failure));
            self.stop_if_idle();
        }
    }

    fn lost(&self, reason: &Reason) {
        *self.inner.state.borrow_mut() = State::Disconnected;
        let factory = Rc::clone(&self.inner.factory);
        let context = || format!("in client_connection_lost for {}", self.inner.target);
        self.inner.reactor.guard(context, || factory.client_connection_lost(self, reason));
        self.stop_if_idle();
    }

    /// The factory is stopped, unless it has just connected again.
    fn stop_if_idle(&self) {
        let idle = matches!(*self.inner.state.borrow(), State::Disconnected);
        if idle && self.inner.factory_started.replace(false) {
            let factory: Rc<dyn Factory> = self.inner.factory.clone();
            self.inner.reactor.stop_factory(&factory);
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.inner.state.borrow() {
            State::Disconnected => "disconnected",
            State::Connecting { .. } => "connecting",
            State::Connected(_) => "connected",
        };
        f.debug_struct("Connector").field("target", &self.inner.target).field("state", &state).finish()
    }
}

/// Stands in when the factory builds no protocol for a connection it asked for: it is closed at once (TW-088).
struct TurnedAway;

impl Protocol for TurnedAway {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        transport.lose_connection();
        Ok(())
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Handled {
        Ok(())
    }
}

/// A socket on its way to being connected: it becomes writable when that is decided.
struct Attempt {
    connector: Weak<Inner>,
    socket: RefCell<Option<Rc<TcpStream>>>,
    address: SocketAddr,
}

impl Descriptor for Attempt {
    fn fileno(&self) -> Option<Fd> {
        self.socket.borrow().clone().map(|socket| -> Fd { socket })
    }

    fn log_prefix(&self) -> String {
        format!("the attempt to connect to {}", self.address)
    }

    fn connection_lost(&self, reason: &Reason) {
        self.socket.take();
        let Some(inner) = self.connector.upgrade() else { return };
        let connector = Connector { inner };
        match reason {
            Reason::Lost(error) => {
                let failure = match error.kind() {
                    io::ErrorKind::ConnectionRefused => ConnectFailure::Refused,
                    _ => ConnectFailure::Io(error.clone()),
                };
                connector.try_next(failure);
            }
            _ => connector.failed(&ConnectFailure::Stopped),
        }
    }
}

impl WriteDescriptor for Attempt {
    fn do_write(&self) -> Result<(), Reason> {
        let Some(socket) = self.socket.borrow().clone() else { return Ok(()) };
        let error = SockRef::from(&*socket).take_error().and_then(|error| error.map_or(Ok(()), Err));
        error.map_err(Reason::lost)?;
        let Some(inner) = self.connector.upgrade() else { return Err(Reason::Done) };
        let connector = Connector { inner };
        connector.inner.reactor.remove_writer(self);
        self.socket.take();
        // Ours alone now: the reactor has let go of it, and so have we.
        match Rc::try_unwrap(socket).or_else(|shared| shared.try_clone()) {
            Ok(socket) => connector.connected(socket, self.address),
            Err(error) => connector.failed(&ConnectFailure::from_io(error)),
        }
        Ok(())
    }
}
