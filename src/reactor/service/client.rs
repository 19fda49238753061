//! One connection, kept: made again whenever it is lost, after a while that grows.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::Service;
use crate::deferred::{Cancelled, Deferred, Failure, fail, succeed};
use crate::reactor::connector::{CONNECT_TIMEOUT, Connector};
use crate::reactor::event_loop::Reactor;
use crate::reactor::protocol::{ClientFactory, Factory, Handled, Protocol};
use crate::reactor::reason::Reason;
use crate::reactor::timers::DelayedCall;
use crate::reactor::transport::Transport;
use crate::terms::{ConnectFailure, Target};

/// How long the first wait is before the factor: 1 s.
const INITIAL: f64 = 1.0;
/// How much longer each wait is than the one before.
const FACTOR: f64 = 1.5;
/// The longest wait, without its jitter: a minute.
const LONGEST: f64 = 60.0;

/// Twisted's own policy: before the n-th attempt in a row to be made again, `1.5^n` seconds, at most 60, and up to a second
/// more by `chance`, so that the clients of a server that was away do not all come back at once (TW-124).
pub fn backoff(mut chance: fastrand::Rng) -> impl FnMut(u32) -> Duration + 'static {
    move |attempt| {
        let exponent = i32::try_from(attempt.min(100)).unwrap_or(100);
        Duration::from_secs_f64((INITIAL * FACTOR.powi(exponent)).min(LONGEST) + chance.f64())
    }
}

type Policy = Box<dyn FnMut(u32) -> Duration>;
type Prepare = Box<dyn Fn(&Transport) -> Deferred<()>>;

/// Keeps one connection to a server while it runs (TW-124 to TW-126). Cheap to clone: a handle.
///
/// A connection that is lost, or was not to be had, is made again after a wait that `policy` says, counted from the last
/// good connection. Dropping all handles of a running service changes nothing: the reactor keeps it.
#[derive(Clone)]
pub struct ClientService {
    inner: Rc<Inner>,
}

struct Inner {
    reactor: Reactor,
    target: Target,
    factory: Rc<dyn Factory>,
    policy: RefCell<Policy>,
    prepare: RefCell<Option<Prepare>>,
    state: RefCell<State>,
    /// Attempts that failed and connections that were lost since the last good one.
    failures: Cell<u32>,
    /// Which attempt is the last: what becomes of an older connection is no news.
    attempt: Cell<u64>,
    waiting: RefCell<Vec<Waiter>>,
    /// Whoever waits for it to have stopped.
    stopping: RefCell<Vec<Deferred<()>>>,
}

/// Somebody who waits for a connection.
struct Waiter {
    /// After so many failures from now it gives up; `None` never.
    left: Option<u32>,
    connected: Deferred<Transport>,
}

/// Its life; the arrow back is as long as the policy says.
enum State {
    /// Not started, or stopped for good.
    Stopped,
    /// An attempt is under way. None for the moment before there is a connector.
    Connecting(Option<Connector>),
    /// Connected, and `prepare` has not said yes.
    Preparing(Transport, Deferred<()>),
    /// Connected, for whoever wants it.
    Connected(Transport),
    /// Nothing, until the call.
    Waiting(DelayedCall),
    /// Stopped, and the connection is not closed yet; started again meanwhile or not.
    Disconnecting { again: bool },
}

impl ClientService {
    /// Will connect to `target`, and have `factory` build the protocols. [`backoff`] is the usual policy; it is asked with
    /// the number of the wait since the last good connection, from 1.
    pub fn new(
        reactor: &Reactor,
        target: impl Into<Target>,
        factory: Rc<dyn Factory>,
        policy: impl FnMut(u32) -> Duration + 'static,
    ) -> ClientService {
        let inner = Inner {
            reactor: reactor.clone(),
            target: target.into(),
            factory,
            policy: RefCell::new(Box::new(policy)),
            prepare: RefCell::new(None),
            state: RefCell::new(State::Stopped),
            failures: Cell::new(0),
            attempt: Cell::new(0),
            waiting: RefCell::default(),
            stopping: RefCell::default(),
        };
        ClientService { inner: Rc::new(inner) }
    }

