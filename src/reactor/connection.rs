//! What stands behind a [`Transport`]: the socket, what waits to be sent, and how it all ends.
//!
//! **How a connection ends.** An accepted socket inherits linger 0 from the listening one, so whatever kills the
//! process resets the connection. Linger is taken off only when the last byte has been handed over: only a good end
//! looks like one.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;

use super::descriptor::{Descriptor, ReadDescriptor, WriteDescriptor};
use super::drain::Drain;
use super::error::ReactorError;
use super::event_loop::Reactor;
use super::outbuffer::OutBuffer;
use super::outcome::{Raised, Report, catch};
use super::poller::Fd;
use super::producer::Producer;
use super::protocol::{Handled, Protocol};
use super::reason::Reason;
use super::timers::DelayedCall;
use super::transport::{HIGH_WATER, MAX_BUFFERED, Transport};

#[cfg(test)]
mod flow_tests;
mod flush;
#[cfg(test)]
mod tests;

/// How much one `do_read` takes at most: one connection must not keep the loop from the others.
const READ_SIZE: usize = 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Reading (unless paused) and writing.
    Open,
    /// `lose_connection` was called: flushing.
    Closing,
    /// It will end with a reason already known, in the next turn: writes are dropped.
    Ending,
    /// `connection_lost` was called.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteSide {
    Open,
    /// `lose_write_connection` was called: flushing.
    Shutting,
    /// The peer has been told that nothing more comes.
    Shut,
}

struct Registered {
    producer: Rc<dyn Producer>,
    streaming: bool,
}

type OnEnd = Box<dyn FnOnce(&Reason)>;

pub(crate) struct Connection {
    me: Weak<Connection>,
    reactor: Reactor,
    socket: RefCell<Option<Rc<TcpStream>>>,
    peer: SocketAddr,
    protocol: RefCell<Option<Box<dyn Protocol>>>,
    half_close: Cell<bool>,
    out: RefCell<OutBuffer>,
    max_buffered: Cell<usize>,
    stage: Cell<Stage>,
    /// The peer's end of stream was met.
    peer_ended: Cell<bool>,
    write_side: Cell<WriteSide>,
    reading: Cell<bool>,
    writing: Cell<bool>,
    producer: RefCell<Option<Registered>>,
    producer_paused: Cell<bool>,
    stall_limit: Cell<Option<Duration>>,
    stall: RefCell<Option<DelayedCall>>,
    /// Tells the port or connector it came from.
    on_end: RefCell<Option<OnEnd>>,
}

impl Connection {
    /// Takes a connected, non-blocking socket. Nothing is read before [`Connection::begin`].
    pub(crate) fn new(
        reactor: &Reactor,
        socket: TcpStream,
        peer: SocketAddr,
        on_end: OnEnd,
    ) -> Rc<Connection> {
        Rc::new_cyclic(|me| Connection {
            me: me.clone(),
            reactor: reactor.clone(),
            socket: RefCell::new(Some(Rc::new(socket))),
            peer,
            protocol: RefCell::new(None),
            half_close: Cell::new(false),
            out: RefCell::default(),
            max_buffered: Cell::new(MAX_BUFFERED),
            stage: Cell::new(Stage::Open),
            peer_ended: Cell::new(false),
            write_side: Cell::new(WriteSide::Open),
            reading: Cell::new(false),
            writing: Cell::new(false),
            producer: RefCell::new(None),
            producer_paused: Cell::new(false),
            stall_limit: Cell::new(None),
            stall: RefCell::new(None),
            on_end: RefCell::new(Some(on_end)),
        })
    }

