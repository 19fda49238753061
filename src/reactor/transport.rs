//! A connection, as a protocol sees it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::connection::Connection;
use super::event_loop::Reactor;
use super::producer::{Producer, ProducerError};

/// More than this many bytes unsent pause a push producer: Twisted's `bufferSize`, 64 KiB (TW-100).
pub const HIGH_WATER: usize = 65_536;

/// How many bytes may wait to be sent unless [`Transport::set_max_buffered`] says otherwise: 64 MiB, the size of
/// the largest poem taken. A peer that never reads then costs a reset instead of all memory.
pub const MAX_BUFFERED: usize = 64 * 1024 * 1024;

/// A handle to one TCP connection. Cheap to clone; it may outlive the connection, and then does nothing.
#[derive(Clone)]
pub struct Transport {
    connection: Rc<Connection>,
}

impl Transport {
    pub(crate) fn new(connection: Rc<Connection>) -> Transport {
        Transport { connection }
    }

    /// Has `data` sent, in order, as soon as the peer takes it. Never blocks and never fails: what is written after
    /// `lose_connection` but before all is flushed is still sent, after the end it is dropped (TW-094). Empty data
    /// is nothing (TW-098).
    pub fn write(&self, data: impl Into<Bytes>) {
        self.connection.write(data.into());
    }

    /// As one write of all the pieces, without joining them (TW-098).
    pub fn write_sequence<B: Into<Bytes>>(&self, pieces: impl IntoIterator<Item = B>) {
        self.connection.write_all(pieces.into_iter().map(Into::into));
    }

    /// Reads no more, sends what was written, then closes well: the peer gets every byte and a clean end (TW-093).
    /// A pull producer, or a push producer that is paused, may finish first: the close waits until it is
    /// unregistered (TW-103). Asking twice is asking once.
    pub fn lose_connection(&self) {
        self.connection.lose();
    }

    /// Sends what was written, then tells the peer that nothing more comes; reading goes on (TW-097).
    pub fn lose_write_connection(&self) {
        self.connection.lose_write();
    }

    /// Drops what is unsent and resets the connection. `connection_lost` comes in a later turn (TW-095).
    pub fn abort_connection(&self) {
        self.connection.abort();
    }

    /// The other end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.connection.peer()
    }

    /// This end.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn host(&self) -> io::Result<SocketAddr> {
        self.connection.host()
    }

    /// Whether it is open: neither lost nor aborted. True while a `lose_connection` is being flushed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    /// Whether nobody has closed it yet: connected, and no `lose_connection` either.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// Bytes written and not yet taken by the kernel.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.connection.buffered()
    }

    /// Lets at most `bytes` wait to be sent; a write beyond that aborts the connection with
    /// [`Reason::Overflow`](super::Reason::Overflow). Default [`MAX_BUFFERED`].
    pub fn set_max_buffered(&self, bytes: usize) {
        self.connection.set_max_buffered(bytes);
    }

    /// Aborts the connection when data waits and the peer takes none of it for `limit`; `None` (the default) waits
    /// for ever, as Twisted does.
    pub fn set_stall_limit(&self, limit: Option<Duration>) {
        self.connection.set_stall_limit(limit);
    }

    /// Names who makes the bytes, so that it can be told to wait; `streaming` for a push producer. On a lost
    /// connection it is told to stop at once (TW-102).
    ///
    /// # Errors
    /// When there is one already.
    pub fn register_producer(
        &self,
        producer: Rc<dyn Producer>,
        streaming: bool,
    ) -> Result<(), ProducerError> {
        self.connection.register_producer(producer, streaming)
    }

    /// The producer is done. A close that waited for it goes on.
    pub fn unregister_producer(&self) {
        self.connection.unregister_producer();
    }

    /// Stops reading: no `data_received`, and the peer's end goes unnoticed, until resumed (TW-099).
    pub fn pause_producing(&self) {
        self.connection.stop_reading();
    }

    /// Reads again; nothing happens when the connection is being closed (TW-099).
    pub fn resume_producing(&self) {
        self.connection.resume_reading();
    }

    /// The reactor it belongs to.
    #[must_use]
    pub fn reactor(&self) -> &Reactor {
        self.connection.reactor()
    }
}

/// A transport produces what it reads: so it can be the push producer of another one (TW-114).
impl Producer for Transport {
    fn pause_producing(&self) {
        Transport::pause_producing(self);
    }

    fn resume_producing(&self) {
        Transport::resume_producing(self);
    }

    fn stop_producing(&self) {
        self.lose_connection();
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("peer", &self.peer())
            .field("connected", &self.is_connected())
            .field("buffered", &self.buffered())
            .finish()
    }
}