    /// A connection is good only when the Deferred of `prepare` has fired; if that fails, it counts as an attempt that
    /// failed. Default: each is good.
    #[must_use]
    pub fn prepare(self, prepare: impl Fn(&Transport) -> Deferred<()> + 'static) -> ClientService {
        *self.inner.prepare.borrow_mut() = Some(Box::new(prepare));
        self
    }

    /// The connection that there is, at once, or else the next. After `failures` attempts that failed from now on it fails
    /// with the last one's reason; `None` waits on. It fails with [`Cancelled`] when the service stops, and at once when
    /// it is stopped (TW-125).
    #[must_use]
    pub fn when_connected(&self, failures: Option<u32>) -> Deferred<Transport> {
        match &*self.inner.state.borrow() {
            State::Connected(transport) => return succeed(transport.clone()),
            State::Stopped | State::Disconnecting { again: false } => return fail(Cancelled),
            _ => {}
        }
        let connected = Deferred::new();
        self.inner.waiting.borrow_mut().push(Waiter { left: failures, connected: connected.clone() });
        connected
    }
}

impl Inner {
    fn connect(self: &Rc<Self>) {
        *self.state.borrow_mut() = State::Connecting(None);
        let attempt = self.attempt.get() + 1;
        self.attempt.set(attempt);
        let factory = Rc::new(Kept { service: Rc::clone(self), attempt });
        let connector = self.reactor.connect_tcp(self.target.clone(), factory, CONNECT_TIMEOUT);
        if let State::Connecting(slot @ None) = &mut *self.state.borrow_mut() {
            *slot = Some(connector);
        }
    }

    fn made(self: &Rc<Self>, transport: &Transport) {
        if !matches!(*self.state.borrow(), State::Connecting(_)) {
            // Stopped in the very turn in which it was connected.
            return transport.abort_connection();
        }
        let preparing = self.prepare.borrow().as_ref().map(|prepare| prepare(transport));
        let Some(preparing) = preparing else { return self.is_good(transport) };
        *self.state.borrow_mut() = State::Preparing(transport.clone(), preparing.clone());
        let (service, transport) = (Rc::clone(self), transport.clone());
        preparing.add_both(move |prepared| {
            if !matches!(&*service.state.borrow(), State::Preparing(..)) {
                return;
            }
            match prepared {
                Ok(()) => service.is_good(&transport),
                Err(failure) => {
                    service.failed(&failure);
                    transport.abort_connection();
                }
            }
        });
    }

    fn is_good(&self, transport: &Transport) {
        *self.state.borrow_mut() = State::Connected(transport.clone());
        self.failures.set(0);
        for waiter in self.waiting.take() {
            // Refused by one that was cancelled, and does not want it any more.
            let _ = waiter.connected.callback(transport.clone());
        }
    }

    /// No connection, or none any more: the next attempt comes after the wait.
    fn failed(self: &Rc<Self>, failure: &Failure) {
        let failures = self.failures.get().saturating_add(1);
        self.failures.set(failures);
        let wait = (self.policy.borrow_mut())(failures);
        let service = Rc::clone(self);
        let call = self.reactor.call_later(wait, move || service.connect());
        *self.state.borrow_mut() = State::Waiting(call);
        let (mut given_up, mut kept) = (Vec::new(), Vec::new());
        for mut waiter in self.waiting.take() {
            waiter.left = waiter.left.map(|left| left.saturating_sub(1));
            if waiter.left == Some(0) { given_up.push(waiter) } else { kept.push(waiter) }
        }
        self.waiting.borrow_mut().extend(kept);
        for waiter in given_up {
            let _ = waiter.connected.errback(failure.clone());
        }
    }

    fn lost(self: &Rc<Self>, reason: &Reason) {
        let failure = Failure::new(reason.clone());
        let state = self.state.replace(State::Stopped);
        match state {
            State::Preparing(_, preparing) => {
                self.failed(&failure);
                preparing.cancel();
            }
            State::Connected(_) => self.failed(&failure),
            State::Disconnecting { again } => {
                for stopped in self.stopping.take() {
                    let _ = stopped.callback(());
                }
                if again {
                    self.connect();
                }
            }
            // Of a connection that was given up before: whatever has begun since goes on.
            other => *self.state.borrow_mut() = other,
        }
    }

    fn nobody_waits(&self) {
        for waiter in self.waiting.take() {
            let _ = waiter.connected.errback(Cancelled);
        }
    }
}