    /// Starts to read, and lets `protocol` know that it is connected. One that fails in that is reset.
    ///
    /// # Errors
    /// When the reactor cannot watch the socket; the protocol was not called then, and the socket is reset.
    pub(crate) fn begin(&self, protocol: Box<dyn Protocol>) -> Result<(), ReactorError> {
        if let Err(error) = self.start_reading() {
            self.reset_on_close();
            self.socket.take();
            self.stage.set(Stage::Closed);
            return Err(error);
        }
        if let Some(me) = self.me.upgrade() {
            self.reactor.keep_connection(me);
        }
        self.half_close.set(protocol.handles_half_close());
        *self.protocol.borrow_mut() = Some(protocol);
        if let Err(raised) = self.call("connection_made", <dyn Protocol>::connection_made) {
            self.end_soon(Reason::Raised(raised));
        }
        Ok(())
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(crate) fn host(&self) -> io::Result<SocketAddr> {
        let socket = self.socket.borrow().clone();
        socket.ok_or(io::ErrorKind::NotConnected)?.local_addr()
    }

    pub(crate) fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.stage.get(), Stage::Open | Stage::Closing)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.stage.get() == Stage::Open
    }

    pub(crate) fn buffered(&self) -> usize {
        self.out.borrow().len()
    }

    pub(crate) fn set_max_buffered(&self, bytes: usize) {
        self.max_buffered.set(bytes);
    }

    pub(crate) fn set_stall_limit(&self, limit: Option<Duration>) {
        self.stall_limit.set(limit);
        self.watch_stall();
    }

    pub(crate) fn write(&self, data: Bytes) {
        self.write_all(std::iter::once(data));
    }

    pub(crate) fn write_all(&self, pieces: impl Iterator<Item = Bytes>) {
        if !self.is_connected() || self.write_side.get() == WriteSide::Shut {
            return;
        }
        let (before, after) = {
            let mut out = self.out.borrow_mut();
            let before = out.len();
            pieces.for_each(|piece| out.push(piece));
            (before, out.len())
        };
        if after == before {
            return;
        }
        if after > self.max_buffered.get() {
            return self.end_soon(Reason::Overflow { buffered: after, limit: self.max_buffered.get() });
        }
        if before == 0 {
            self.watch_stall();
        }
        self.start_writing();
        let to_pause =
            self.producer.borrow().as_ref().filter(|it| it.streaming).map(|it| Rc::clone(&it.producer));
        if let Some(producer) = to_pause.filter(|_| after > HIGH_WATER) {
            self.producer_paused.set(true);
            producer.pause_producing();
        }
    }

    pub(crate) fn lose(&self) {
        if self.stage.get() != Stage::Open {
            return;
        }
        self.stop_reading();
        self.stage.set(Stage::Closing);
        // The end comes from the loop in any case, so that no protocol is called back from inside its own call.
        self.start_writing();
    }

    pub(crate) fn lose_write(&self) {
        if self.stage.get() == Stage::Open && self.write_side.get() == WriteSide::Open {
            self.write_side.set(WriteSide::Shutting);
            self.start_writing();
        }
    }

    pub(crate) fn abort(&self) {
        self.end_soon(Reason::Aborted);
    }

    pub(crate) fn resume_reading(&self) {
        if self.stage.get() == Stage::Open && !self.peer_ended.get() {
            // It was watched before, so it can be watched again, unless the kernel is out of memory.
            if let Err(error) = self.start_reading() {
                self.cannot_watch(error);
            }
        }
    }

    fn start_reading(&self) -> Result<(), ReactorError> {
        if !self.reading.replace(true) {
            let me: Option<Rc<dyn ReadDescriptor>> =
                self.me.upgrade().map(|me| -> Rc<dyn ReadDescriptor> { me });
            return me.map_or(Ok(()), |me| self.reactor.add_reader(me));
        }
        Ok(())
    }

    pub(crate) fn stop_reading(&self) {
        if self.reading.replace(false) {
            self.reactor.remove_reader(self);
        }
    }

    fn start_writing(&self) {
        if !self.writing.replace(true)
            && let Some(me) = self.me.upgrade()
            && let Err(error) = self.reactor.add_writer(me)
        {
            self.cannot_watch(error);
        }
    }

    fn stop_writing(&self) {
        if self.writing.replace(false) {
            self.reactor.remove_writer(self);
        }
    }

    fn cannot_watch(&self, error: ReactorError) {
        self.end_soon(Reason::lost(io::Error::other(error)));
    }

    /// Ends it in a later turn: `connection_lost` is never called from inside another call of its protocol.
    fn end_soon(&self, reason: Reason) {
        if !self.is_connected() {
            return;
        }
        self.stage.set(Stage::Ending);
        self.stop_reading();
        self.stop_writing();
        self.out.borrow_mut().clear();
        if let Some(me) = self.me.upgrade() {
            self.reactor.call_later(Duration::ZERO, move || me.end(&reason));
        }
    }

    /// The end. Whatever leads here, it happens once.
    fn end(&self, reason: &Reason) {
        if self.stage.replace(Stage::Closed) == Stage::Closed {
            return;
        }
        self.stop_reading();
        self.stop_writing();
        if let Some(stall) = self.stall.take() {
            // It may be the very call that brought us here.
            let _ = stall.cancel();
        }
        self.close_socket(reason);
        if let Some(registered) = self.producer.take() {
            self.reactor.guard(|| "in stop_producing".to_owned(), || registered.producer.stop_producing());
        }
        if let Some(mut protocol) = self.protocol.take() {
            let context = || format!("in connection_lost of {}", self.peer);
            self.reactor.guard(context, || protocol.connection_lost(reason));
        }
        if let Some(on_end) = self.on_end.take() {
            self.reactor.guard(|| "after a connection was lost".to_owned(), || on_end(reason));
        }
        self.reactor.let_go(self);
    }

    fn close_socket(&self, reason: &Reason) {
        let Some(socket) = self.socket.take() else { return };
        let unsent = !self.out.borrow().is_empty();
        self.out.borrow_mut().clear();
        match reason {
            Reason::Done if !unsent => {
                // Failures here mean that the connection is gone already, which is what is wanted.
                let _ = SockRef::from(&*socket).set_linger(None);
                let _ = socket.shutdown(Shutdown::Write);
                if !self.peer_ended.get() {
                    Drain::start(&self.reactor, socket);
                }
            }
            // Left as it is: an accepted connection resets, one of our own closes, as if the process had ended.
            Reason::Stopped | Reason::Done | Reason::Lost(_) => {}
            Reason::Aborted | Reason::Overflow { .. } | Reason::Stalled(_) | Reason::Raised(_) => {
                let _ = SockRef::from(&*socket).set_linger(Some(Duration::ZERO));
            }
        }
    }

    fn reset_on_close(&self) {
        if let Some(socket) = self.socket.borrow().as_ref() {
            let _ = SockRef::from(&**socket).set_linger(Some(Duration::ZERO));
        }
    }

    /// Calls the protocol; a failure is reported here, and given back for the connection to end with.
    fn call(
        &self,
        method: &str,
        call: impl FnOnce(&mut dyn Protocol, &Transport) -> Handled,
    ) -> Result<(), Raised> {
        let Some(me) = self.me.upgrade() else { return Ok(()) };
        let transport = Transport::new(me);
        let mut protocol = self.protocol.borrow_mut();
        let Some(protocol) = protocol.as_mut() else { return Ok(()) };
        let result = catch(|| call(protocol.as_mut(), &transport));
        if let Err(raised) = &result {
            let context = format!("in {method} of {}", self.peer);
            self.reactor.report(&Report { context, raised: raised.clone() });
        }
        result
    }

    /// The end of the peer's stream.
    fn met_end(&self) -> Result<(), Reason> {
        self.peer_ended.set(true);
        if !self.half_close.get() || self.write_side.get() == WriteSide::Shut {
            return Err(Reason::Done);
        }
        self.stop_reading();
        self.call("read_connection_lost", <dyn Protocol>::read_connection_lost).map_err(Reason::Raised)
    }
}

