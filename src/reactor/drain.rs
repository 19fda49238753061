//! The last moment of a connection that ended well.
//!
//! Closing a socket with unread data in it resets the connection, and the reset eats the poem's tail on its way to
//! the client (`curl` and browsers do send a request to a poetry server). So after the last byte our side is shut
//! for writing, and what still comes is read and thrown away until the peer ends, or this grows too long.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use super::descriptor::{Descriptor, ReadDescriptor};
use super::event_loop::Reactor;
use super::poller::Fd;
use super::reason::Reason;
use super::timers::DelayedCall;

/// How long a peer may take to end its side: a second, far more than a client needs that reads to the end.
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(1);

/// How much a peer may still send: 1 MiB.
const DRAIN_BYTES: usize = 1024 * 1024;

pub(crate) struct Drain {
    reactor: Reactor,
    socket: RefCell<Option<Rc<TcpStream>>>,
    left: Cell<usize>,
    limit: RefCell<Option<DelayedCall>>,
}

impl Drain {
    /// Reads `socket` empty, closes it when the peer has ended or a bound is met.
    pub(crate) fn start(reactor: &Reactor, socket: Rc<TcpStream>) {
        let drain = Rc::new(Drain {
            reactor: reactor.clone(),
            socket: RefCell::new(Some(socket)),
            left: Cell::new(DRAIN_BYTES),
            limit: RefCell::new(None),
        });
        if !reactor.is_running() {
            // The loop has ended: one last look at what is there already is all there is time for.
            let _ = drain.do_read();
            return;
        }
        // A socket the reactor will not watch is closed here, by being dropped.
        if reactor.add_reader(drain.clone()).is_ok() {
            reactor.count_drain(true);
            let limit = Rc::downgrade(&drain);
            *drain.limit.borrow_mut() = Some(reactor.call_later(DRAIN_TIME, move || {
                if let Some(drain) = limit.upgrade() {
                    drain.reactor.remove_reader(drain.as_ref());
                    drain.close();
                }
            }));
        }
    }

    fn close(&self) {
        if self.socket.take().is_some() {
            self.reactor.count_drain(false);
        }
        if let Some(limit) = self.limit.take() {
            // It may be the limit itself that brought us here.
            let _ = limit.cancel();
        }
    }
}

impl Descriptor for Drain {
    fn fileno(&self) -> Option<Fd> {
        self.socket.borrow().clone().map(|socket| -> Fd { socket })
    }

    fn log_prefix(&self) -> String {
        "a connection that has ended well".to_owned()
    }

    fn connection_lost(&self, _reason: &Reason) {
        self.close();
    }
}

impl ReadDescriptor for Drain {
    fn do_read(&self) -> Result<(), Reason> {
        let Some(socket) = self.socket.borrow().clone() else { return Ok(()) };
        let mut waste = [0; 4096];
        loop {
            match (&*socket).read(&mut waste) {
                Ok(got) if got > 0 && got <= self.left.get() => self.left.set(self.left.get() - got),
                Ok(_) => return Err(Reason::Done),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Reason::lost(error)),
            }
        }
    }
}