impl Service for ClientService {
    /// Nothing happens if it runs already; started while it disconnects, it connects again after that (TW-126).
    fn start(&self) -> Handled {
        match &mut *self.inner.state.borrow_mut() {
            State::Disconnecting { again } => {
                *again = true;
                return Ok(());
            }
            State::Stopped => {}
            _ => return Ok(()),
        }
        self.inner.failures.set(0);
        self.inner.connect();
        Ok(())
    }

    /// Ends whatever it is doing; the Deferred waits for the connection's end, if there is one (TW-126).
    fn stop(&self) -> Deferred<()> {
        let transport = match self.inner.state.replace(State::Stopped) {
            State::Stopped => return succeed(()),
            State::Connecting(connector) => {
                if let Some(connector) = connector {
                    // Connected in this very turn: then `made` sees that nobody wants it.
                    let _ = connector.stop_connecting();
                }
                None
            }
            State::Waiting(call) => {
                // Being made in this very turn, it would find itself stopped; it is not, or this were not the state.
                let _ = call.cancel();
                None
            }
            State::Preparing(transport, preparing) => {
                preparing.cancel();
                Some(transport)
            }
            State::Connected(transport) => Some(transport),
            State::Disconnecting { .. } => {
                *self.inner.state.borrow_mut() = State::Disconnecting { again: false };
                None
            }
        };
        let stopped = match &transport {
            Some(transport) => {
                *self.inner.state.borrow_mut() = State::Disconnecting { again: false };
                let stopped = self.inner.until_stopped();
                transport.lose_connection();
                stopped
            }
            None if matches!(*self.inner.state.borrow(), State::Disconnecting { .. }) => {
                self.inner.until_stopped()
            }
            None => succeed(()),
        };
        self.inner.nobody_waits();
        stopped
    }
}

impl Inner {
    fn until_stopped(&self) -> Deferred<()> {
        let stopped = Deferred::new();
        self.stopping.borrow_mut().push(stopped.clone());
        stopped
    }
}

impl fmt::Debug for ClientService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.inner.state.borrow() {
            State::Stopped => "stopped",
            State::Connecting(_) => "connecting",
            State::Preparing(..) => "preparing",
            State::Connected(_) => "connected",
            State::Waiting(_) => "waiting",
            State::Disconnecting { .. } => "disconnecting",
        };
        f.debug_struct("ClientService").field("target", &self.inner.target).field("state", &state).finish()
    }
}

/// The factory of one attempt: it has the other build the protocol, and hears how it went.
struct Kept {
    service: Rc<Inner>,
    attempt: u64,
}

impl Factory for Kept {
    fn start_factory(&self) {
        self.service.factory.start_factory();
    }

    fn stop_factory(&self) {
        self.service.factory.stop_factory();
    }

    fn build_protocol(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let protocol = self.service.factory.build_protocol(peer)?;
        Some(Box::new(Watched { protocol, service: Rc::downgrade(&self.service) }))
    }
}

impl ClientFactory for Kept {
    fn client_connection_failed(&self, _connector: &Connector, reason: &ConnectFailure) {
        // When it was stopped, nobody wants to know.
        if matches!(*self.service.state.borrow(), State::Connecting(_)) {
            self.service.failed(&Failure::new(reason.clone()));
        }
    }

    fn client_connection_lost(&self, _connector: &Connector, reason: &Reason) {
        if self.service.attempt.get() == self.attempt {
            self.service.lost(reason);
        }
    }
}

/// A protocol whose connection is told of.
struct Watched {
    protocol: Box<dyn Protocol>,
    service: Weak<Inner>,
}

impl Protocol for Watched {
    fn connection_made(&mut self, transport: &Transport) -> Handled {
        self.protocol.connection_made(transport)?;
        if let Some(service) = self.service.upgrade() {
            service.made(transport);
        }
        Ok(())
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Handled {
        self.protocol.data_received(transport, data)
    }

    fn connection_lost(&mut self, reason: &Reason) {
        self.protocol.connection_lost(reason);
    }

    fn handles_half_close(&self) -> bool {
        self.protocol.handles_half_close()
    }

    fn read_connection_lost(&mut self, transport: &Transport) -> Handled {
        self.protocol.read_connection_lost(transport)
    }

    fn write_connection_lost(&mut self, transport: &Transport) -> Handled {
        self.protocol.write_connection_lost(transport)
    }
}