impl Descriptor for Connection {
    fn fileno(&self) -> Option<Fd> {
        self.socket.borrow().clone().map(|socket| -> Fd { socket })
    }

    fn log_prefix(&self) -> String {
        format!("the connection with {}", self.peer)
    }

    fn connection_lost(&self, reason: &Reason) {
        self.reading.set(false);
        self.writing.set(false);
        self.end(reason);
    }
}

impl ReadDescriptor for Connection {
    fn do_read(&self) -> Result<(), Reason> {
        let Some(socket) = self.socket.borrow().clone() else { return Ok(()) };
        self.reactor.with_scratch(READ_SIZE, |buffer| match (&*socket).read(buffer) {
            Ok(0) => self.met_end(),
            Ok(got) => self
                .call("data_received", |protocol, transport| {
                    protocol.data_received(transport, &buffer[..got])
                })
                .map_err(Reason::Raised),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(())
            }
            Err(error) => Err(Reason::lost(error)),
        })
    }
}

impl WriteDescriptor for Connection {
    fn do_write(&self) -> Result<(), Reason> {
        let Some(socket) = self.socket.borrow().clone() else { return Ok(()) };
        self.send(&socket)?;
        if self.out.borrow().is_empty() { self.flushed() } else { Ok(()) }
    }
}
